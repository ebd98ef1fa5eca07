package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/tap"
)

// At is the step that stops the pipeline exactly between two protocol events
// and breaks it there:
//
//	harness.At(boundary.Committed.Of(fault.Loader, 3), fault.Kill(fault.Loader), boundary.Drop)
//
// The connection on which the boundary is crossed is held: nothing that was
// sent before it is kept back, nothing behind it goes on. Then the fault is
// injected and, once it was proved to bite, what was held is released: it goes
// its way, or is dropped together with the connection. The fault is taken back
// at once; set the step's Recover for another moment. fault.Hold breaks nothing
// itself: with boundary.Drop it is a cut.
//
// The first step of a plan counts boundaries from before the trial's first
// file, or from the end of the pause that Arms; a later one from when it is its
// turn. A boundary that is never crossed
// fails the plan, and the run proves nothing.
func At(where boundary.Breakpoint, do fault.Fault, then boundary.Mode) Step {
	if do.Target == "" {
		do.Target = where.Role
	}
	return Step{When: reaches(where), Fault: do, Recover: Immediately(), Release: then}
}

// longestHold bounds a hold where its breakpoint says nothing else: long enough
// for a service to be ended. Clients that wait for less give up meanwhile.
const longestHold = 30 * time.Second

// reaches waits until the pipeline is stopped at a boundary.
func reaches(where boundary.Breakpoint) Trigger {
	where.Max = cmp.Or(where.Max, longestHold)
	text := fmt.Sprintf("at the %s %q of role %s", ordinal(where.Nth), where.Kind, where.Role)
	if where.Target != "" {
		text += " on " + where.Target
	}
	if where.Number > 0 {
		text += fmt.Sprintf(" with record %d", where.Number-1)
	}
	return Trigger{Text: text, at: where, met: func(Situation) bool { return false }}
}

func ordinal(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return fmt.Sprintf("%dst", n)
	case n%10 == 2 && n%100 != 12:
		return fmt.Sprintf("%dnd", n)
	case n%10 == 3 && n%100 != 13:
		return fmt.Sprintf("%drd", n)
	}
	return fmt.Sprintf("%dth", n)
}

// arm puts the breakpoint of a trigger in force.
func (r *run) arm(ctx context.Context, trigger Trigger) (*tap.Armed, error) {
	at := trigger.at
	role, err := r.spec.Named(at.Role)
	if err != nil {
		return nil, err
	}
	at.Role = role
	if at.Number > 0 {
		at.Record = r.workload.Key(at.Number - 1)
	}
	return r.stack.Control.Arm(ctx, at)
}

// stopped is the pipeline at a breakpoint; nil: it is not stopped.
type stopped struct {
	armed    *tap.Armed
	event    boundary.Event
	underWay bool // something that was sent was not in its place yet, or only just was
}

func (s *stopped) close() {
	if s != nil {
		s.armed.Close()
	}
}

// inFlight is how many records were being handed on; -1: nothing is stopped.
// Where the event names none, it is how much it covers, if that can be any.
func (s *stopped) inFlight() int {
	if s == nil {
		return -1
	}
	if named := len(s.event.Records); named > 0 {
		return named
	}
	if !s.underWay {
		return 0
	}
	return s.event.Count
}

func (s *stopped) describe(act *history.FaultAct) {
	if s == nil {
		return
	}
	event := s.event
	if len(event.Records) > fewNames {
		event.Records = event.Records[:fewNames]
	}
	event.Messages = nil
	act.Held, _ = json.Marshal(event) // strings and numbers only
}

// fewNames is how many records a receipt names.
const fewNames = 10

// bites proves that the fault bites while the connection is held, and then
// releases what was kept back. Parts says that the fault ends the connection
// itself: then nothing can be expected to go on.
func (s *stopped) bites(ctx context.Context, act *history.FaultAct, then boundary.Mode, parts bool, fault func(context.Context) (string, error)) (string, error) {
	evidence, err := fault(ctx)
	if err != nil {
		return "", err
	}
	then = cmp.Or(then, boundary.Forward)
	end, err := s.armed.Release(ctx, then)
	if err != nil {
		return "", fmt.Errorf("the hold was over before the fault was proved: %w", err)
	}
	if end.Why != "asked" {
		return "", fmt.Errorf("the hold ended before the fault was proved: %s, after %.1f s", end.Why, end.Seconds)
	}
	if err := released(end, parts); err != nil {
		return "", err
	}
	act.Released = string(end.Mode)
	if end.Err != "" {
		act.Released += " (" + end.Err + ")"
	}
	return fmt.Sprintf("%s; held for %d ms and then: %s; %s", s, int(1000*end.Seconds), act.Released, evidence), nil
}

