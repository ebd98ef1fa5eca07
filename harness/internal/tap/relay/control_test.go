package relay

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
)

// busy is an answer whose first line goes out late.
type busy struct {
	*httptest.ResponseRecorder
	meanwhile func()
}

func (b *busy) Flush() {
	if b.meanwhile != nil {
		b.meanwhile()
		b.meanwhile = nil
	}
}

// A breakpoint that holds and is over before anybody could be told has held.
func TestHeldAndOverAtOnce(t *testing.T) {
	for range 20 {
		wire := New("")
		body := strings.NewReader(`{"kind":"acked","nth":1,"max":60000000000}`)
		answer := &busy{httptest.NewRecorder(), func() {
			armed := wire.hub.trap(1)
			emitted(wire.hub, 1, boundary.Event{Kind: boundary.Acked})
			wire.hub.end(armed, boundary.Forward, "reset")
			wire.hub.wait(armed, 0, nil)
			wire.hub.finish(armed, nil)
		}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			wire.Control().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/breakpoints", body))
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the breakpoint is over, and its request is not")
		}
		require.Contains(t, answer.Body.String(), `"held"`)
	}
}
