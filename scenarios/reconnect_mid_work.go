package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// ReconnectMidWork closes every connection to the broker while the loader has
// its hands full: a lock on its table, as a migration takes one, keeps all that
// was delivered unacknowledged until the connections are new ones.
func ReconnectMidWork() harness.Scenario {
	return harness.Scenario{
		Name:       "reconnect-mid-work",
		Hypothesis: "A delivery belongs to the channel it came by: when that is gone it is delivered again, and nobody acks it on another.",
		Workload:   func(w *workload.Config) { w.Files, w.RecordsPerFile = 12, 100 },
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.LockTable(), Recover: harness.Healed(2, 0)},
			{When: harness.Queued(30), Fault: fault.ConnectionsClosed(), Recover: harness.Immediately()},
		},
		Catches: []string{"stale-delivery-tag"},
	}
}
