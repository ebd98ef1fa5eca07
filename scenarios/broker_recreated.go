package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// BrokerRecreated replaces the broker's container by a new one, as an
// orchestrator does at an upgrade, while records wait in its queues: a slow
// database keeps them there.
func BrokerRecreated() harness.Scenario {
	return harness.Scenario{
		Name:       "broker-recreated",
		Hypothesis: "What a broker has confirmed survives the container that confirmed it.",
		Workload:   trickle(20, 60, 5),
		Plan: []harness.Step{
			{When: harness.Committed(20), Fault: fault.Latency(fault.Postgres, fault.Upstream, 100*time.Millisecond, 0), Recover: harness.Bites(2, 0)},
			{When: harness.Taken(60), Fault: fault.Recreate(fault.RabbitMQ), Recover: harness.Immediately()},
		},
		Catches: []string{"broker-state-ephemeral"},
	}
}
