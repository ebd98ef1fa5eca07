package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// BrokerKilled ends the broker with SIGKILL while publishes are on their way
// and deliveries are being worked on. The slow link keeps both true at every
// moment: files come four a second, and each is under way for 400 ms; so are
// acks, and most of what was published waits in the queue.
func BrokerKilled() harness.Scenario {
	return harness.Scenario{
		Name:       "broker-killed",
		Hypothesis: "A broker that dies takes nothing with it: what was not confirmed is published again, what was not acked is delivered again, and neither has an effect twice.",
		Workload:   trickle(20, 100, 4),
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.RabbitMQ, fault.Upstream, 400*time.Millisecond, 0), Recover: harness.Healed(2, 0)},
			{When: harness.Both(harness.Taken(40), harness.Bites(1, 0)), Fault: fault.Kill(fault.RabbitMQ), Recover: harness.After(time.Second)},
		},
		Catches: []string{"publish-unconfirmed", "transient-messages", "insert-not-upsert", "never-resubscribes"},
	}
}
