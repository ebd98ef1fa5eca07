package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// CollectorRestarted ends what takes the files with SIGKILL and starts it
// again, while files go on arriving. The broker's link is slow, so that it
// always has something to do.
func CollectorRestarted() harness.Scenario {
	return harness.Scenario{
		Name:       "collector-restarted",
		Hypothesis: "Which files were taken already is known after a restart too.",
		Workload:   trickle(12, 60, 4),
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Bandwidth(fault.RabbitMQ, fault.Upstream, 20), Recover: harness.Healed(2, 0)},
			{When: harness.Committed(15), Fault: fault.Kill(fault.Collector), Recover: harness.Immediately()},
		},
		Catches: []string{"seen-set-in-memory"},
	}
}
