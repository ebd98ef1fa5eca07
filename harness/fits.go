package harness

import (
	"fmt"
	"slices"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/workload"
)

// Fits says, in a sentence, what a scenario needs that the pipeline has not
// declared; nil: it can be tried. Errors wrap ErrUsage.
func (p Pipeline) Fits(scenario Scenario) error {
	return p.fits(scenario, scenario.Plan)
}

func (p Pipeline) fits(scenario Scenario, plan []Step) error {
	spec := p.spec(scenario.Deployment, 1)
	misfit := func(format string, args ...any) error {
		return fmt.Errorf("%w: scenario %s does not fit pipeline %s: %s", ErrUsage, scenario.Name, p.name, fmt.Sprintf(format, args...))
	}
	for i, step := range plan {
		if why := lacks(spec, step); why != "" {
			return misfit("step %d: %s", i+1, why)
		}
	}
	for i, pause := range scenario.Pauses {
		if why := lacksFor(spec, pause.Until); why != "" && len(plan) > 0 {
			return misfit("pause %d: %s", i+1, why)
		}
	}
	config := scenario.config(1, 0, plan)
	asRecorded(spec, &config)
	if _, err := workload.New(config); err != nil && p.own != nil {
		return misfit("its files cannot be written as the pipeline's records: %v", err)
	}
	return nil
}

// lacks says what a step needs that is not declared.
func lacks(spec pipeline.Spec, step Step) string {
	for _, trigger := range []Trigger{step.When, step.Recover} {
		if why := lacksFor(spec, trigger); why != "" {
			return why
		}
	}
	if step.Operation.Name != "" {
		return lacksOperation(spec, step.Operation)
	}
	f := step.Fault
	does, replica := fault.SplitReplica(f.Target)
	switch containers, is := doing(spec, does), isRole(does); {
	case (is || f.Consumer != "") && spec.Attached:
		return fmt.Sprintf("it is %s on %s, and the pipeline is attached: it runs on this machine, and its programs are not seatrial's to end, to freeze or to replace", f.Name, attachedTarget(f))
	case is && containers == 0:
		return fmt.Sprintf("it is %s on what does %q, and no role does that", f.Name, does)
	case is && containers < replica:
		return fmt.Sprintf("it is %s on number %d of what does %q, and there are %d", f.Name, replica, does, containers)
	case (does == fault.Elasticsearch || does == fault.Indexer) && spec.Documents == nil && f.Data == nil:
		return fmt.Sprintf("it is %s on %s, and expect.documents declares none: nothing would tell what was on its way there", f.Name, f.Target)
	case does == fault.Exporter && spec.Confirmations == nil:
		return fmt.Sprintf("it is %s on %s, and expect.confirmations declares none: nothing would tell what was on its way there", f.Name, f.Target)
	case f.NeedsTable && (spec.Rows == nil || spec.Rows.Table == ""):
		return fmt.Sprintf("it is %s, which needs the table: expect.rows.table names none", f.Name)
	case f.Consumer != "" && !slices.ContainsFunc(spec.Roles, func(r pipeline.Role) bool { return r.Is(f.Consumer) && len(r.Consumes) > 0 }):
		return fmt.Sprintf("it is %s, which needs the queue of what does %q: no such role names one in consumes", f.Name, f.Consumer)
	}
	return ""
}

// attachedTarget is what a fault needs of an attached pipeline.
func attachedTarget(f fault.Fault) string {
	if f.Consumer != "" {
		return fmt.Sprintf("the queue of what does %q", f.Consumer)
	}
	return fmt.Sprintf("what does %q", f.Target)
}

func isRole(target string) bool {
	return slices.Contains([]string{fault.Collector, fault.Loader, fault.Indexer, fault.Exporter}, target)
}

// doing counts the containers that do what is named.
func doing(spec pipeline.Spec, what string) int {
	n := 0
	for _, role := range spec.Roles {
		if role.Is(what) {
			n += max(role.Replicas, 1)
		}
	}
	return n
}

func lacksOperation(spec pipeline.Spec, o Operation) string {
	if o.Name == NewBroker {
		return ""
	}
	if _, declared := spec.Operations[o.Name]; !declared && spec.Attached {
		return fmt.Sprintf("it is the operation %s, and the pipeline is attached: it has no containers that this could be done in", o.Name)
	} else if !declared {
		return fmt.Sprintf("it is the operation %s, which operations does not declare", o.Name)
	}
	if role := o.Args["role"]; role != "" && doing(spec, role) == 0 {
		return fmt.Sprintf("it is the operation %s on what does %q, and no role does that", o.Name, role)
	}
	return ""
}

// lacksFor says what a trigger waits for that can never be seen.
func lacksFor(spec pipeline.Spec, t Trigger) string {
	for _, sees := range t.sees {
		if what := map[string]bool{seesRows: spec.Rows != nil, seesDocuments: spec.Documents != nil, seesQueues: len(spec.Queues) > 0}; !what[sees] {
			return fmt.Sprintf("it waits for %s, and expect.%s declares none", t.Text, sees)
		}
	}
	if _, declared := spec.Probes[t.probe]; t.probe != "" && !declared {
		return fmt.Sprintf("it waits for %s, and probes does not declare that", t.Text)
	}
	if t.at.Role != "" {
		if _, err := spec.Named(t.at.Role); err != nil {
			return err.Error()
		}
	}
	return ""
}
