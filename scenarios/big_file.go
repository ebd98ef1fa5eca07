package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// BigFile sends a file of more rows than a search counts, and small ones after it.
func BigFile() harness.Scenario {
	return harness.Scenario{
		Name:       "big-file",
		Hypothesis: "The import counts every row of a file, also beyond 10,000.",
		Workload:   func(w *workload.Config) { w.Files, w.RecordsPerFile = 3, 60 },
		Plan:       dataFaults(fault.HugeFile(10_400)),
		Catches:    []string{"count-from-search"},
	}
}
