package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// WipedInbox is incident 1 by its own course and times: files arrive, a poll
// every 15 s takes at most 100 of them, and what takes them is stopped,
// recreated and started three times within two minutes, the first time in the
// middle of a synchronisation. The broker's link is so slow that what was
// taken waits in between all the while.
func WipedInbox() harness.Scenario {
	return harness.Scenario{
		Name:       "wiped-inbox",
		Incident:   wipedInbox,
		Hypothesis: "What was taken from SFTP survives the machine that took it, however often it is replaced, and also where it was just being taken.",
		Hastened:   60,
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.FilesPerSecond = 24, 40, 0.2 // for two minutes
		},
		Deployment: harness.Deployment{
			Settings:  map[string]string{"POLL_FILES": "100"},
			Intervals: map[string]time.Duration{"POLL_INTERVAL": 15 * time.Second},
		},
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Bandwidth(fault.RabbitMQ, fault.Upstream, 5), Recover: harness.Healed(5, 0)},
			{When: harness.Immediately(), Fault: fault.Latency(fault.SFTP, fault.Downstream, 400*time.Millisecond, 0), Recover: harness.Bites(3, 0)},
			{When: harness.TakenSince(2, 1), Fault: fault.Recreate(fault.Collector), Recover: harness.Immediately()},
			{When: harness.Healed(3, 40*time.Second), Fault: fault.Recreate(fault.Collector), Recover: harness.Immediately()},
			{When: harness.Healed(4, 40*time.Second), Fault: fault.Recreate(fault.Collector), Recover: harness.Immediately()},
		},
		Catches: []string{"marked-before-handoff", "local-staging"},
	}
}
