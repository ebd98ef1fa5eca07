package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// IndexRebuilt builds the index anew while files are imported, and swaps the
// alias that readers use. A lock on the table, as a migration takes one, holds
// the import back until the sync has begun, and a slow link to Elasticsearch
// holds the sync back until almost everything is imported.
func IndexRebuilt() harness.Scenario {
	return harness.Scenario{
		Name:       "index-rebuilt",
		Hypothesis: "While the index is built anew and swapped, everything that is imported meanwhile gets into both, and readers notice nothing.",
		Workload:   trickle(16, 50, 5),
		Deployment: harness.Deployment{Settings: map[string]string{"SYNC_BATCH": "10", "WORKERS": "24"}},
		Plan: []harness.Step{
			throttled(harness.Bites(3, 0)),
			{When: harness.Immediately(), Fault: fault.Latency(fault.Elasticsearch, fault.Downstream, 300*time.Millisecond, 0), Recover: harness.Committed(90)},
			{When: harness.Committed(30), Fault: fault.LockTable(), Recover: harness.Probe("syncs filling", 1)},
			{When: harness.Immediately(), Operation: harness.Operation{Name: "sync"}},
		},
		Catches: []string{"alias-swap-loses-writes"},
	}
}
