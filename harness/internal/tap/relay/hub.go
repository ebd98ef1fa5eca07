package relay

import (
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// What is remembered for who streams events; a stream that falls further
// behind is told of the gap.
const (
	mostEvents = 1 << 16
	mostNames  = 1 << 19 // in them: of records and messages
)

// hub numbers events, remembers them, and knows the breakpoints.
type hub struct {
	mu        sync.Mutex
	ring      []boundary.Event // event n at (n-1) modulo mostEvents
	last      int64            // number of the last event
	first     int64            // number of the first that is remembered
	names     int              // in those that are remembered
	ordinals  map[boundary.Class]int64
	listeners map[chan struct{}]bool
	traps     []*trap // armed, in the order of arming
	byID      map[int64]*trap
	lastTrap  int64
}

func newHub() *hub {
	return &hub{first: 1, ordinals: map[boundary.Class]int64{}, listeners: map[chan struct{}]bool{}, byID: map[int64]*trap{}}
}

// emit numbers a connection's events and makes them known. It returns the
// breakpoint that stops the connection here, if one does.
func (h *hub) emit(c *conn, events []boundary.Event) (stopped *trap) {
	now := time.Now()
	role := c.role()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		h.last++
		e.Number, e.Time, e.Service, e.Role, e.Conn = h.last, now, c.service, role, c.id
		many := max(e.Many, 1)
		of := e.Class()
		h.ordinals[of] += int64(many)
		e.Ordinal = h.ordinals[of]
		if hit := h.count(&e, many, stopped == nil); hit != nil {
			e.Hold = hit.id
			hit.hold(e)
			stopped = hit
		}
		h.remember(e)
	}
	for listener := range h.listeners {
		select {
		case listener <- struct{}{}:
		default:
		}
	}
	return stopped
}

// count lets every breakpoint that waits for such an event count it, and
// returns the first that has waited long enough, if the connection can be
// stopped. Another one that has, too, stops at the next.
func (h *hub) count(e *boundary.Event, many int, can bool) (hit *trap) {
	for _, t := range h.traps {
		if !t.Matches(e) {
			continue
		}
		if t.seen += many; t.seen >= t.Nth && hit == nil && can {
			hit = t
		}
	}
	if hit != nil {
		h.remove(hit)
	}
	return hit
}

func (h *hub) remove(t *trap) {
	for i, armed := range h.traps {
		if armed == t {
			h.traps = append(h.traps[:i:i], h.traps[i+1:]...)
			return
		}
	}
}

func (h *hub) remember(e boundary.Event) {
	if len(h.ring) < mostEvents {
		h.ring = append(h.ring, boundary.Event{})
	} else if h.first == e.Number-mostEvents {
		h.drop()
	}
	h.ring[(e.Number-1)%mostEvents] = e
	h.names += names(&e)
	for h.names > mostNames && h.first < e.Number {
		h.drop()
	}
}

// drop forgets the oldest event.
func (h *hub) drop() {
	oldest := &h.ring[(h.first-1)%mostEvents]
	h.names -= names(oldest)
	*oldest = boundary.Event{}
	h.first++
}

func names(e *boundary.Event) int { return len(e.Records) + len(e.Messages) + len(e.Failed) }

// since returns up to most events after a number, and how many of those there
// were are forgotten.
func (h *hub) since(after int64, most int, into []boundary.Event) (events []boundary.Event, gap int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if after+1 < h.first {
		gap, after = h.first-after-1, h.first-1
	}
	for n := after + 1; n <= h.last && len(into) < most; n++ {
		into = append(into, h.ring[(n-1)%mostEvents])
	}
	return into, gap
}

func (h *hub) latest() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// listen returns a channel that is told of new events.
func (h *hub) listen() (news chan struct{}, stop func()) {
	news = make(chan struct{}, 1)
	h.mu.Lock()
	h.listeners[news] = true
	h.mu.Unlock()
	return news, func() {
		h.mu.Lock()
		delete(h.listeners, news)
		h.mu.Unlock()
	}
}

// reset lets ordinals begin anew and ends all breakpoints. Numbers go on.
func (h *hub) reset() {
	h.mu.Lock()
	clear(h.ordinals)
	var all []*trap
	for _, t := range h.byID {
		all = append(all, t)
	}
	h.mu.Unlock()
	for _, t := range all {
		h.end(t, boundary.Forward, "reset")
	}
}
