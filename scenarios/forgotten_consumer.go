package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// ForgottenConsumer moves a pipeline to another broker while it works: what
// publishes moves first, what consumes moves once the old queues are drained.
// Then the old broker is deleted, with records under way that a slow database
// holds up. A role that nobody moved shows only now, or never.
func ForgottenConsumer() harness.Scenario {
	return harness.Scenario{
		Name:       "forgotten-consumer",
		Incident:   forgottenConsumer,
		Hypothesis: "A pipeline can move to another broker role by role; when the old one is deleted, nothing that anybody waits for goes with it.",
		Workload:   func(w *workload.Config) { w.Files, w.RecordsPerFile = 20, 50 },
		Pauses: []harness.Pause{
			{Percent: 30, Until: harness.Healed(1, 0)}, // the new broker is there: the next files meet the collector's move
			{Percent: 60, Until: harness.Healed(3, 0)}, // the loader has moved
			{Percent: 80, Until: harness.Healed(4, 0)}, // the exporter has, or so they think
		},
		Plan: []harness.Step{
			{When: harness.Committed(10), Operation: harness.Operation{Name: harness.NewBroker}},
			{When: harness.Sent(40), Operation: harness.MoveToBroker(fault.Collector)},
			{When: harness.Drained(2), Operation: harness.MoveToBroker(fault.Loader)},
			{When: harness.Drained(3), Operation: harness.MoveToBroker(fault.Exporter)},
			{When: harness.Healed(4, 0), Fault: fault.Latency(fault.Postgres, fault.Upstream, 150*time.Millisecond, 0), Recover: harness.Bites(6, 0)},
			{When: harness.Bites(5, 0), Fault: fault.DeleteBroker(), Recover: harness.Immediately()},
		},
		Repairs: "move-to-broker",
		Catches: []string{"left-on-old-broker"},
	}
}
