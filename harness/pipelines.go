package harness

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
)

// Reference is the name of the reference pipeline, for RunOptions.Pipeline;
// "reference:<defect>[,…]" is the same with defects switched on.
const Reference = "reference"

// ParsePipeline checks the name of a pipeline and returns the defects it
// names. Errors wrap ErrUsage and name the nearest name that is known.
func ParsePipeline(name string) ([]string, error) {
	kind, list, _ := strings.Cut(name, ":")
	if kind != Reference {
		return nil, fmt.Errorf("%w: pipeline %q is not known: use %s or %s:<defect>[,<defect>]", ErrUsage, name, Reference, Reference)
	}
	set, err := defect.Parse(list)
	if err != nil {
		return nil, fmt.Errorf("%w: pipeline %q: %w", ErrUsage, name, err)
	}
	var names []string
	for _, known := range defect.All() {
		if set.Has(known.Name) {
			names = append(names, string(known.Name))
		}
	}
	return names, nil
}

// spec returns what runs under a pipeline's name, deployed as the scenario wants
// it, its intervals shortened as much as its plan is hastened.
func (h *Harness) spec(name string, deployed Deployment, pace float64) (pipeline.Spec, error) {
	defects, err := ParsePipeline(name)
	if err != nil {
		return pipeline.Spec{}, err
	}
	settings := map[string]string{}
	maps.Copy(settings, deployed.Settings)
	for name, interval := range deployed.Intervals {
		settings[name] = time.Duration(float64(interval) / pace).String()
	}
	spec := pipeline.Reference(h.importer.Ref, defects, settings)
	spec.Name = name
	for i, role := range spec.Roles {
		for _, does := range role.Does {
			spec.Roles[i].Replicas = max(spec.Roles[i].Replicas, deployed.Replicas[does])
		}
	}
	return spec, nil
}

// means returns what people can do with a pipeline by hand.
func means(spec pipeline.Spec) *history.Means {
	m := history.Means{Operations: slices.Sorted(maps.Keys(spec.Operations)), Consumers: map[string]string{}}
	for _, role := range spec.Roles {
		for _, queue := range role.Consumes {
			m.Consumers[queue] = role.Name
		}
	}
	if name, err := spec.Named(pipeline.Collect); err == nil {
		m.Takes = name
	}
	return &m
}

// meansOf returns what can be done with the pipeline of a stored run. Histories
// of earlier versions do not say; what the reference pipeline has is known.
func meansOf(header history.Header) history.Means {
	if header.Means != nil {
		return *header.Means
	}
	defects, err := ParsePipeline(header.Pipeline)
	if err != nil {
		return history.Means{}
	}
	return *means(pipeline.Reference("", defects, nil))
}

// expectations returns what of a pipeline is judged: what it declares.
func expectations(spec pipeline.Spec, scenario Scenario) check.Expectations {
	return check.Expectations{
		Rows:             spec.Rows != nil,
		Documents:        spec.Documents != nil,
		Confirmations:    spec.Confirmations != nil,
		DeadLetters:      len(spec.DeadLetters) > 0,
		Status:           spec.Status != nil,
		Queues:           len(spec.Queues) > 0,
		DeadlineSeconds:  scenario.deadline().Seconds(),
		QuietSeconds:     2 * spec.LongestInterval.Seconds(),
		FullDeletes:      true,
		DeadLetterQueues: spec.DeadLetters,
	}
}
