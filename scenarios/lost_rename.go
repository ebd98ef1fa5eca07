package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// LostRename cuts every connection to SFTP at the moment at which a file has
// left the inbox and nobody was told: the link is slow on its way back, so the
// server's answers are still under way when their effect is seen.
func LostRename() harness.Scenario {
	return harness.Scenario{
		Name:       "lost-rename",
		Hypothesis: "A rename whose answer got lost is looked into, not tried for ever: no file is taken twice for it, and none waits behind it.",
		Workload:   trickle(12, 60, 4),
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.SFTP, fault.Downstream, time.Second, 0), Recover: harness.Healed(2, time.Second)},
			{When: harness.TakenSince(1, 1), Fault: fault.Cut(fault.SFTP), Recover: harness.Immediately()},
		},
		Catches: []string{"rename-retried"},
	}
}
