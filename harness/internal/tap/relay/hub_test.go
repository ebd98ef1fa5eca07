package relay

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
)

func emitted(h *hub, n int, e boundary.Event) {
	c := &conn{tap: &Tap{}, service: "s", address: "a"}
	for range n {
		h.emit(c, []boundary.Event{e})
	}
}

func TestHubForgetsAndSaysSo(t *testing.T) {
	h := newHub()
	emitted(h, mostEvents+10, boundary.Event{Kind: boundary.Acked})
	events, gap := h.since(3, 5, nil)
	require.EqualValues(t, 7, gap)
	require.Len(t, events, 5)
	require.EqualValues(t, 11, events[0].Number)
	events, gap = h.since(mostEvents+8, 5, nil)
	require.Zero(t, gap)
	require.Len(t, events, 2)
	require.EqualValues(t, mostEvents+10, events[1].Ordinal)
}

func TestHubForgetsEventsThatNameMuch(t *testing.T) {
	h := newHub()
	emitted(h, 2000, boundary.Event{Kind: boundary.Indexed, Records: make([]string, boundary.MostNames)})
	events, gap := h.since(0, 10_000, nil)
	require.Len(t, events, mostNames/boundary.MostNames)
	require.EqualValues(t, 2000-len(events), gap)
	emitted(h, mostEvents, boundary.Event{Kind: boundary.Acked})
	events, gap = h.since(0, 100_000, nil)
	require.Len(t, events, mostEvents)
	require.EqualValues(t, 2000, gap)
	require.Zero(t, h.names)
}

// A confirm of several messages counts each, for ordinals and for breakpoints.
func TestHubCountsMessages(t *testing.T) {
	h := newHub()
	armed := h.arm(boundary.Breakpoint{Kind: boundary.Confirmed, Target: "x", Nth: 5, Max: 1})
	emitted(h, 1, boundary.Event{Kind: boundary.Confirmed, Target: "x", Count: 4, Many: 4})
	require.Nil(t, armed.event)
	emitted(h, 1, boundary.Event{Kind: boundary.Confirmed, Target: "y", Count: 4, Many: 4})
	require.Nil(t, armed.event)
	emitted(h, 1, boundary.Event{Kind: boundary.Confirmed, Target: "x", Count: 3, Many: 3})
	require.EqualValues(t, 7, armed.event.Ordinal)
	require.Equal(t, armed.id, armed.event.Hold)
	h.reset()
	emitted(h, 1, boundary.Event{Kind: boundary.Confirmed, Target: "x", Many: 2})
	events, _ := h.since(3, 1, nil)
	require.EqualValues(t, 2, events[0].Ordinal)
}

// Two breakpoints that one read meets: the connection stops at one, and at the
// other's next event.
func TestHubStopsAtTheNext(t *testing.T) {
	h := newHub()
	first := h.arm(boundary.Breakpoint{Kind: boundary.Confirmed, Target: "x", Nth: 1, Max: 1})
	other := h.arm(boundary.Breakpoint{Kind: boundary.Confirmed, Target: "y", Nth: 1, Max: 1})
	c := &conn{tap: &Tap{}, service: "s", address: "a"}
	both := []boundary.Event{{Kind: boundary.Confirmed, Target: "x"}, {Kind: boundary.Confirmed, Target: "y"}}
	require.Same(t, first, h.emit(c, both))
	require.Nil(t, other.event)
	require.Same(t, other, h.emit(c, both[1:]))
}
