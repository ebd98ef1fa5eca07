package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// HostileData sends everything at once that people's exports hold and imports
// stumble over. What must be rejected stands between rows that must not be.
func HostileData() harness.Scenario {
	return harness.Scenario{
		Name:       "hostile-data",
		Hypothesis: "Whatever stands in a file, each row is stored as it is or rejected with a trace, and its neighbours never notice.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FullEvery, w.RecreatePercent, w.FilesPerSecond = 14, 60, 8, 3, 8
		},
		Plan: dataFaults(
			fault.PoisonRows(3), fault.WrongEncoding(2), fault.ZeroBytes(2), fault.Markup(4), fault.MixedTypes(4), fault.HugeFields(2),
			fault.ByteOrderMark(4), fault.CRLF(4), fault.EmptyFile(6), fault.BlankFile(9), fault.DuplicateRows(4),
		),
		Catches: []string{"no-dead-letter", "bad-row-hides-neighbours", "mapping-by-first-document"},
	}
}

// dataFaults is a plan of faults that are in what is sent: all from the beginning.
func dataFaults(faults ...fault.Fault) []harness.Step {
	var steps []harness.Step
	for _, f := range faults {
		steps = append(steps, harness.Step{When: harness.Immediately(), Fault: f, Recover: harness.Immediately()})
	}
	return steps
}
