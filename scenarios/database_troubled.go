package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// DatabaseTroubled has Postgres lose its connections, then its disk, then the
// right to write; it becomes read-only while its disk is still full, as it may
// when somebody protects what is there.
func DatabaseTroubled() harness.Scenario {
	return harness.Scenario{
		Name:       "database-troubled",
		Hypothesis: "A database that cuts connections, has no room or takes no writes is waited for: nothing is given up, and nothing is rejected that a sound one would take.",
		Workload:   trickle(16, 75, 4),
		Deployment: manyWorkers,
		Plan: []harness.Step{
			throttled(harness.Bites(3, 0)),
			{When: harness.Committed(15), Fault: fault.BackendsKilled(), Recover: harness.Immediately()},
			{When: harness.Committed(30), Fault: fault.PostgresDiskFull(), Recover: harness.Bites(4, 0)},
			{When: harness.Bites(3, 500*time.Millisecond), Fault: fault.ReadOnly(), Recover: harness.After(time.Second)},
		},
	}
}
