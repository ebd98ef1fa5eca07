package tap

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/seatrial/seatrial/harness/boundary"
)

// WirePath is where the tap's own control interface begins, behind the token.
const WirePath = "/wire"

// ErrNeverReached: a breakpoint was let go before anything met it.
var ErrNeverReached = errors.New("the breakpoint was never reached")

// wire makes a request to the tap's control interface. The caller closes the
// answer's body.
func (c *Control) wire(ctx context.Context, method, path string, body any) (*http.Response, error) {
	what := "ask the tap: " + method + " " + path
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+WirePath+path, content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1000)) // what can be read helps, the status says enough
		return nil, fmt.Errorf("%s: it answers %s: %s", what, response.Status, strings.TrimSpace(string(said)))
	}
	return response, nil
}

func (c *Control) tell(ctx context.Context, method, path string, body any) error {
	response, err := c.wire(ctx, method, path, body)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// ask makes a request and has what comes back decoded.
func (c *Control) ask(ctx context.Context, method, path string, body, answer any) error {
	response, err := c.wire(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("ask the tap: %s %s: read its answer: %w", method, path, err)
	}
	return nil
}

// Roles tells the tap whose connections are whose: addresses on the front
// network, or names of containers, by role. It replaces what was told before.
func (c *Control) Roles(ctx context.Context, byName map[string]string) error {
	return c.tell(ctx, http.MethodPut, "/roles", byName)
}

// Keys tells the tap what keys of records look like, so that it finds them in
// messages, statements and documents. It replaces what was told before; what
// is under way is read as it began.
func (c *Control) Keys(ctx context.Context, patterns ...boundary.KeyPattern) error {
	return c.tell(ctx, http.MethodPut, "/keys", append([]boundary.KeyPattern{}, patterns...))
}

// Direct says which services ("*": all) new connections reach without passing
// Toxiproxy. Only for runs whose plan has no toxic: none would work. It
// replaces what was told before.
func (c *Control) Direct(ctx context.Context, services ...string) error {
	direct := map[string]bool{}
	for _, service := range services {
		direct[service] = true
	}
	return c.tell(ctx, http.MethodPut, "/direct", direct)
}

// ResetWire lets go of all breakpoints (forward) and lets ordinals begin at 1.
func (c *Control) ResetWire(ctx context.Context) error {
	return c.tell(ctx, http.MethodPost, "/reset", nil)
}

// Connections returns the connections that are open.
func (c *Control) Connections(ctx context.Context) (list []boundary.Connection, err error) {
	err = c.ask(ctx, http.MethodGet, "/connections", nil, &list)
	return list, err
}

// Gap is the error for events that are lost because the stream fell behind.
type Gap struct{ Events int64 }

func (g *Gap) Error() string {
	return fmt.Sprintf("the stream of events fell behind: the tap has forgotten %d", g.Events)
}

// LastEvent returns the number of the last event that the tap has seen.
func (c *Control) LastEvent(ctx context.Context) (last int64, err error) {
	err = c.ask(ctx, http.MethodGet, "/last", nil, &last)
	return last, err
}

// Events yields every event after the one with the given number (0: from the
// first that the tap remembers), and goes on until the context ends, the
// connection breaks or the caller stops. A Gap is followed by more events;
// every other error is the last. To resume, call again with the last
// event's number.
func (c *Control) Events(ctx context.Context, after int64) iter.Seq2[boundary.Event, error] {
	return func(yield func(boundary.Event, error) bool) {
		response, err := c.wire(ctx, http.MethodGet, "/events?after="+strconv.FormatInt(after, 10), nil)
		if err != nil {
			yield(boundary.Event{}, err)
			return
		}
		defer response.Body.Close()
		for lines := json.NewDecoder(bufio.NewReader(response.Body)); ; {
			var line boundary.Line
			if err := lines.Decode(&line); err != nil {
				yield(boundary.Event{}, fmt.Errorf("read the tap's events: %w", err))
				return
			}
			if line.Gap > 0 && !yield(boundary.Event{}, &Gap{line.Gap}) {
				return
			}
			if line.Event != nil && line.Number > 0 && !yield(*line.Event, nil) {
				return
			}
		}
	}
}

// Armed is a breakpoint in force, for as long as it is not closed and this
// process lives.
type Armed struct {
	control *Control
	id      int64
	cancel  context.CancelFunc

	held chan struct{} // closed: event is set
	over chan struct{} // closed: end and err are set

	mu    sync.Mutex
	event boundary.Event
	end   boundary.Release
	err   error
}

// Arm puts a breakpoint in force. It counts from the moment at which Arm
// returns. Whoever arms must Close.
func (c *Control) Arm(ctx context.Context, b boundary.Breakpoint) (*Armed, error) {
	if b.Cut && b.Settle == 0 {
		b.Settle = boundary.DefaultSettle
	}
	if err := b.Validate(); err != nil {
		return nil, err
	}
	lease, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel) // until it is armed
	response, err := c.wire(lease, http.MethodPost, "/breakpoints", b)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("arm a breakpoint (%s): %w", b, err)
	}
	lines := json.NewDecoder(response.Body)
	var first boundary.State
	if err := lines.Decode(&first); err != nil || !stop() {
		cancel()
		response.Body.Close()
		return nil, fmt.Errorf("arm a breakpoint (%s): %w", b, errors.Join(err, ctx.Err()))
	}
	a := &Armed{control: c, id: first.ID, cancel: cancel, held: make(chan struct{}), over: make(chan struct{})}
	go a.follow(lines, response.Body)
	return a, nil
}

