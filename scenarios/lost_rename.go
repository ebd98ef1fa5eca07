package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// LostRename cuts every connection to SFTP at the moment at which a file has
// left the inbox and nobody was told: the link is slow on its way back, so the
// server's answers are still under way when their effect is seen.
func LostRename() harness.Scenario {
	return harness.Scenario{
		Name:       "lost-rename",
		Hypothesis: "A rename whose answer got lost is looked into, not tried for ever: no file is taken twice for it, and none waits behind it.",
		Workload:   trickle(12, 60, 4),
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.SFTP, fault.Downstream, time.Second, 0), Recover: harness.Healed(2, time.Second)},
			{When: harness.TakenSince(1, 1), Fault: fault.Cut(fault.SFTP), Recover: harness.Immediately()},
		},
		Catches: []string{"rename-retried"},
	}
}

// trickle sends that many files of so many records, a few in every second.
func trickle(files, records int, perSecond float64) func(*workload.Config) {
	return func(w *workload.Config) { w.Files, w.RecordsPerFile, w.FilesPerSecond = files, records, perSecond }
}
