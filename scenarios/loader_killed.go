package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// LoaderKilled ends the consumer that writes the database in the middle of its work.
func LoaderKilled() harness.Scenario {
	return harness.Scenario{
		Name:       "loader-killed",
		Hypothesis: "A consumer that dies between delivery and commit loses nothing: what it had not committed is delivered again.",
		Plan: []harness.Step{
			{When: harness.Committed(30), Fault: fault.Kill(fault.Loader), Recover: harness.After(time.Second)},
		},
		Catches: []string{"ack-before-commit"},
	}
}
