package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// QueueRedeclared is the corrupted virtual host's other face: "channel
// shutdown, reply-code 406". Somebody has made the loader's queue anew with
// another argument while records waited in it (a slow database keeps them
// there). Messages go on going into it, and whoever declares it is refused,
// until it is made as it was; what was sent since some time before is replayed.
func QueueRedeclared() harness.Scenario {
	return harness.Scenario{
		Name:       "queue-redeclared",
		Incident:   corruptedVhost,
		Hypothesis: "A queue that was made anew with other arguments stops nobody for longer than it stands, and a replay brings back what went with it.",
		Workload:   trickle(20, 60, 8),
		Pauses:     []harness.Pause{{Percent: 60, Until: harness.Bites(2, 0)}},
		Deployment: manyWorkers,
		Plan: []harness.Step{
			throttled(harness.Bites(2, 0)),
			{When: harness.Committed(15), Fault: fault.QueueRedeclared(fault.Loader), Recover: harness.TakenSince(2, 4)},
			{When: harness.Healed(2, 0), Operation: harness.Operation{Name: "replay"}},
		},
		Repairs: "replay",
	}
}
