package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// doubles are the containers that were added to a pipeline while it ran.
type doubles struct {
	mu   sync.Mutex
	list []double
}

type double struct {
	role      Role
	container *stack.Container
}

func (d *doubles) doing(what string) []*stack.Container {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []*stack.Container
	for _, each := range d.list {
		if what == "" || each.role.Is(what) {
			found = append(found, each.container)
		}
	}
	return found
}

// Doubles returns what Double calls the containers that it starts.
func (r *Running) Doubles(what string) []string {
	var names []string
	for _, request := range r.doubling(what) {
		names = append(names, request.Part)
	}
	return names
}

// Double starts a second container beside each of those that do what is named.
func (r *Running) Double(ctx context.Context, what string) ([]*stack.Container, error) {
	var added []*stack.Container
	for role, request := range r.doubling(what) {
		c, err := r.stack.Start(ctx, request)
		if err != nil {
			return added, err
		}
		added = append(added, c)
		r.doubles.mu.Lock()
		r.doubles.list = append(r.doubles.list, double{role: role, container: c})
		r.doubles.mu.Unlock()
	}
	return added, nil
}

// Undouble removes one of the containers that Double started, after before was
// called with it. One that is not there is no error.
func (r *Running) Undouble(ctx context.Context, part string, before func(context.Context, *stack.Container) error) error {
	for _, c := range r.doubles.doing("") {
		if c.Part() != part {
			continue
		}
		if err := errors.Join(before(ctx, c), c.Remove(ctx)); err != nil {
			return err
		}
		r.doubles.mu.Lock()
		r.doubles.list = slices.DeleteFunc(r.doubles.list, func(d double) bool { return d.container == c })
		r.doubles.mu.Unlock()
	}
	return nil
}

// Adopt returns a pipeline of containers that another process started. Each can
// be acted on, and is removed by Undouble; what made them is not known, so none
// can be made anew.
func Adopt(s *stack.Stack, containers []*stack.Container) *Running {
	running := &Running{stack: s}
	for _, c := range containers {
		running.doubles.list = append(running.doubles.list, double{role: Role{Name: c.Part()}, container: c})
	}
	return running
}

// doubling yields what is asked of the engine for each container, with its role.
func (r *Running) doubling(what string) func(yield func(Role, stack.Request) bool) {
	return func(yield func(Role, stack.Request) bool) {
		env := r.stack.PipelineEnv()
		for _, s := range r.roles {
			if !s.role.Is(what) {
				continue
			}
			for i := range s.containers {
				if !yield(s.role, request(s.role, len(s.containers)+i, r.stack.Front(), env)) {
					return
				}
			}
		}
	}
}
