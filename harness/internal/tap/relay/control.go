package relay

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// Control answers the harness:
//
//	GET    /events?after=N             NDJSON of boundary.Line, without end
//	GET    /last                       the number of the last event
//	POST   /breakpoints                boundary.Breakpoint → NDJSON of boundary.State, until it is over; who hangs up lets go
//	POST   /breakpoints/{id}/release   {"mode":"forward"|"drop"} → boundary.Release, once it is done
//	PUT    /roles                      {"address or container name":"role"}
//	PUT    /keys                       [{"prefix","length"}]: what keys of records look like
//	PUT    /direct                     {"service or *":true}: new connections meet no toxics
//	PUT    /closed/{service}           true: all its connections end now, and none is taken; false: they are taken again
//	GET    /closed/{service}           true or false
//	POST   /reset                      ordinals from 1, breakpoints let go, nothing closed; events keep their numbers
//	GET    /connections                the open ones
func (t *Tap) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", t.events)
	mux.HandleFunc("GET /last", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, t.hub.latest())
	})
	mux.HandleFunc("POST /breakpoints", t.breakpoint)
	mux.HandleFunc("POST /breakpoints/{id}/release", t.release)
	mux.HandleFunc("PUT /roles", put(func(byName map[string]string) error {
		t.roles.set(byName)
		return nil
	}))
	mux.HandleFunc("PUT /keys", put(func(patterns []boundary.KeyPattern) error { return t.keys.Set(patterns) }))
	mux.HandleFunc("PUT /direct", put(func(direct map[string]bool) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.direct = direct
		return nil
	}))
	mux.HandleFunc("PUT /closed/{service}", func(w http.ResponseWriter, r *http.Request) {
		put(func(closed bool) error {
			t.setClosed(r.PathValue("service"), closed)
			return nil
		})(w, r)
	})
	mux.HandleFunc("GET /closed/{service}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, t.Closed(r.PathValue("service")))
	})
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		t.hub.reset()
		t.openAll()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /connections", t.connections)
	return mux
}

const (
	mostInOneWrite = 512
	// gathering is how long events are gathered before they are sent on: to send
	// each by itself would cost more than to read the protocol.
	gathering = 3 * time.Millisecond
)

func (t *Tap) events(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil && r.URL.Query().Has("after") || after < 0 {
		http.Error(w, "after must be the number of an event", http.StatusBadRequest)
		return
	}
	news, stop := t.hub.listen()
	defer stop()
	out, flush := stream(w)
	batch := make([]boundary.Event, 0, mostInOneWrite)
	for {
		var gap int64
		batch, gap = t.hub.since(after, mostInOneWrite, batch[:0])
		if gap > 0 {
			if out.Encode(boundary.Line{Gap: gap}) != nil {
				return
			}
		}
		for i := range batch {
			if out.Encode(&batch[i]) != nil {
				return
			}
			after = batch[i].Number
		}
		if flush() != nil {
			return
		}
		if len(batch) == mostInOneWrite {
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-news:
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(gathering):
		}
	}
}

func stream(w http.ResponseWriter) (*json.Encoder, func() error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	return json.NewEncoder(w), http.NewResponseController(w).Flush
}

// breakpoint arms one for as long as the request lasts.
func (t *Tap) breakpoint(w http.ResponseWriter, r *http.Request) {
	var wanted boundary.Breakpoint
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		http.Error(w, fmt.Sprintf("read the breakpoint: %v", err), http.StatusBadRequest)
		return
	}
	if err := wanted.Validate(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	armed := t.hub.arm(wanted)
	defer t.hub.end(armed, boundary.Forward, "the harness is gone")
	out, flush := stream(w)
	tell := func(state boundary.State) bool {
		state.ID = armed.id
		return out.Encode(state) == nil && flush() == nil
	}
	if !tell(boundary.State{State: "armed"}) {
		return
	}
	select {
	case <-r.Context().Done():
		return
	case <-armed.held:
	case <-armed.over:
	}
	select {
	case <-armed.held: // also where it is over by now
		if !tell(boundary.State{State: "held", Event: armed.event}) {
			return
		}
	default:
	}
	select {
	case <-r.Context().Done():
	case <-armed.over:
		end := armed.outcome()
		tell(boundary.State{State: "over", End: &end})
	}
}

func (t *Tap) release(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	armed := t.hub.trap(id)
	if armed == nil {
		http.Error(w, "there is no such breakpoint, or it is over", http.StatusNotFound)
		return
	}
	var wanted struct{ Mode boundary.Mode }
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || wanted.Mode != boundary.Forward && wanted.Mode != boundary.Drop {
		http.Error(w, `want {"mode":"forward"} or {"mode":"drop"}`, http.StatusBadRequest)
		return
	}
	t.hub.end(armed, wanted.Mode, "asked")
	select {
	case <-r.Context().Done():
		return
	case <-armed.over:
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(armed.outcome())
}

// put decodes a body and acts on it.
func put[T any](act func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var value T
		err := json.NewDecoder(r.Body).Decode(&value)
		if err == nil {
			err = act(value)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (t *Tap) connections(w http.ResponseWriter, _ *http.Request) {
	list := []boundary.Connection{}
	t.mu.Lock()
	for _, c := range t.open {
		list = append(list, boundary.Connection{ID: c.id, Service: c.service, Role: c.role(), Address: c.address})
	}
	t.mu.Unlock()
	sort.Slice(list, func(a, b int) bool { return list[a].ID < list[b].ID })
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(list)
}
