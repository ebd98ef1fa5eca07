package harness

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/pipeline/file"
	"github.com/seatrial/seatrial/harness/workload"
)

// Reference is the name of the reference pipeline, for RunOptions.Pipeline;
// "reference:<defect>[,…]" is the same with defects switched on.
const Reference = "reference"

// Pipeline is what is tried: the reference pipeline, or one that a file describes.
type Pipeline struct {
	name    string
	defects []string       // of the reference pipeline
	own     *pipeline.Spec // what a file describes; nil: the reference pipeline
	// attached: it is tried as it runs on this machine, whether it is described
	// so or not.
	attached bool
}

// Attach returns the pipeline as it is tried where it runs on this machine,
// started by whoever works on it: no role of it can be broken.
func (p Pipeline) Attach() Pipeline {
	p.attached = true
	return p
}

// Attached says whether the pipeline is tried as it runs on this machine.
func (p Pipeline) Attached() bool { return p.attached || p.own != nil && p.own.Attached }

// FindPipeline returns the pipeline of that name: "reference", "reference:<defect>[,…]",
// or the path of a seatrial.yaml. Errors wrap ErrUsage and say what to do instead.
func FindPipeline(name string) (Pipeline, error) {
	kind, list, _ := strings.Cut(name, ":")
	if kind == Reference {
		return findReference(name, list)
	}
	if !looksLikeFile(name) {
		return Pipeline{}, fmt.Errorf("%w: pipeline %q is not known: use %s, %s:<defect>[,<defect>] or the path of a %s", ErrUsage, name, Reference, Reference, file.Name)
	}
	spec, err := file.Read(name)
	var problems file.Problems
	switch {
	case errors.As(err, &problems):
		return Pipeline{}, fmt.Errorf("%w: pipeline %s is not described well:\n%w", ErrUsage, name, problems)
	case errors.Is(err, fs.ErrNotExist):
		return Pipeline{}, fmt.Errorf("%w: there is no pipeline %s: \"seatrial init\" writes a %s to begin with", ErrUsage, name, file.Name)
	case err != nil:
		return Pipeline{}, fmt.Errorf("%w: pipeline %s: %w", ErrUsage, name, err)
	}
	spec.Name = name
	return Pipeline{name: name, own: &spec}, nil
}

func findReference(name, list string) (Pipeline, error) {
	set, err := defect.Parse(list)
	if err != nil {
		return Pipeline{}, fmt.Errorf("%w: pipeline %q: %w", ErrUsage, name, err)
	}
	p := Pipeline{name: name}
	for _, known := range defect.All() {
		if set.Has(known.Name) {
			p.defects = append(p.defects, string(known.Name))
		}
	}
	return p, nil
}

func looksLikeFile(name string) bool {
	_, err := os.Stat(name)
	ending := filepath.Ext(name)
	return err == nil || ending == ".yaml" || ending == ".yml" || strings.ContainsRune(name, filepath.Separator)
}

// Name returns the name by which the pipeline was found.
func (p Pipeline) Name() string { return p.name }

// Roles returns the names of the pipeline's roles.
func (p Pipeline) Roles() []string {
	var names []string
	for _, role := range p.spec(Deployment{}, 1).Roles {
		names = append(names, role.Name)
	}
	return names
}

// Does returns what the pipeline's roles do (fault.Collector, …).
func (p Pipeline) Does() []string {
	var does []string
	for _, role := range p.spec(Deployment{}, 1).Roles {
		does = append(does, role.Does...)
	}
	slices.Sort(does)
	return slices.Compact(does)
}

// Judged returns the places that are judged of the pipeline, and those that are
// not as it does not declare them.
func (p Pipeline) Judged() (judged, not []string) {
	e := expectations(p.spec(Deployment{}, 1), 0, nil)
	for _, place := range []struct {
		declared bool
		name     string
	}{{e.Rows, "rows"}, {e.Documents, "documents"}, {e.Confirmations, "confirmations"}, {e.DeadLetters, "dead letters"}, {e.Queues, "queues"}, {e.Status, "status"}} {
		if place.declared {
			judged = append(judged, place.name)
		} else {
			not = append(not, place.name)
		}
	}
	return judged, not
}

// spec returns what runs, deployed as a scenario wants it; of the reference
// pipeline with its intervals shortened as much as the plan is hastened.
func (p Pipeline) spec(deployed Deployment, pace float64) pipeline.Spec {
	var spec pipeline.Spec
	if p.own != nil {
		spec = *p.own
		spec.Roles, spec.Extra = slices.Clone(spec.Roles), slices.Clone(spec.Extra)
	} else {
		settings := map[string]string{}
		maps.Copy(settings, deployed.Settings)
		for name, interval := range deployed.Intervals {
			settings[name] = time.Duration(float64(interval) / pace).String()
		}
		spec = pipeline.Reference(p.defects, settings)
	}
	if p.Attached() {
		spec = spec.Attach()
	}
	spec.Name = p.name
	for i, role := range spec.Roles {
		for _, does := range role.Does {
			spec.Roles[i].Replicas = max(spec.Roles[i].Replicas, deployed.Replicas[does])
		}
	}
	return spec
}

// asRecorded changes a workload to what the pipeline's records can say. Left says
// what that leaves out.
func asRecorded(spec pipeline.Spec, config *workload.Config) (left []string) {
	if spec.Records == nil {
		return nil
	}
	config.Format = spec.Records
	config.KeyShape = cmp.Or(spec.Keys, config.KeyShape)
	config.InPlace = config.InPlace || spec.InPlace
	return config.Suits()
}

// means returns what people can do with a pipeline by hand.
func means(spec pipeline.Spec) *history.Means {
	m := history.Means{Operations: slices.Sorted(maps.Keys(spec.Operations)), Consumers: map[string]string{}}
	for _, role := range spec.Roles {
		for _, queue := range role.Consumes {
			m.Consumers[queue] = role.Name
		}
	}
	if name, err := spec.Named(pipeline.Collect); err == nil && !spec.Attached {
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
	if kind, _, _ := strings.Cut(header.Pipeline, ":"); kind != Reference {
		return history.Means{}
	}
	return *means(pipeline.Reference(nil, nil))
}

// expectations returns what of a pipeline is judged: what it declares. Left names
// what its records cannot say.
func expectations(spec pipeline.Spec, deadline time.Duration, left []string) check.Expectations {
	e := check.Expectations{
		Rows:             spec.Rows != nil,
		Documents:        spec.Documents != nil,
		Confirmations:    spec.Confirmations != nil,
		DeadLetters:      len(spec.DeadLetters) > 0 || spec.Rejects != nil,
		RejectsApart:     spec.Rejects != nil,
		Status:           spec.Status != nil,
		Queues:           len(spec.Queues) > 0,
		DeadlineSeconds:  deadline.Seconds(),
		QuietSeconds:     2 * spec.LongestInterval.Seconds(),
		FullDeletes:      true,
		DeadLetterQueues: spec.DeadLetters,
		LeftOut:          left,
	}
	if spec.Records == nil {
		return e
	}
	e.Shown = map[string][]string{}
	if spec.Rows != nil {
		e.Shown[history.Rows] = append([]string{}, spec.Rows.Fields...)
	}
	if spec.Documents != nil {
		e.Shown[history.Documents] = slices.Sorted(maps.Keys(spec.Documents.Fields))
	}
	return e
}
