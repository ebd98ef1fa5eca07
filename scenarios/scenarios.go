package scenarios

import (
	"github.com/seatrial/seatrial/harness"
)

// All returns every scenario, the control first.
func All() []harness.Scenario {
	return []harness.Scenario{
		Calm(),
		BrokerKilled(),
		LoaderKilled(),
		AcksLost(),
		CutAtCommit(),
		SlowDatabase(),
		HeldTransaction(),
		DatabaseKilled(),
		DatabaseTroubled(),
		IndexOOM(),
		IndexBlocked(),
		IndexDeleted(),
		IndexRebuilt(),
		DoubleSync(),
		SyncHolderPaused(),
		ForgottenConsumer(),
		CorruptedVhost(),
		QueueRedeclared(),
		BrokerRecreated(),
		HostileData(),
		PartialUpload(),
		SameName(),
		BigFile(),
		OutOfOrderFiles(),
		WipedInbox(),
		CollectorRestarted(),
		CollectorDoubled(),
		LostRename(),
		MovedDirectory(),
		SFTPTroubled(),
		BindingDeleted(),
		LostConfirms(),
		ReconnectMidWork(),
		BrokerAlarm(),
		QueueDeleted(),
	}
}

// ByName returns the scenario of that name.
func ByName(name string) (harness.Scenario, bool) {
	for _, scenario := range All() {
		if scenario.Name == name {
			return scenario, true
		}
	}
	return harness.Scenario{}, false
}
