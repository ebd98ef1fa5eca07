package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// IndexBlocked has Elasticsearch take writes and show nobody what it took, then
// refuse every document, as it does when its disk fills up, then whole
// requests. Between them a lock on the table, as a migration takes one, keeps
// part of the import for the next.
func IndexBlocked() harness.Scenario {
	return harness.Scenario{
		Name:       "index-blocked",
		Hypothesis: "An index that takes no writes, or does not show them, holds up what readers see and loses nothing of it.",
		Workload:   trickle(16, 50, 6),
		Deployment: manyWorkers,
		Plan: []harness.Step{
			throttled(harness.Bites(5, 0)),
			{When: harness.Committed(15), Fault: fault.RefreshOff(), Recover: harness.Committed(35)},
			{When: harness.Committed(35), Fault: fault.LockTable(), Recover: harness.Bites(4, 0)},
			{When: harness.Healed(2, 0), Fault: fault.ReadOnlyIndex(), Recover: harness.Both(harness.Committed(65), harness.After(time.Second))},
			{When: harness.Committed(65), Fault: fault.LockTable(), Recover: harness.Bites(6, 0)},
			{When: harness.Healed(4, 0), Fault: fault.ReadOnlyCluster(), Recover: harness.Both(harness.Committed(95), harness.After(2*time.Second))},
		},
		Catches: []string{"read-only-taken-for-success", "failed-flush-forgotten"},
	}
}
