package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// IndexRebuilt builds the index anew while files are imported, and swaps the
// alias that readers use: the link to Elasticsearch is slow and the sync
// writes in small steps, so that much is imported between its first step and
// the swap.
func IndexRebuilt() harness.Scenario {
	return harness.Scenario{
		Name:       "index-rebuilt",
		Hypothesis: "While the index is built anew and swapped, everything that is imported meanwhile gets into both, and readers notice nothing.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FilesPerSecond = 20, 50, 5
		},
		Deployment: harness.Deployment{Settings: map[string]string{"SYNC_BATCH": "25"}},
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.Elasticsearch, fault.Downstream, 200*time.Millisecond, 0), Recover: harness.Healed(2, 0)},
			{When: harness.Committed(25), Operation: harness.Operation{Name: "sync"}},
		},
		Catches: []string{"alias-swap-loses-writes"},
	}
}
