package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// CorruptedVhost breaks the virtual host on the broker's disk while records
// wait in its queues (a slow database keeps them there). Starting it again and
// restarting the broker are tried and fail; it is deleted and made anew, and
// what was sent since some time before the failure is replayed.
func CorruptedVhost() harness.Scenario {
	return harness.Scenario{
		Name:       "corrupted-vhost",
		Incident:   corruptedVhost,
		Hypothesis: "A virtual host that has to be made anew costs time only: a replay from before the failure brings back every record, and what had arrived already has no effect twice.",
		Workload:   trickle(20, 60, 5),
		Plan: []harness.Step{
			{When: harness.Committed(25), Fault: fault.Latency(fault.Postgres, fault.Upstream, 100*time.Millisecond, 0), Recover: harness.Bites(2, 0)},
			{When: harness.Bites(1, 0), Fault: fault.CorruptVhost(), Recover: harness.Immediately()},
			{When: harness.Healed(2, 0), Operation: harness.Operation{Name: "replay"}},
		},
		Repairs: "replay",
		Catches: []string{"replay-not-idempotent"},
	}
}
