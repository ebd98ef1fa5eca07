package gameday

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrAborted is wrapped by the cause of a run that people, or an abort
// condition, ended.
var ErrAborted = errors.New("aborted")

// follows is which states may follow a state.
var follows = map[State][]State{
	Preflight:  {Running, Debrief},
	Running:    {Recovered, Debrief},
	Recovered:  {Reconciled, Debrief},
	Reconciled: {Debrief},
	Debrief:    {Over},
}

// allows says why an event cannot happen now.
func (r *Record) allows(event Event) error {
	underWay := slices.Contains([]State{Running, Recovered, Reconciled}, r.State)
	switch event.Kind {
	case Entered:
		if !slices.Contains(follows[r.State], State(event.Status)) {
			return fmt.Errorf("a game day in state %s does not enter %q", r.State, event.Status)
		}
		if r.Aborted && event.Status != string(Debrief) && event.Status != string(Over) {
			return fmt.Errorf("a game day that was aborted does not enter %q", event.Status)
		}
	case Marked:
		if !slices.Contains([]string{Detected, Acknowledged, Mitigated}, event.Name) {
			return fmt.Errorf("there is no mark %q", event.Name)
		}
		if !underWay {
			return fmt.Errorf("nothing can be marked %s in state %s", event.Name, r.State)
		}
	case Aborted:
		if r.Aborted {
			return errors.New("it was aborted already")
		}
		if r.State != Preflight && !underWay {
			return fmt.Errorf("there is nothing to abort in state %s", r.State)
		}
	case Checked:
		if r.State != Preflight {
			return fmt.Errorf("the preflight is over (state %s)", r.State)
		}
	case Probed, Alerted, Broke, Did, Noted, FollowUp, Undone, Resumed, Judged:
		if r.State == Over {
			return fmt.Errorf("the game day is over: nothing is %s any more", event.Kind)
		}
	default:
		return fmt.Errorf("there is no event %q", event.Kind)
	}
	return nil
}

// Clock is where a session has its time from.
type Clock struct {
	Wall func() time.Time
	Mono func() time.Duration // since any moment; never goes back
}

// SystemClock is the machine's.
func SystemClock() Clock {
	begun := time.Now()
	return Clock{Wall: time.Now, Mono: func() time.Duration { return time.Since(begun) }}
}

// Sink keeps lines: a Log.
type Sink interface{ Append(value any) error }

// Session is one game day: its state and its timeline. Its methods may be called
// from several goroutines. What is not kept did not happen: where the sink fails,
// nothing changes.
type Session struct {
	mu     sync.Mutex
	record Record
	sink   Sink
	clock  Clock
	offset time.Duration // of the timeline from the clock
}

// Open begins a game day.
func Open(header Header, sink Sink, clock Clock) (*Session, error) {
	header.Schema = Schema
	header.Started = clock.Wall().UTC().Format(time.RFC3339Nano)
	if header.Roles == nil {
		header.Roles = map[string]string{}
	}
	if header.AbortIf == nil {
		header.AbortIf = []string{}
	}
	if err := sink.Append(header); err != nil {
		return nil, err
	}
	return &Session{record: Record{Header: header, State: Preflight}, sink: sink, clock: clock, offset: -clock.Mono()}, nil
}

// Resume goes on with a game day whose process died. Its time goes on by the wall
// clock, and in no case back.
func Resume(record Record, sink Sink, clock Clock) (*Session, error) {
	s := &Session{record: record, sink: sink, clock: clock}
	var at time.Duration
	if n := len(record.Events); n > 0 {
		at = time.Duration(record.Events[n-1].At)
	}
	if started, err := time.Parse(time.RFC3339Nano, record.Header.Started); err == nil {
		at = max(at, clock.Wall().Sub(started))
	}
	s.offset = at - clock.Mono()
	return s, s.Add(Event{Kind: Resumed, Text: "the process before this one died in state " + string(record.State)})
}

// lostError is the error of a sink: what it did not keep could have happened.
type lostError struct{ error }

func (e lostError) Unwrap() error { return e.error }

// Add keeps an event and then lets it be so. An error says why it cannot happen
// now, or could not be kept.
func (s *Session) Add(event Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	event.Seq = len(s.record.Events) + 1
	event.At = int64(s.offset + s.clock.Mono())
	event.Time = s.clock.Wall().UTC().Format(time.RFC3339Nano)
	next := s.record
	if err := next.add(event); err != nil {
		return err
	}
	if err := s.sink.Append(event); err != nil {
		return lostError{err}
	}
	s.record = next
	return nil
}

// Enter goes on to a state. Entering the state that it is in is no error.
func (s *Session) Enter(state State) error {
	if s.State() == state {
		return nil
	}
	return s.Add(Event{Kind: Entered, Status: string(state)})
}

// State returns where the game day is.
func (s *Session) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.State
}

// Elapsed returns the time since the game day began, as events count it.
func (s *Session) Elapsed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offset + s.clock.Mono()
}

// Record returns what has happened until now.
func (s *Session) Record() Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.record
	record.Events = slices.Clone(record.Events)
	return record
}
