package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// PartialUpload has files under their final names before they are whole: some
// break off within a row and are uploaded again, some only take long.
func PartialUpload() harness.Scenario {
	return harness.Scenario{
		Name:       "partial-upload",
		Hypothesis: "A file is taken when it is whole, however long that takes and however often its upload begins anew.",
		Workload:   trickle(12, 60, 8),
		Plan:       dataFaults(fault.PartialUpload(4), fault.SlowUpload(4)),
		Catches:    []string{"reads-partial-upload", "truncated-tail"},
	}
}
