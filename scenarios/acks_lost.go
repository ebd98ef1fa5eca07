package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// AcksLost cuts the connections to the broker in the middle of a file, while
// acks are on their way: their records are stored, and the broker delivers them
// again. The slow link keeps that true at every moment. Files are much longer
// than what is unacknowledged at a time, so that the cut goes through one.
func AcksLost() harness.Scenario {
	return harness.Scenario{
		Name:       "acks-lost",
		Hypothesis: "What is delivered again because its ack was lost is stored once and counted once: a file is completed with its last row, not with as many deliveries.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile = 3, 400
		},
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Latency(fault.RabbitMQ, fault.Upstream, 400*time.Millisecond, 0), Recover: harness.Healed(2, 0)},
			{When: harness.Committed(40), Fault: fault.ResetPeer(fault.RabbitMQ, fault.Upstream, 0), Recover: harness.Immediately()},
		},
		Catches: []string{"insert-not-upsert", "completed-too-early"},
	}
}
