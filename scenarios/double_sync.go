package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// DoubleSync is the incident by its own course: the server that syncs is
// killed for want of memory and syncs again when it starts, the other server's
// schedule strikes, and somebody starts the job by hand on top. A slow link to
// Elasticsearch keeps each sync under way until all of them have begun. A lock on
// the table holds back the rest of the import until all of them have ended:
// another sync would put right what the one before it doubled, as it did in the
// incident, and what changes afterwards shows whose the documents are.
func DoubleSync() harness.Scenario {
	on := func(operation, server string) harness.Operation {
		return harness.Operation{Name: operation, Args: map[string]string{"replica": server}}
	}
	return harness.Scenario{
		Name:       "double-sync",
		Incident:   doubleSync,
		Hypothesis: "However a sync is started, one runs at a time, and readers find every person once.",
		Workload:   trickle(16, 50, 5),
		Deployment: blueAndGreen,
		Plan: []harness.Step{
			throttled(harness.Bites(3, 0)),
			{When: harness.Immediately(), Fault: fault.Latency(fault.Elasticsearch, fault.Downstream, 500*time.Millisecond, 0), Recover: harness.Probe("syncs begun", 4)},
			{When: harness.Committed(30), Fault: fault.LockTable(), Recover: harness.Probe("syncs ended", 4)},
			{When: harness.Immediately(), Operation: on("schedule-sync", "1")},
			{When: harness.Probe("syncs filling", 1), Fault: fault.OOMKill(fault.Replica(fault.Indexer, 1)), Recover: harness.Immediately()},
			{When: harness.Healed(5, 0), Operation: on("schedule-sync", "2")},
			{When: harness.Probe("syncs begun", 3), Operation: on("sync", "2")},
		},
		Catches: []string{"lock-only-scheduled", "generated-ids"},
	}
}
