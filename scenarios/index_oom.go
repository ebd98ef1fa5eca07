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
// every item. A lock on the table, as a migration takes one, keeps part of the
// import for each of these times, and for the time after them.
func IndexOOM() harness.Scenario {
	return harness.Scenario{
		Name:       "index-oom",
		Hypothesis: "An index that is killed for want of memory and recovers slowly is behind for a while, and then shows everything.",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FilesPerSecond, w.UpdatePercent = 16, 50, 6, 60
		},
		Deployment: harness.Deployment{Settings: map[string]string{"WORKERS": "24", "BULK_SIZE": "100"}},
		Plan: []harness.Step{
			throttled(harness.Bites(5, 0)),
			{When: harness.Immediately(), Fault: fault.SlowShardRecovery(), Recover: harness.Both(harness.Healed(4, 3*time.Second), harness.Bites(5, 0))},
			{When: harness.Committed(25), Fault: fault.LockTable(), Recover: harness.Bites(4, 0)},
			{When: harness.Immediately(), Fault: fault.OOMKill(fault.Elasticsearch), Recover: harness.Committed(50)},
			{When: harness.Committed(75), Fault: fault.LockTable(), Recover: harness.Healed(2, 0)},
		},
		Catches: []string{"bulk-errors-ignored", "no-external-version"},
	}
}
