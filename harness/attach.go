package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/workload"
)

// lasting returns the pipeline's name as it means the same in another process,
// in whatever folder that was called.
func (p Pipeline) lasting() (string, error) {
	if p.own == nil {
		return p.name, nil
	}
	path, err := filepath.Abs(p.name)
	if err != nil {
		return "", fmt.Errorf("%w: pipeline %s: %w", ErrUsage, p.name, err)
	}
	return path, nil
}

// join opens a harness on a stack that stands, with the pipeline that it was
// started for unless options name one. Errors wrap ErrUsage or ErrInfra.
func join(ctx context.Context, options Options) (*Harness, error) {
	if err := os.MkdirAll(options.Out, 0o700); err != nil {
		return nil, fmt.Errorf("%w: make folder for runs: %w", ErrInfra, err)
	}
	standing, of, err := attach(ctx, options.Stack)
	if err != nil {
		return nil, err
	}
	options.Attach = true
	return &Harness{options: options, stack: standing.stack, opened: of.spec(Deployment{}, 1), made: map[string]image.Image{}}, nil
}

// attach reaches a stack that was opened with Attach, and its pipeline.
func attach(ctx context.Context, id string) (world, Pipeline, error) {
	s, containers, err := stack.Attach(ctx, id)
	switch {
	case errors.Is(err, stack.ErrGone):
		return world{}, Pipeline{}, fmt.Errorf("%w: %w: \"seatrial up\" starts one", ErrUsage, err)
	case errors.Is(err, stack.ErrAlive):
		return world{}, Pipeline{}, fmt.Errorf("%w: %w, and it is no stack of \"seatrial up\"", ErrUsage, err)
	case err != nil:
		return world{}, Pipeline{}, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	of, err := attachedPipeline(s)
	if err != nil {
		return world{}, Pipeline{}, errors.Join(err, s.Detach())
	}
	running := pipeline.Adopt(s, containers)
	running.Spec = of.spec(Deployment{}, 1)
	return world{stack: s, pipeline: running, logs: func(context.Context, *stack.Container) error { return nil }}, of, nil
}

func attachedPipeline(s *stack.Stack) (Pipeline, error) {
	name := s.AttachedPipeline()
	if name == "" {
		return Pipeline{}, fmt.Errorf("%w: stack %s is a run's: only what \"seatrial up\" started can be used by hand", ErrUsage, s.ID)
	}
	of, err := FindPipeline(name)
	return of.Attach(), err
}

// ByHand is a run in which nothing is planned: what is broken, people break by
// hand (Inject) while it goes on. It takes filesPerSecond (0: as many as it can).
func ByHand(filesPerSecond float64) Scenario {
	return Scenario{
		Name:       "by-hand",
		Hypothesis: "Whatever is broken by hand costs time only: nothing is lost, doubled or hidden once it works again.",
		Workload:   func(w *workload.Config) { w.FilesPerSecond = filesPerSecond },
	}
}
