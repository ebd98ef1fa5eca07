package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// IndexOOM has the kernel kill Elasticsearch for want of memory. It comes back
// as a node with a big index does: it answers, but its shards are recovered
// only later, and meanwhile a bulk request gets status 200 with an error for
// every item.
func IndexOOM() harness.Scenario {
	return harness.Scenario{
		Name:       "index-oom",
		Hypothesis: "An index that is killed for want of memory and recovers slowly is behind for a while, and then shows everything.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FilesPerSecond, w.UpdatePercent = 24, 60, 8, 40
		},
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.SlowShardRecovery(), Recover: harness.Healed(2, 4*time.Second)},
			{When: harness.Committed(25), Fault: fault.OOMKill(fault.Elasticsearch), Recover: harness.Immediately()},
		},
		Catches: []string{"bulk-errors-ignored", "failed-flush-forgotten", "no-external-version"},
	}
}
