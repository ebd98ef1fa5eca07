package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// CutAtCommit cuts the pipeline's connections to Postgres while its
// transactions stand at COMMIT: they are in the server's log, which waits for a
// standby, and nobody was told. What was committed stays so.
func CutAtCommit() harness.Scenario {
	return harness.Scenario{
		Name:       "cut-at-commit",
		Hypothesis: "A COMMIT whose answer never came is asked about before anything is done again: what was stored is not stored twice.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.UpdatePercent, w.FilesPerSecond = 12, 75, 10, 4
		},
		// Enough of them stand at COMMIT at any moment.
		Deployment: harness.Deployment{Settings: map[string]string{"WORKERS": "12"}},
		Plan: []harness.Step{
			{When: harness.Committed(25), Fault: fault.CommitsHeld(), Recover: harness.Healed(2, 0)},
			{When: harness.Bites(1, 300*time.Millisecond), Fault: fault.BackendsKilled(), Recover: harness.Immediately()},
		},
		Catches: []string{"commit-retried-blindly"},
	}
}
