package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// BrokerAlarm is a bad day for whoever runs the broker: it is short of memory
// and blocks everybody who publishes; while they wait, the permissions of the
// vhost are withdrawn and every connection is closed. A pipeline without a staging
// folder takes no file meanwhile: files that are sent are all that goes on.
func BrokerAlarm() harness.Scenario {
	return harness.Scenario{
		Name:       "broker-alarm",
		Hypothesis: "A broker that takes nothing, or nobody, is waited for: everything goes on when it does.",
		Workload:   trickle(20, 50, 10),
		Pauses:     []harness.Pause{{Percent: 40, Until: harness.Bites(2, 0)}},
		Plan: []harness.Step{
			throttled(harness.Bites(2, 0)),
			{When: harness.Taken(20), Fault: fault.MemoryAlarm(), Recover: harness.Healed(3, 0)},
			{When: harness.Sent(80), Fault: fault.PermissionsWithdrawn(), Recover: harness.Bites(4, time.Second)},
			{When: harness.Bites(3, 0), Fault: fault.ConnectionsClosed(), Recover: harness.Immediately()},
		},
	}
}
