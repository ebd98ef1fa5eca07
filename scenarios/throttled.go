package scenarios

import (
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// throttled slows the link to Postgres, so that eight workers store about a
// hundred records a second, until the trigger comes: what is to strike in the
// middle of an import strikes there also where it is noticed late.
func throttled(until harness.Trigger) harness.Step {
	return harness.Step{When: harness.Immediately(), Fault: fault.Latency(fault.Postgres, fault.Upstream, 30*time.Millisecond, 0), Recover: until}
}

var eightWorkers = harness.Deployment{Settings: map[string]string{"WORKERS": "8"}}
