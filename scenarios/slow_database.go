package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// SlowDatabase keeps the database waiting for longer than the broker waits for
// an ack: the broker closes the channel and delivers again what is still being
// worked on.
func SlowDatabase() harness.Scenario {
	return harness.Scenario{
		Name:       "slow-database",
		Hypothesis: "Work that takes longer than the broker waits for its ack is done once, however often it is delivered meanwhile.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.UpdatePercent, w.DeletePercent = 10, 75, 0, 0
		},
		// The pipeline itself waits longer than the broker does, and has workers
		// and connections left for what is delivered again meanwhile.
		Deployment: harness.Deployment{Settings: map[string]string{"TRANSACTION_TIMEOUT": "1m", "PREFETCH": "8", "WORKERS": "16"}},
		Plan: []harness.Step{
			throttled(harness.Bites(3, 0)),
			{When: harness.Immediately(), Fault: fault.AckTimeout(2 * time.Second), Recover: harness.Healed(3, 0)},
			{When: harness.Committed(15), Fault: fault.LockTable(), Recover: harness.Both(harness.Bites(2, 1500*time.Millisecond), harness.After(5*time.Second))},
		},
		Catches: []string{"outlasts-ack-timeout"},
	}
}
