package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// LoaderKilled ends the consumer that writes the database in the middle of its
// work: a lock on its table, as a migration takes one, holds every one of its
// transactions open when SIGKILL comes.
func LoaderKilled() harness.Scenario {
	return harness.Scenario{
		Name:       "loader-killed",
		Hypothesis: "A consumer that dies between delivery and commit loses nothing: what it had not committed is delivered again.",
		Workload:   trickle(20, 100, 4),
		Deployment: manyWorkers,
		Plan: []harness.Step{
			{When: harness.Committed(30), Fault: fault.LockTable(), Recover: harness.Healed(2, 0)},
			{When: harness.Bites(1, time.Second), Fault: fault.Kill(fault.Loader), Recover: harness.After(time.Second)},
		},
		Catches: []string{"ack-before-commit"},
	}
}
