package stack

import (
	"context"
	"fmt"
	"reflect"
	"sync"
)

// placeSuffix ends the parts of places. What asks the network for the name of an
// address reads up to the first dot: it gets the name of the role's container.
const placeSuffix = ".place"

// A place is where a role lives on the network: a container that does nothing
// and stays while the role's own is killed, made anew, or replaced by that of
// the next run. It has the role's name and address; to set these up costs the
// engine three times what it costs to start a program.
type place struct {
	mu        sync.Mutex
	container *Container // nil: not made yet
}

// placeOf makes the place of a container that asks for one, unless it is there:
// on the networks and under the names that the container wants to have.
func (s *Stack) placeOf(ctx context.Context, request Request) error {
	entry, _ := s.places.LoadOrStore(request.Part, new(place))
	p := entry.(*place)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.container != nil {
		if reflect.DeepEqual(p.container.request.Networks, request.Networks) {
			return p.container.Connect(ctx) // whatever a fault left it
		}
		// Another pipeline, whose role has other names.
		if err := p.container.Remove(ctx); err != nil {
			return err
		}
		p.container = nil
	}
	made, err := s.Start(ctx, Request{
		Part:        request.Part + placeSuffix,
		Hostname:    request.Part,
		Image:       s.Images[Proxy].Ref,
		Command:     []string{"place"},
		Networks:    request.Networks,
		MemoryBytes: placeMemory,
	})
	if err != nil {
		return fmt.Errorf("make a place on the network: %w", err)
	}
	p.container = made
	return nil
}

// onNetwork returns the name of the container whose network this one has: its
// place's, or its own.
func (c *Container) onNetwork() string {
	if c.request.Placed {
		return c.Name() + placeSuffix
	}
	return c.Name()
}

// join keeps containers from leaving the stack's networks until done is called,
// while this one joins them; see Stack.membership. A placed one does neither.
func (c *Container) join() (done func()) {
	if c.request.Placed {
		return func() {}
	}
	c.stack.membership.RLock()
	return c.stack.membership.RUnlock
}

// leave keeps all others from joining or leaving.
func (c *Container) leave() (done func()) {
	if c.request.Placed {
		return func() {}
	}
	c.stack.membership.Lock()
	return c.stack.membership.Unlock
}
