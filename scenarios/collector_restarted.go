package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// CollectorRestarted ends what takes the files with SIGKILL and starts it
// again, while files go on arriving.
func CollectorRestarted() harness.Scenario {
	return harness.Scenario{
		Name:       "collector-restarted",
		Hypothesis: "Which files were taken already is known after a restart too.",
		Workload:   trickle(12, 60, 4),
		Plan: []harness.Step{
			{When: harness.Committed(40), Fault: fault.Kill(fault.Collector), Recover: harness.Immediately()},
		},
		Catches: []string{"seen-set-in-memory"},
	}
}
