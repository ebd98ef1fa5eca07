package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

// A history has one writer: the run. Whoever breaks something by hand while it
// goes on (Inject) is another process, and tells the run what it does, act by
// act, over a socket; each is in the history when the answer comes.

// said is one line of that: an act that is about to begin, or its outcome.
type said struct {
	Act     history.Act      `json:"act"`
	Phase   history.Phase    `json:"phase"`
	Fault   history.FaultAct `json:"fault"`
	Lasting bool             `json:"lasting"` // fault.Fault.Lasting
	Error   string           `json:"error,omitempty"`
}

// heard is the answer to a line.
type heard struct {
	Run      string `json:"run"`       // its folder
	InFlight int    `json:"in_flight"` // operations that the fault met; -1: not counted yet
	Error    string `json:"error,omitempty"`
}

// hands takes down what is broken by hand while a run goes on.
type hands struct {
	run      *run
	listener net.Listener
	release  func() // what the run has claimed
	ctx      context.Context
	stop     context.CancelFunc // ends all connections
	serving  sync.WaitGroup

	mu    sync.Mutex
	begun int    // faults, so far
	open  int    // not told to the end
	not   string // why nothing may be broken now; empty: it may
}

// Why nothing may be broken.
const (
	tooEarly = "has just begun: nothing may be broken before its first file has passed"
	tooLate  = "is being judged: wait until it is over"
)

