package scenarios

import (
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/fault"
)

// CollectorRecreated replaces the collector's container by a new one, as an
// orchestrator does at a deployment, while files are taken from SFTP and not
// yet published: the broker's link is slow, so that they pile up between.
func CollectorRecreated() harness.Scenario {
	return harness.Scenario{
		Name:       "collector-recreated",
		Incident:   wipedInbox,
		Hypothesis: "What was taken from SFTP survives the container that took it.",
		Plan: []harness.Step{
			{When: harness.Immediately(), Fault: fault.Bandwidth(fault.RabbitMQ, fault.Upstream, 100), Recover: harness.Healed(2, 0)},
			{When: harness.Taken(50), Fault: fault.Recreate(fault.Collector), Recover: harness.Immediately()},
		},
		Catches: []string{"local-staging"},
	}
}
