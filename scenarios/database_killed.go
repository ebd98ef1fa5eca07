package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// DatabaseKilled ends Postgres with SIGKILL while transactions are open; it
// comes back through crash recovery.
func DatabaseKilled() harness.Scenario {
	return harness.Scenario{
		Name:       "database-killed",
		Hypothesis: "A database that dies costs time only: open transactions are done again, those whose commit was answered stand.",
		Workload:   func(w *workload.Config) { w.RecordsPerFile = 60 },
		Plan: []harness.Step{
			{When: harness.Committed(15), Fault: fault.CrashRecovery(), Recover: harness.After(time.Second)},
		},
	}
}
