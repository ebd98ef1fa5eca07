package relay

import (
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// trap is a breakpoint in force:
//
//	armed ──event──▶ held ──asked, maximum, harness gone, reset──▶ released ──bytes written or dropped──▶ over
//	  └────harness gone, reset──▶ over
type trap struct {
	boundary.Breakpoint
	id   int64
	seen int // under the hub's lock, as is the step from armed to held

	mu      sync.Mutex
	event   *boundary.Event // where it holds
	release boundary.Release
	held    chan struct{} // closed: it holds
	freed   chan struct{} // closed: release says how it ends
	over    chan struct{} // closed: nothing is kept back any more
}

func (h *hub) arm(b boundary.Breakpoint) *trap {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastTrap++
	t := &trap{Breakpoint: b, id: h.lastTrap, held: make(chan struct{}), freed: make(chan struct{}), over: make(chan struct{})}
	h.traps = append(h.traps, t)
	h.byID[t.id] = t
	return t
}

func (h *hub) trap(id int64) *trap {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byID[id]
}

// end releases a trap that holds, and takes one away that does not. Only the
// first call counts.
func (h *hub) end(t *trap, mode boundary.Mode, why string) {
	h.mu.Lock()
	h.remove(t) // from here on it cannot begin to hold
	h.mu.Unlock()
	if t.free(mode, why) {
		h.forget(t)
	}
}

// free is true where nothing was held.
func (t *trap) free(mode boundary.Mode, why string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.freed:
		return false
	default:
	}
	t.release = boundary.Release{Mode: mode, Why: why}
	idle := t.event == nil
	if idle {
		t.release.Mode = ""
		close(t.over)
	}
	close(t.freed)
	return idle
}

func (h *hub) forget(t *trap) {
	h.mu.Lock()
	delete(h.byID, t.id)
	h.mu.Unlock()
}

// hold: an event has met the breakpoint. Under the hub's lock.
func (t *trap) hold(e boundary.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.event = &e
	close(t.held)
}

// wait keeps a connection's direction until the trap is released. Every so
// often it calls beat, if beat is given.
func (h *hub) wait(t *trap, every time.Duration, beat func()) boundary.Release {
	limit := time.NewTimer(t.Max)
	defer limit.Stop()
	var cut <-chan time.Time
	if t.Cut {
		cut = time.After(t.Settle)
	}
	var beats <-chan time.Time
	if beat != nil && every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		beats = ticker.C
	}
	for {
		select {
		case <-t.freed:
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.release
		case <-limit.C:
			h.end(t, boundary.Forward, "maximum")
		case <-cut:
			h.end(t, boundary.Drop, "cut")
		case <-beats:
			beat()
		}
	}
}

// finish: what was kept back has gone or was dropped.
func (h *hub) finish(t *trap, err error) {
	t.mu.Lock()
	if err != nil {
		t.release.Err = err.Error()
	}
	t.release.Seconds = time.Since(t.event.Time).Seconds()
	t.mu.Unlock()
	h.forget(t)
	close(t.over)
}

// outcome returns the end, once over is closed.
func (t *trap) outcome() boundary.Release {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.release
}
