package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// QueueDeleted purges the loader's queue and then deletes it, with all that
// waits in it (a lock on the loader's table keeps it there), while files go on
// coming in. What the broker had confirmed is gone; the replay brings it back.
func QueueDeleted() harness.Scenario {
	return harness.Scenario{
		Name:       "queue-deleted",
		Hypothesis: "A queue that is deleted costs a replay: every record of its messages comes back from the archive, and what had arrived already has no effect twice.",
		Workload:   trickle(20, 60, 5),
		Pauses:     []harness.Pause{{Percent: 50, Until: harness.Committed(10)}},
		Plan: []harness.Step{
			{When: harness.Committed(10), Fault: fault.LockTable(), Recover: harness.Bites(3, 0)},
			{When: harness.Queued(20), Fault: fault.MessagesPurged(fault.Loader), Recover: harness.Immediately()},
			{When: harness.Healed(2, 0), Fault: fault.QueueDeleted(fault.Loader), Recover: harness.Immediately()},
			{When: harness.Taken(100), Operation: harness.Operation{Name: "replay"}},
		},
		Repairs: "replay",
	}
}
