package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// throttled slows the link to Postgres until the trigger comes, so that 24
// workers store about eighty records a second, and fewer in proportion: what is to strike in the
// middle of an import strikes there also where it is noticed late.
func throttled(until harness.Trigger) harness.Step {
	return harness.Step{When: harness.Immediately(), Fault: fault.Latency(fault.Postgres, fault.Upstream, 100*time.Millisecond, 0), Recover: until}
}

var manyWorkers = harness.Deployment{Settings: map[string]string{"WORKERS": "24"}}

// trickle sends that many files of so many records, a few in every second.
func trickle(files, records int, perSecond float64) func(*workload.Config) {
	return func(w *workload.Config) { w.Files, w.RecordsPerFile, w.FilesPerSecond = files, records, perSecond }
}