func (a *Armed) follow(lines *json.Decoder, body io.Closer) {
	defer body.Close()
	defer close(a.over)
	for {
		var state boundary.State
		err := lines.Decode(&state)
		a.mu.Lock()
		switch {
		case err != nil:
			a.err = fmt.Errorf("follow a breakpoint: %w", err)
		case state.State == "held" && state.Event != nil:
			a.event = *state.Event
			close(a.held)
		case state.End != nil:
			a.end = *state.End
		}
		over := err != nil || state.End != nil
		a.mu.Unlock()
		if over {
			return
		}
	}
}

// Held waits until the breakpoint holds a connection, and returns the event
// that it holds. ErrNeverReached: it was let go before.
func (a *Armed) Held(ctx context.Context) (boundary.Event, error) {
	select {
	case <-a.held:
	default:
		select {
		case <-a.held:
		case <-ctx.Done():
			return boundary.Event{}, fmt.Errorf("wait for the breakpoint: %w", ctx.Err())
		case <-a.over:
			select {
			case <-a.held:
			default:
				a.mu.Lock()
				defer a.mu.Unlock()
				return boundary.Event{}, errors.Join(ErrNeverReached, a.err)
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.event, nil
}

// Release lets what is held go, or drops it, and returns once that is done.
// Releasing what does not hold yet disarms it: Mode is empty then.
func (a *Armed) Release(ctx context.Context, mode boundary.Mode) (boundary.Release, error) {
	var end boundary.Release
	err := a.control.ask(ctx, http.MethodPost, fmt.Sprintf("/breakpoints/%d/release", a.id), map[string]boundary.Mode{"mode": mode}, &end)
	if err != nil {
		return end, fmt.Errorf("release a breakpoint: %w", err)
	}
	return end, nil
}

// Over waits until the breakpoint is over, by whatever reason, and says how it
// ended: for one that cuts by itself, and to learn whether a hold ran into its
// maximum.
func (a *Armed) Over(ctx context.Context) (boundary.Release, error) {
	select {
	case <-ctx.Done():
		return boundary.Release{}, fmt.Errorf("wait for the breakpoint's end: %w", ctx.Err())
	case <-a.over:
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.end, a.err
	}
}

// Close lets go of the breakpoint: what it holds is forwarded.
func (a *Armed) Close() {
	a.cancel()
	<-a.over
}