// openHands claims the stack for the run. Errors wrap ErrInfra: another run, or a
// fault that was injected before, may be under way. Whoever connects is heard
// once the run listens.
func (r *run) openHands(ctx context.Context) (*hands, error) {
	release, err := r.stack.Claim(true)
	if errors.Is(err, stack.ErrInUse) {
		return nil, fmt.Errorf("%w: another run or an injected fault is under way on stack %s, and this run would not know of it: wait until it is over, or end it with Ctrl-C", ErrInfra, r.stack.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	err = r.number()
	var path string
	if err == nil {
		path, err = r.stack.Socket()
	}
	if err == nil {
		err = os.Remove(path) // of a run that was killed
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	var listener net.Listener
	if err == nil {
		listener, err = net.Listen("unix", path)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("%w: begin a run that others can break something in: %w", ErrInfra, err)
	}
	h := &hands{run: r, listener: listener, release: release, begun: len(r.plan), not: tooEarly}
	h.ctx, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	return h, nil
}

// number takes the numbers of the run's files, which nobody may have taken since
// they were planned.
func (r *run) number() error {
	first := r.workload.Config.FirstNumber
	next, err := r.stack.NextNumber()
	if err == nil && next != first {
		err = errors.New("another run went before it: try again")
	}
	if err != nil {
		return err
	}
	return r.stack.SetNextNumber(first + len(r.workload.Files))
}

// listen hears who connects until it is closed.
func (h *hands) listen() {
	h.serving.Go(func() {
		for {
			conn, err := h.listener.Accept()
			if err != nil {
				return // closed
			}
			h.serving.Go(func() { h.serve(conn) })
		}
	})
}

// allow says that from now on things may be broken by hand.
func (h *hands) allow() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.not = ""
}

// close ends the listening. What is not told to the end by then was not healed
// in this run.
func (h *hands) close() {
	if h == nil {
		return
	}
	h.listener.Close()
	h.stop()
	h.serving.Wait()
	h.release()
}

// enter returns the step that a fault is in the history, or why there may be none.
func (h *hands) enter() (step int, not string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.not != "" {
		return 0, h.not
	}
	h.begun++
	h.open++
	return h.begun, ""
}

func (h *hands) leave() {
	h.mu.Lock()
	h.open--
	h.mu.Unlock()
	h.run.wake()
}

// byHand waits until everything that is broken by hand is healed: what comes
// after it proves what it left.
func (r *run) byHand(ctx context.Context) error {
	for {
		changed := r.changed()
		r.hands.mu.Lock()
		open := r.hands.open
		if open == 0 {
			r.hands.not = tooLate
		}
		r.hands.mu.Unlock()
		if open == 0 {
			return nil
		}
		r.watch.Phase(fmt.Sprintf("waiting until what is broken by hand is healed (%d)", open))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// serve takes down the life of one fault.
func (h *hands) serve(conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(h.ctx, func() { conn.Close() })()
	lines, answers := json.NewDecoder(conn), json.NewEncoder(conn)
	step, not := h.enter()
	if not != "" {
		if lines.Decode(new(said)) == nil {
			_ = answers.Encode(heard{Error: "the run in " + h.run.dir + " " + not})
		}
		return
	}
	defer h.leave()
	life := &byHandLife{run: h.run, step: step}
	for {
		var line said
		if lines.Decode(&line) != nil {
			break
		}
		answer := heard{Run: h.run.dir}
		if err := life.hear(line); err != nil {
			answer.Error = err.Error()
		}
		answer.InFlight = life.inFlight
		if answers.Encode(answer) != nil {
			break
		}
	}
	life.end()
}

// byHandLife is one fault that is injected by hand, as it is written down.
type byHandLife struct {
	run      *run
	step     int
	act      history.FaultAct
	pending  *history.Pending
	due      int  // operations that had to arrive when it was about to strike
	inFlight int  // operations that it met; -1: not counted
	injected bool // and not yet healed, for all that is known
	met      func() error
}

// heardState is what watchers are told of an act that came to its end.
var heardState = map[history.Act]string{history.Inject: "injecting", history.Bite: "biting", history.Recover: "recovering", history.Heal: "healed"}

// hear writes one line down.
func (l *byHandLife) hear(line said) error {
	state, known := heardState[line.Act]
	if !known {
		return fmt.Errorf("%q is nothing that is done to a fault by hand", line.Act)
	}
	act := line.Fault
	act.Step, act.InFlight = l.step, -1
	if line.Phase == history.Invoke {
		return l.begin(line.Act, act)
	}
	if l.pending == nil {
		return errors.New("nothing was begun that could have ended")
	}
	pending := l.pending
	l.pending = nil
	if line.Phase != history.OK {
		l.run.watch.Fault(act.Name, act.Target, "not "+state, line.Error)
		return pending.Fail(errors.New(line.Error), act)
	}
	l.run.watch.Fault(act.Name, act.Target, state, act.Evidence)
	switch line.Act {
	case history.Inject:
		// Reads that ended while it was injected know better what was done before.
		if left := l.run.inFlight(act.Target); left >= 0 && l.inFlight > 0 {
			l.inFlight = min(l.inFlight, max(left-(l.run.mustArrive()-l.due), 0))
		}
	case history.Bite:
		if line.Lasting && l.inFlight <= 0 {
			l.met = l.meet(pending, act)
			return nil
		}
		act.InFlight = l.inFlight
	case history.Heal:
		l.injected = false
	}
	return pending.OK(act)
}

// begin writes down that an act is about to begin.
func (l *byHandLife) begin(what history.Act, act history.FaultAct) (err error) {
	r := l.run
	switch what {
	case history.Inject:
		if act.Destroys {
			r.setCheckpoint()
		}
		l.injected, l.due, l.inFlight = true, r.mustArrive(), r.inFlight(act.Target)
	case history.Recover:
		if l.met != nil {
			err = l.met()
			l.met = nil
		}
	}
	l.act = act
	pending, invoked := r.history.Invoke(what, act.Name, act)
	l.pending = pending
	return errors.Join(err, invoked)
}

// meet ends the bite of a lasting fault once work is under way at its target. The
// returned function ends it in any case.
func (l *byHandLife) meet(pending *history.Pending, act history.FaultAct) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_ = l.run.meets(ctx, &act) // if nothing met it, that is what is written
		done <- pending.OK(act)
	}()
	return func() error {
		cancel()
		err := <-done
		l.inFlight = act.InFlight
		return err
	}
}

// end writes down what is known of a fault whose process tells no more.
func (l *byHandLife) end() {
	gone := errors.New("the process that injected it ended before it was healed")
	var errs []error
	if l.met != nil {
		errs = append(errs, l.met())
	}
	if l.pending != nil {
		errs = append(errs, l.pending.Fail(gone, l.act))
	}
	if l.injected {
		l.run.watch.Fault(l.act.Name, l.act.Target, "not healed", gone.Error())
		pending, err := l.run.history.Invoke(history.Heal, l.act.Name, l.act)
		errs = append(errs, err, pending.Fail(gone, l.act))
	}
	_ = errors.Join(errs...) // the history keeps its first error, and proves nothing then
}

// teller tells the run that is under way on a stack, if there is one, what is
// broken by hand. Its zero value tells nobody.
type teller struct {
	conn     net.Conn
	answers  *json.Decoder
	run      string // folder
	inFlight int
}

// reachWithin bounds the wait for a run that has claimed a stack to listen.
const reachWithin = 10 * time.Second

// reachRun connects to the run that is under way on a stack, or makes sure that
// none begins before the stack is released.
func reachRun(ctx context.Context, s *stack.Stack) (t *teller, release func(), err error) {
	path, err := s.Socket()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	for {
		release, err := s.Claim(false)
		if err == nil {
			return &teller{inFlight: -1}, release, nil
		}
		if !errors.Is(err, stack.ErrInUse) {
			return nil, nil, err
		}
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err == nil {
			return &teller{conn: conn, answers: json.NewDecoder(conn), inFlight: -1}, func() { conn.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("the run that is under way on stack %s does not listen: %w", s.ID, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tell returns once the run has written it down.
func (t *teller) tell(line said) error {
	if t.conn == nil {
		return nil
	}
	if err := t.conn.SetDeadline(time.Now().Add(reachWithin)); err != nil {
		return err
	}
	var answer heard
	err := json.NewEncoder(t.conn).Encode(line)
	if err == nil {
		err = t.answers.Decode(&answer)
	}
	switch {
	case err != nil:
		return fmt.Errorf("tell the run that is under way: %w", err)
	case answer.Error != "":
		return errors.New(answer.Error)
	}
	t.run, t.inFlight = answer.Run, answer.InFlight
	return nil
}
