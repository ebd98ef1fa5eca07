package harness

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/repair"
)

// PlanRepair returns what has to be done so that the data of a stored run is
// whole again, and what was found in it. Errors wrap ErrUsage where the folder
// holds no run that this version can judge and plan for.
func PlanRepair(dir string) (repair.Plan, error) {
	stored, err := history.Load(dir)
	if err != nil {
		return repair.Plan{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	result, err := check.Judge(stored)
	if err != nil {
		return repair.Plan{}, fmt.Errorf("%w: %s: %w", ErrUsage, dir, err)
	}
	plan, err := repair.Of(stored, result, meansOf(stored.Header))
	if err != nil {
		return plan, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return plan, nil
}

// repairOf returns the plan for a run that was judged; nil where nothing is to
// be mended, or where what was stored does not tell (the verdict says so then).
func repairOf(stored *history.Run, result check.Result) *repair.Plan {
	if len(result.Findings) == 0 {
		return nil
	}
	plan, err := repair.Of(stored, result, meansOf(stored.Header))
	if err != nil {
		return nil
	}
	return &plan
}
