package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// BindingDeleted unbinds the loader's queue while files come in, as a mistaken
// hand does in the management interface: the broker takes, confirms and drops
// what is published. Later it deletes the exchange too, which is noticed by
// whoever publishes. A slow database keeps work under way all the time.
func BindingDeleted() harness.Scenario {
	return harness.Scenario{
		Name:       "binding-deleted",
		Hypothesis: "A message that no queue is bound for comes back to whoever published it, and is published again once there is one.",
		Workload:   trickle(20, 50, 10),
		Pauses:     []harness.Pause{{Percent: 30, Until: harness.Bites(2, 0)}, {Percent: 80, Until: harness.Bites(3, 0)}},
		Plan: []harness.Step{
			throttled(harness.Bites(3, 0)),
			{When: harness.Taken(20), Fault: fault.BindingDeleted(fault.Loader), Recover: harness.TakenSince(2, 5)},
			{When: harness.Healed(2, 0), Fault: fault.ExchangeDeleted(fault.Loader), Recover: harness.TakenSince(3, 2)},
		},
		Catches: []string{"unroutable-ignored"},
	}
}
