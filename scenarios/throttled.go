package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// throttled slows the link to Postgres until the trigger comes, so that 24
// workers store about eighty records a second, and fewer in proportion: what is to strike in the
// middle of an import strikes there also where it is noticed late.
func throttled(until harness.Trigger) harness.Step {
	return harness.Step{When: harness.Immediately(), Fault: fault.Latency(fault.Postgres, fault.Upstream, 100*time.Millisecond, 0), Recover: until}
}

var manyWorkers = harness.Deployment{Settings: map[string]string{"WORKERS": "24"}}
