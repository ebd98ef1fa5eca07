package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// MovedDirectory is incident 4 by its own course: a deployment changes the
// layout of the directory that the taking side shares with the importing side
// and breaks off half-way, with files in the old place and new ones coming to
// the new one; later it is put right step by step. The broker's link is slow
// before that, so that there is something to be moved.
func MovedDirectory() harness.Scenario {
	return harness.Scenario{
		Name:       "moved-directory",
		Incident:   movedDirectory,
		Hypothesis: "A deployment that breaks off holds data back, and says so; what was held back comes in the order in which it was written, and nobody reports an import that did not happen.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FilesPerSecond, w.UpdatePercent = 20, 50, 8, 40
		},
		// The others come to the new place.
		Pauses: []harness.Pause{{Percent: 50, Until: harness.Healed(2, 0)}},
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Bandwidth(fault.RabbitMQ, fault.Upstream, 5), Recover: harness.Healed(2, 0)},
			{When: harness.Taken(45), Operation: harness.Operation{Name: "relayout", Args: map[string]string{"after": "3"}}},
			{When: harness.Taken(90), Operation: harness.Operation{Name: "restore"}},
		},
		Catches: []string{"looks-in-old-directory", "deltas-out-of-order"},
	}
}
