package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// LostConfirms cuts the connections to the broker while confirms are on their
// way: the broker has the messages, and whoever published them is never told.
// The link is slow on its way back, so that a confirm is always under way; it
// is the next bytes from the broker that are swallowed and end the connection.
func LostConfirms() harness.Scenario {
	return harness.Scenario{
		Name:       "lost-confirms",
		Hypothesis: "A confirm that gets lost costs a second delivery and nothing else: the file is published again, and no row of it has an effect twice.",
		Workload:   func(w *workload.Config) { w.Files, w.RecordsPerFile = 10, 100 },
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.RabbitMQ, fault.Downstream, time.Second, 0), Recover: harness.Healed(2, 0)},
			{When: harness.TakenSince(1, 1), Fault: fault.ResetPeer(fault.RabbitMQ, fault.Downstream, 0), Recover: harness.After(time.Second)},
		},
		Catches: []string{"republish-without-key", "confirm-wait-hangs"},
	}
}
