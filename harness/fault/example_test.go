package fault_test

import (
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
)

// Faults are aimed at services, at roles by what they do, or at one container of
// those.
func ExampleReplica() {
	for _, f := range []fault.Fault{
		fault.Kill(fault.RabbitMQ),
		fault.Pause(fault.Loader),
		fault.Kill(fault.Replica(fault.Collector, 2)),
		fault.Latency(fault.Postgres, fault.Upstream, 100*time.Millisecond, 0),
	} {
		fmt.Println(f.Name, "on", f.Target)
	}
	// Output:
	// kill on rabbitmq
	// pause on load
	// kill on collect/2
	// latency on postgres
}
