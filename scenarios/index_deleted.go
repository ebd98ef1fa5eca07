package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// IndexDeleted deletes the index that readers search while files are imported,
// and then puts one in its place whose mapping refuses every document. A sync
// follows each. A lock on the table keeps part of the import for the second.
func IndexDeleted() harness.Scenario {
	return harness.Scenario{
		Name:       "index-deleted",
		Hypothesis: "The index can be lost or made wrongly at any time: a sync builds it anew from the database, and what was refused meanwhile gets into it.",
		Workload:   trickle(16, 50, 5),
		Deployment: manyWorkers,
		Plan: []harness.Step{
			throttled(harness.Bites(4, 0)),
			{When: harness.Committed(25), Fault: fault.IndexDeleted(), Recover: harness.Immediately()},
			{When: harness.Bites(2, 0), Operation: harness.Operation{Name: "sync"}},
			{When: harness.Immediately(), Fault: fault.LockTable(), Recover: harness.Bites(5, 0)},
			{When: harness.Healed(3, 0), Fault: fault.MappingConflict(), Recover: harness.Immediately()},
			{When: harness.Bites(5, 0), Operation: harness.Operation{Name: "sync"}},
		},
		Repairs: "sync",
	}
}
