package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/tap"
)

// mostDoubles is how many containers a fault may add to a role's.
const mostDoubles = 8

// tapWire tells the tap what to look for in this run, and has what crosses the
// wire written to the history.
func (r *run) tapWire(ctx context.Context) error {
	control := r.stack.Control
	var keys []boundary.KeyPattern
	for _, looks := range r.workload.KeysLook() {
		keys = append(keys, boundary.KeyPattern{Prefix: looks.Prefix, Length: looks.Length})
	}
	roles := map[string]string{}
	for _, role := range r.spec.Roles {
		for replica := range max(role.Replicas, 1) + mostDoubles {
			roles[r.stack.NameOf(role.Part(replica))] = role.Name
		}
	}
	last, err := control.LastEvent(ctx)
	if err != nil {
		return err
	}
	if r.spec.Attached {
		// Its connections stand already, and who breaks something by hand may hold
		// one, or have put a toxic on it.
		if err := control.Keys(ctx, keys...); err != nil {
			return err
		}
		return r.follow(ctx, last)
	}
	var direct []string
	if !slices.ContainsFunc(r.plan, func(step Step) bool { return step.Fault.Toxic }) {
		direct = []string{"*"}
	}
	if err := errors.Join(control.ResetWire(ctx), control.Keys(ctx, keys...), control.Roles(ctx, roles), control.Direct(ctx, direct...)); err != nil {
		return err
	}
	return r.follow(ctx, last)
}

// follow has what crosses the wire from now on written to the history.
func (r *run) follow(ctx context.Context, last int64) error {
	file, err := r.history.Cross()
	if err != nil {
		return err
	}
	r.crossing = cross(context.WithoutCancel(ctx), r.stack.Control, file, last)
	return nil
}

// crossing is what crosses the wire on its way into the history.
type crossing struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed

	mu   sync.Mutex
	last int64 // number of the last event written
	// Numbers of the last events before the trial and in it, and of those where
	// it had settled.
	from, to int64
	settled  []int64
	// until is the number of the last event that the tap has seen; set at the end.
	until int64
}

func cross(ctx context.Context, control *tap.Control, file *history.Crossing, after int64) *crossing {
	ctx, cancel := context.WithCancel(ctx)
	c := &crossing{cancel: cancel, done: make(chan struct{}), last: after}
	go func() {
		defer close(c.done)
		err := c.follow(ctx, control, file)
		c.mu.Lock()
		file.Miss(max(c.until-c.last, 0))
		file.Trial(c.from, c.to, c.settled...)
		c.mu.Unlock()
		c.err = errors.Join(err, file.Close())
	}()
	return c
}

// follow writes events until ctx ends. A stream that breaks is taken up again
// where it broke.
func (c *crossing) follow(ctx context.Context, control *tap.Control, file *history.Crossing) error {
	for {
		for event, err := range control.Events(ctx, c.at()) {
			var gap *tap.Gap
			switch {
			case errors.As(err, &gap):
				file.Miss(gap.Events)
				continue
			case ctx.Err() != nil:
				return nil
			case err != nil:
				// told by what is missing, if it is
			default:
				if err := file.Add(event); err != nil {
					return err
				}
				c.mu.Lock()
				c.last = event.Number
				c.mu.Unlock()
				continue
			}
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *crossing) at() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// mark has note take the number of the last event until now.
func (r *run) mark(ctx context.Context, note func(c *crossing, last int64)) error {
	last, err := r.stack.Control.LastEvent(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	r.crossing.mu.Lock()
	defer r.crossing.mu.Unlock()
	note(r.crossing, last)
	return nil
}

// caughtUpWithin bounds the wait for events that the tap has seen and the
// history has not.
const caughtUpWithin = 5 * time.Second

// catchUp waits until all events up to last are written, or no more will be.
func (c *crossing) catchUp(ctx context.Context, last int64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for c.at() < last {
		select {
		case <-tick.C:
		case <-c.done: // they could not be written
			return
		case <-ctx.Done():
			return
		}
	}
}

// close writes what the tap has seen until now, and ends. What did not come in
// time is told as missing.
func (c *crossing) close(ctx context.Context, control *tap.Control) error {
	ctx, cancel := context.WithTimeout(ctx, caughtUpWithin)
	defer cancel()
	last, err := control.LastEvent(ctx)
	if err == nil {
		c.catchUp(ctx, last)
	}
	c.mu.Lock()
	c.until = last
	c.mu.Unlock()
	c.cancel()
	<-c.done
	if err = errors.Join(err, c.err); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	return nil
}
