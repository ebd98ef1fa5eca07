package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// SyncHolderPaused freezes the server that holds the sync lock in the middle
// of its sync. Its lease expires, the other server takes over and brings its
// own sync to an end. Then the first one goes on where it was. A lock on the
// table holds part of the import back until the first one is frozen.
func SyncHolderPaused() harness.Scenario {
	return harness.Scenario{
		Name:       "sync-holder-paused",
		Incident:   doubleSync,
		Hypothesis: "A server that lost the sync lock without noticing is refused when it goes on: readers see the index of the one that took over, and no other.",
		Workload:   trickle(16, 50, 5),
		Deployment: blueAndGreen,
		Plan: []harness.Step{
			throttled(harness.Bites(3, 0)),
			{When: harness.Immediately(), Fault: fault.Latency(fault.Elasticsearch, fault.Downstream, 300*time.Millisecond, 0), Recover: harness.Bites(5, 0)},
			{When: harness.Committed(30), Fault: fault.LockTable(), Recover: harness.Bites(5, 0)},
			{When: harness.Immediately(), Operation: harness.Operation{Name: "schedule-sync", Args: map[string]string{"replica": "1"}}},
			{When: harness.Probe("syncs filling", 1), Fault: fault.Pause(fault.Replica(fault.Indexer, 1)), Recover: harness.Healed(6, 0)},
			{When: harness.Immediately(), Operation: harness.Operation{Name: "sync", Args: map[string]string{"replica": "2"}}},
		},
		Catches: []string{"lock-without-fencing"},
	}
}

// blueAndGreen are two servers with the sync job: each has a schedule of its
// own and syncs again when it starts and finds its sync unfinished. Small
// steps make a sync long enough to be struck; the lease is short, but longer than a busy
// machine takes from one step to the next.
var blueAndGreen = harness.Deployment{
	Replicas: map[string]int{fault.Indexer: 2},
	Settings: map[string]string{"SYNC_INTERVAL": "1h", "SYNC_AT_START": "true", "SYNC_BATCH": "10", "SYNC_LEASE": "8s", "WORKERS": "24"},
}
