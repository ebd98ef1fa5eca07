package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/workload"
)

// Calm is the control: deltas and full snapshots, and nothing is broken.
func Calm() harness.Scenario {
	return harness.Scenario{
		Name:       "calm",
		Hypothesis: "While nothing is broken, every record is stored, visible and confirmed exactly once, and the import says so.",
		Workload:   func(w *workload.Config) { w.RecordsPerFile, w.FullEvery = 100, 10 },
	}
}
