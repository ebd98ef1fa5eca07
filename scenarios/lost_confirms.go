package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// LostConfirms cuts the connections to the broker while confirms are on their
// way: the broker has the messages, and whoever published them is never told.
// The link is slow on its way back, so that a confirm is always under way and
// files wait for their turn; it is the next bytes from the broker that are
// swallowed and end the connection.
func LostConfirms() harness.Scenario {
	return harness.Scenario{
		Name:       "lost-confirms",
		Hypothesis: "A confirm that gets lost costs a second delivery and nothing else: the file is published again, and no row of it has an effect twice.",
		Workload:   trickle(24, 40, 4),
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.RabbitMQ, fault.Downstream, 500*time.Millisecond, 0), Recover: harness.Healed(2, 0)},
			{When: harness.Bites(1, 0), Fault: fault.ResetPeer(fault.RabbitMQ, fault.Downstream, 0), Recover: harness.After(time.Second)},
		},
		Catches: []string{"republish-without-key", "confirm-wait-hangs"},
	}
}
