package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

// healthyWithin is how long everything together may take to prove that it works
// again after a rollback.
const healthyWithin = 2 * time.Minute

// RolledBack is what came of a rollback.
type RolledBack struct {
	Folder   string `json:"folder"`
	Stack    string `json:"stack"`
	Standing bool   `json:"standing"` // false: the stack is gone, and what was broken in it with it
	// Steps are those that the run still owed, in the order in which they were
	// taken back: last first.
	Steps []RolledStep `json:"steps"`
	// Healthy says of each service and container whether it works afterwards.
	Healthy []Health `json:"healthy"`
}

// RolledStep is one step that a dead run owed.
type RolledStep struct {
	Do     string `json:"do"`
	Target string `json:"target"`
	Error  string `json:"error"` // empty: it was taken back
}

// Health is whether a part of a stack works, and how that was seen.
type Health struct {
	Part     string `json:"part"`
	OK       bool   `json:"ok"`
	Evidence string `json:"evidence"`
}

// OK says whether nothing is broken any more.
func (r RolledBack) OK() bool {
	return !slices.ContainsFunc(r.Steps, func(s RolledStep) bool { return s.Error != "" }) &&
		!slices.ContainsFunc(r.Healthy, func(h Health) bool { return !h.OK })
}

// Rollback takes back what the run in a folder broke and did not come to take
// back, because its process died, and has everything prove that it works. The
// stack is left standing. Errors wrap ErrUsage where the folder holds no such
// run or its process is alive, and ErrInfra where the stack cannot be reached.
//
// A step of undo is data, so this process can carry out almost all of them. It
// cannot make a role's container anew that was removed with its disk: what it
// was made with is in no file, as that may hold credentials.
func Rollback(ctx context.Context, dir string, progress func(text string)) (RolledBack, error) {
	result := RolledBack{Folder: dir, Steps: []RolledStep{}, Healthy: []Health{}}
	owed, id, err := reopenJournal(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return result, fmt.Errorf("%w: %s holds no run that broke anything: %w", ErrUsage, dir, err)
	case errors.Is(err, errKept):
		return result, fmt.Errorf("%w: what is in %s is under way: end it where it runs, with Ctrl-C (%w)", ErrUsage, dir, err)
	case err != nil:
		return result, fmt.Errorf("%w: %s: %w", ErrUsage, dir, err)
	}
	defer owed.close()
	if result.Stack = id; id == "" {
		return result, fmt.Errorf("%w: %s does not say on which stack it ran: an older version wrote it, and seatrial clean removes what it left", ErrUsage, dir)
	}
	standing, containers, err := stack.Attach(ctx, id)
	switch {
	case errors.Is(err, stack.ErrGone):
		return result, nil
	case errors.Is(err, stack.ErrAlive):
		return result, fmt.Errorf("%w: the run in %s is under way: end it where it runs, with Ctrl-C (%w)", ErrUsage, dir, err)
	case err != nil:
		return result, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	result.Standing = true
	w := world{stack: standing, pipeline: pipeline.Adopt(standing, containers), logs: func(context.Context, *stack.Container) error { return nil }}
	w.rollBack(ctx, owed, &result, progress)
	if err := standing.Detach(); err != nil {
		return result, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	return result, nil
}

// rollBack takes back what is owed and then has everything prove that it works.
func (w world) rollBack(ctx context.Context, owed *journal, result *RolledBack, progress func(string)) {
	// What a breakpoint holds is no step of undo: its run lets go of it, or dies. On
	// a stack that others use it is theirs.
	if w.stack.AttachedPipeline() == "" {
		progress("letting go of what breakpoints hold")
		if err := w.stack.Control.ResetWire(ctx); err != nil {
			result.Steps = append(result.Steps, RolledStep{Do: "release", Target: stack.Proxy, Error: err.Error()})
		}
	}
	err := owed.takeAll(ctx, func(ctx context.Context, step fault.Undo) error {
		progress("undo " + step.Do + " " + step.Target)
		err := w.undo(ctx, step)
		if err != nil && step.Do == fault.UndoCreate {
			err = fmt.Errorf("%w: a role's container that was removed is made anew by nobody but the run that knew its environment; seatrial clean removes the stack", err)
		}
		done := RolledStep{Do: step.Do, Target: step.Target}
		if err != nil {
			done.Error = err.Error()
		}
		result.Steps = append(result.Steps, done)
		return err
	})
	if err != nil && !slices.ContainsFunc(result.Steps, func(s RolledStep) bool { return s.Error != "" }) {
		// It was done, and could not be written down.
		result.Steps = append(result.Steps, RolledStep{Do: "journal", Target: undoFile, Error: err.Error()})
	}
	progress("waiting for everything to work")
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	result.Healthy = w.health(ctx)
}

// health asks every service for the proof, in its own protocol, that it works,
// and every role's container whether it runs.
func (w world) health(ctx context.Context) []Health {
	parts := append(append(w.stack.Brokers(), w.stack.SFTP, w.stack.Postgres, w.stack.Elasticsearch, w.stack.Proxy), w.pipeline.Containers()...)
	list := make([]Health, len(parts))
	var group sync.WaitGroup
	for i, c := range parts {
		group.Go(func() {
			evidence, err := c.Ready(ctx)
			if err != nil {
				evidence = err.Error()
			}
			list[i] = Health{Part: c.Part(), OK: err == nil, Evidence: evidence}
		})
	}
	group.Wait()
	return list
}
