package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// DatabaseKilled ends Postgres with SIGKILL while transactions are open, which a
// slow link sees to on the quickest machine; it comes back through crash recovery.
func DatabaseKilled() harness.Scenario {
	return harness.Scenario{
		Name:       "database-killed",
		Hypothesis: "A database that dies costs time only: open transactions are done again, those whose commit was answered stand.",
		Workload:   trickle(20, 60, 4),
		Deployment: manyWorkers,
		Plan: []harness.Step{
			throttled(harness.Bites(2, 0)),
			{When: harness.Committed(15), Fault: fault.CrashRecovery(), Recover: harness.After(time.Second)},
		},
	}
}
