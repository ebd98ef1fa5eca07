package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// HeldTransaction freezes three backends of Postgres in the middle of the
// loader's transactions: they stay open, with the numbers that they drew, while
// others commit higher ones. Then they go on and commit. The slow link has
// transactions stand long enough before their COMMIT to be caught there.
func HeldTransaction() harness.Scenario {
	return harness.Scenario{
		Name:       "held-transaction",
		Hypothesis: "What commits late becomes visible late, and is not passed over because later work was there before it.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.UpdatePercent, w.FilesPerSecond = 24, 50, 10, 4
		},
		// Few lanes stand behind what is held, and nobody loses patience with it.
		Deployment: harness.Deployment{Settings: map[string]string{"WORKERS": "16", "PREFETCH": "256", "TRANSACTION_TIMEOUT": "1m"}},
		Plan: []harness.Step{
			{When: harness.Committed(20), Fault: fault.Latency(fault.Postgres, fault.Downstream, 300*time.Millisecond, 0), Recover: harness.Bites(2, 0)},
			{When: harness.Bites(1, 1500*time.Millisecond), Fault: fault.TransactionsHeld(3), Recover: harness.VisibleBeyond(2, 250)},
		},
		Catches: []string{"outbox-by-sequence"},
	}
}
