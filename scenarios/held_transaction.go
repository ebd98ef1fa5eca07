package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// HeldTransaction freezes one of two loaders in the middle of its transactions.
// They stay open, with the numbers that they drew, while the other loader
// commits higher ones; then they go on and commit. The slow link makes sure
// that some of its many workers stand right before their COMMIT.
func HeldTransaction() harness.Scenario {
	return harness.Scenario{
		Name:       "held-transaction",
		Hypothesis: "What commits late becomes visible late, and is not passed over because later work was there before it.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FilesPerSecond = 15, 80, 5
		},
		Deployment: harness.Deployment{
			Replicas: map[string]int{fault.Loader: 2},
			Settings: map[string]string{"WORKERS": "16", "TRANSACTION_TIMEOUT": "1m"},
		},
		Plan: []harness.Step{
			{When: harness.Committed(20), Fault: fault.Latency(fault.Postgres, fault.Downstream, 500*time.Millisecond, 0), Recover: harness.Bites(2, 0)},
			{When: harness.Bites(1, time.Second), Fault: fault.Pause(fault.Replica(fault.Loader, 2)), Recover: harness.VisibleSince(2, 200)},
		},
		Catches: []string{"outbox-by-sequence"},
	}
}
