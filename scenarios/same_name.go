package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// SameName drops files a second time, and other files under names that were
// there before.
func SameName() harness.Scenario {
	return harness.Scenario{
		Name:       "same-name",
		Hypothesis: "A file is known by what it holds: the same again changes nothing, other content under the same name is imported.",
		Workload:   trickle(12, 60, 8),
		Plan:       dataFaults(fault.SameName(4), fault.ReDrop(4)),
		Catches:    []string{"seen-by-name"},
	}
}
