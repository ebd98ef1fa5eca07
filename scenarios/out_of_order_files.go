package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// OutOfOrderFiles sends deltas, and deltas and snapshots, in another order than
// they were written in: two files for one key are under way at a time, and
// records are updated, deleted and brought back by the earlier one later.
func OutOfOrderFiles() harness.Scenario {
	return harness.Scenario{
		Name:       "out-of-order-files",
		Hypothesis: "What was written last is in effect, in whatever order it comes: nothing gets older, and nothing deleted returns.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FullEvery, w.FilesPerSecond = 15, 60, 6, 8
			w.UpdatePercent, w.DeletePercent, w.RecreatePercent = 40, 8, 6
		},
		Plan: dataFaults(fault.LateDeltas(2)),
	}
}