// released says why what was held did not become what it was to become.
func released(end boundary.Release, parts bool) error {
	if end.Mode == boundary.Forward && end.Err != "" && !parts {
		return fmt.Errorf("what was held could not be let go, the connection was gone after %.1f s: %s", end.Seconds, end.Err)
	}
	return nil
}

// parts says whether a fault ends the connection on which an event is held: it
// ends connections, and those of that role or service.
func (r *run) parts(f fault.Fault, held boundary.Event) bool {
	does, _ := fault.SplitReplica(f.Target)
	if role, err := r.spec.Named(does); err == nil {
		does = role
	}
	return f.Disconnects && (does == held.Role || does == held.Service)
}

func (s *stopped) String() string {
	e := s.event
	text := fmt.Sprintf("%s %s on %s", e.Role, e.Kind, e.Service)
	if e.Target != "" {
		text += " (" + e.Target + ")"
	}
	text += fmt.Sprintf(", its %s", ordinal(int(e.Ordinal)))
	if names := e.Records; len(names) > 0 {
		text += ", " + strings.Join(names[:min(len(names), fewNames)], " ")
	}
	return text
}

// reached waits until a step's trigger is met: by the run's progress or, where
// it is a breakpoint, until that holds a connection.
func (r *run) reached(ctx context.Context, step int, trigger Trigger, since time.Time) (*stopped, error) {
	if trigger.at.Kind == "" {
		return nil, r.await(ctx, trigger, since)
	}
	armed, err := r.inForce(ctx, step, trigger)
	if err != nil {
		return nil, err
	}
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go r.watchPassed(waiting, step, stop)
	event, err := armed.Held(waiting)
	if err != nil {
		armed.Close()
		return nil, fmt.Errorf("the breakpoint was never reached (%s): %w", trigger.Text, cmp.Or(context.Cause(waiting), err))
	}
	settled, _ := r.settled()
	return &stopped{armed: armed, event: event, underWay: !settled}, nil
}

// inForce returns the breakpoint of a step, armed.
func (r *run) inForce(ctx context.Context, step int, trigger Trigger) (*tap.Armed, error) {
	if step > 0 {
		return r.arm(ctx, trigger)
	}
	select {
	case armed := <-r.armed:
		return armed, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// errPassed: the work is done, and a breakpoint has not met it.
var errPassed = errors.New("all the work came through without it")

// watchPassed ends the wait for a step's breakpoint once everything that was sent
// is in its place and quiet, or nothing moves any more; in any case when a
// trigger's time is over since everything was sent.
func (r *run) watchPassed(ctx context.Context, step int, stop context.CancelCauseFunc) {
	select {
	case <-ctx.Done():
		return
	case <-r.sentAll:
	}
	begun := time.Now()
	over := time.NewTimer(triggerWithin)
	defer over.Stop()
	for {
		if r.broken(step) { // what stands still may stand still because of that
			begun = time.Now()
		}
		done, _ := r.observer.Accounted()
		if quiet, _ := r.observer.Quiet(2 * r.spec.LongestInterval); done && quiet {
			stop(errPassed)
			return
		}
		if quiet, _ := r.observer.Quiet(2 * r.spec.Patience); r.spec.Patience > 0 && quiet && time.Since(begun) > 2*r.spec.Patience {
			stop(stillError(2 * r.spec.Patience))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-over.C:
			stop(fmt.Errorf("all was sent %s ago", triggerWithin))
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// broken says whether a step before the one with index step bit and is not
// healed yet.
func (r *run) broken(step int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.bit[:step] {
		if !r.bit[i].IsZero() && r.healed[i].IsZero() {
			return true
		}
	}
	return false
}
