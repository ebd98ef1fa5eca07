package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// CollectorDoubled has a second collector beside the first for a while, as
// when somebody scales up or an old machine was forgotten. The link to SFTP is
// slow, so that taking a file takes a while and both are at the same one.
func CollectorDoubled() harness.Scenario {
	return harness.Scenario{
		Name:       "collector-doubled",
		Hypothesis: "Two collectors that take one file are as good as one: its records have an effect once.",
		Workload:   trickle(12, 60, 4),
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.SFTP, fault.Downstream, 100*time.Millisecond, 0), Recover: harness.Healed(2, 0)},
			{When: harness.Taken(10), Fault: fault.ReplicasDoubled(fault.Collector), Recover: harness.Taken(70)},
		},
		Catches: []string{"double-claim"},
	}
}
