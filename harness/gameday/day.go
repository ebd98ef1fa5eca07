package gameday

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// Outcome of one check of the preflight.
const (
	Go       = "go"
	NoGo     = "no-go"
	Unproved = "unproved" // nothing speaks against it, and nothing proves it
)

// Check is one line of the preflight.
type Check struct {
	Name   string
	Status string // Go, NoGo or Unproved
	Why    string
}

// Deck is what a game day sees of its run, and may do with it.
type Deck interface {
	Sources
	// Folder is the run's.
	Folder() string
	// Health asks every service and role whether it works.
	Health(ctx context.Context) []Check
	// Leftovers looks whether data of anybody lies where the run will work.
	Leftovers(ctx context.Context) []Check
	// Rehearse takes every fault of the plan back on the idle system: after it was
	// injected for that where inject is true and the fault allows it, else as it is.
	Rehearse(ctx context.Context, inject bool) []Check
}

// Desk is where the people of a game day sit: a terminal, or a page.
type Desk interface {
	// Say shows a line that stays.
	Say(line string)
	// Confirm asks for yes or no, and waits for the answer.
	Confirm(ctx context.Context, question string) (bool, error)
	// Hear carries out a line that was said in a page, and returns what it says to it.
	Hear(line string) (answer string, err error)
	// Asked is the question that is open; empty: none.
	Asked() string
}

// Show is where a run under way is shown (reports.Live).
type Show interface {
	Begin(scenario, pipeline string, seed uint64, records int)
	Phase(text string)
	Marks(marks history.Marks)
	Fault(name, target, state, evidence string)
	Operation(name, state, evidence string)
	End(run reports.Run)
}

// Plan is what a game day is to be.
type Plan struct {
	Header    Header
	AbortIf   []Condition
	Alert     *Condition
	Rehearse  bool // inject every fault once before it begins, to see its undo work
	Confirmed bool // nobody is asked whether to go on
	By        string
}

// Day is a game day under way: it stands between a run, whose watcher and crew it
// is, and the people at the desk.
type Day struct {
	plan  Plan
	desk  Desk
	show  Show
	abort context.CancelCauseFunc // ends the run
	clock Clock

	mitigated chan struct{} // closed when somebody marks it

	mu      sync.Mutex
	session *Session // nil until the run has a folder
	log     *Log
	control *listener          // nil: pages cannot take part
	ended   context.CancelFunc // of the guard
	guarded sync.WaitGroup
	healed  int
	last    map[string]Reading // by condition
	lost    error              // the first event that could not be kept
	hidden  []Event            // what broke, until the debrief
	run     reports.Run
	broken  bool      // something was
	once    sync.Once // mitigated is closed
}

// NewDay returns a game day that ends its run by abort.
func NewDay(plan Plan, desk Desk, show Show, abort context.CancelCauseFunc, clock Clock) *Day {
	return &Day{plan: plan, desk: desk, show: show, abort: abort, clock: clock, mitigated: make(chan struct{}), last: map[string]Reading{}}
}

// Mitigated is closed when the responders say that they mitigated: what is broken
// is taken back then.
func (d *Day) Mitigated() <-chan struct{} { return d.mitigated }

// Session returns the session; nil while there is none.
func (d *Day) Session() *Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session
}

// keep appends an event. One that cannot be kept ends the run: a game day that
// nobody can read afterwards is none.
func (d *Day) keep(event Event) error {
	session := d.Session()
	if session == nil {
		return errors.New("the game day has not begun")
	}
	err := session.Add(event)
	if lost := (lostError{}); errors.As(err, &lost) {
		d.mu.Lock()
		known := d.lost != nil
		if !known {
			d.lost = err
		}
		d.mu.Unlock()
		if !known {
			d.desk.Say("the timeline cannot be written: " + err.Error())
			d.abort(fmt.Errorf("%w: the timeline cannot be written: %w", ErrAborted, err))
		}
	}
	return err
}

// GoNoGo is the preflight: it is asked once everything stands and nothing was sent
// or broken. An error wraps ErrAborted: it may not begin.
func (d *Day) GoNoGo(ctx context.Context, deck Deck) error {
	log, err := Create(deck.Folder())
	if err != nil {
		return err
	}
	session, err := Open(d.plan.Header, log, d.clock)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	d.mu.Lock()
	d.session, d.log = session, log
	d.mu.Unlock()
	d.open(deck.Folder())
	worst, err := d.preflight(ctx, deck)
	if err != nil {
		return err
	}
	if err := d.decide(ctx, worst); err != nil {
		return err
	}
	if err := d.keep(Event{Kind: Entered, Status: string(Running)}); err != nil {
		return err
	}
	d.guard(ctx, deck)
	return nil
}

// open lets pages take part. Where they cannot, the terminal does without them.
func (d *Day) open(dir string) {
	control, err := listen(dir, d.desk.Hear, d.standing)
	if err != nil {
		d.desk.Say("pages can only look on: " + err.Error())
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.control = control
}

// Leave has pages take part no more. Finish does so, too.
func (d *Day) Leave() error {
	d.mu.Lock()
	control := d.control
	d.control = nil
	d.mu.Unlock()
	if control == nil {
		return nil
	}
	return control.close()
}

func (d *Day) standing() Standing {
	s := Standing{Asked: d.desk.Asked(), Probes: []Probe{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	look := func(kind Kind, c Condition) {
		if r, ok := d.last[string(kind)+c.Text]; ok {
			s.Probes = append(s.Probes, Probe{kind, c.Text, r.Status, r.Seen})
		}
	}
	for _, c := range d.plan.AbortIf {
		look(Probed, c)
	}
	if d.plan.Alert != nil {
		look(Alerted, *d.plan.Alert)
	}
	return s
}

// preflight checks one thing after the other, and says each.
func (d *Day) preflight(ctx context.Context, deck Deck) (worst string, err error) {
	worst = Go
	d.show.Phase("preflight")
	for _, part := range []func() []Check{
		func() []Check { return deck.Health(ctx) },
		func() []Check { return deck.Leftovers(ctx) },
		func() []Check { return d.veiled(deck.Rehearse(ctx, d.plan.Rehearse)) },
		d.people,
		func() []Check { return d.conditions(ctx, deck) },
	} {
		for _, c := range part() {
			if ctx.Err() != nil {
				return NoGo, context.Cause(ctx)
			}
			if err := d.keep(Event{Kind: Checked, Name: c.Name, Status: c.Status, Text: c.Why}); err != nil {
				return NoGo, err
			}
			d.desk.Say(fmt.Sprintf("%-8s  %s: %s", c.Status, c.Name, c.Why))
			if c.Status == NoGo || worst == Go {
				worst = c.Status
			}
		}
	}
	return worst, nil
}

// veiled leaves out of checks what would tell what is going to break.
func (d *Day) veiled(checks []Check) []Check {
	if !d.plan.Header.Surprise {
		return checks
	}
	why := map[string]string{Go: "tried", Unproved: "cannot be tried beforehand", NoGo: "it does not work; with another --seed it may"}
	for i := range checks {
		checks[i].Why = why[checks[i].Status]
	}
	return checks
}

// people are the checks of who is what, and of what is expected.
func (d *Day) people() []Check {
	commander := Check{"incident commander", NoGo, "nobody is: --role incident-commander=NAME"}
	if name := d.plan.Header.Roles[Commander]; name != "" {
		commander = Check{"incident commander", Go, name}
	}
	checks := []Check{commander}
	for _, role := range slices.Sorted(maps.Keys(d.plan.Header.Roles)) {
		if role != Commander {
			checks = append(checks, Check{role, Go, d.plan.Header.Roles[role]})
		}
	}
	return append(checks, Check{"hypothesis", Go, d.plan.Header.Hypothesis})
}

// Commander is the role without which no game day begins.
const Commander = "incident-commander"

// settleWithin is how long a condition may need until it can be asked: what it asks
// may just be starting.
const settleWithin = 15 * time.Second

// conditions asks every condition once: one that holds already would abort at
// once, one that cannot be asked would do so soon after.
func (d *Day) conditions(ctx context.Context, deck Deck) []Check {
	var checks []Check
	for _, c := range d.plan.AbortIf {
		checks = append(checks, firstLook(ctx, "abort if "+c.Text, c, deck))
	}
	if len(checks) == 0 {
		checks = append(checks, Check{"abort conditions", Unproved, "there are none: only people abort"})
	}
	if d.plan.Alert != nil {
		checks = append(checks, firstLook(ctx, "alert "+d.plan.Alert.Text, *d.plan.Alert, deck))
	}
	return checks
}

func firstLook(ctx context.Context, name string, c Condition, of Sources) Check {
	over := time.Now().Add(settleWithin)
	for {
		holds, seen, err := c.Ask(ctx, of)
		switch {
		case err == nil && holds:
			return Check{name, NoGo, "it holds already: " + seen}
		case err == nil:
			return Check{name, Go, fmt.Sprintf("does not hold (%s); asked every %s, within %s", seen, c.Every, c.Within)}
		case ctx.Err() != nil || time.Now().After(over):
			return Check{name, NoGo, "cannot be checked: " + err.Error()}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// decide asks whether to go on.
func (d *Day) decide(ctx context.Context, worst string) error {
	refuse := func(by, why string) error {
		if err := d.keep(Event{Kind: Aborted, By: by, Text: why}); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s", ErrAborted, why)
	}
	if worst == NoGo {
		return refuse("", "no-go: nothing was broken")
	}
	if d.plan.Confirmed {
		return nil
	}
	yes, err := d.desk.Confirm(ctx, "go on?")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return refuse("", fmt.Sprintf("nobody said go: %v", err))
	}
	if !yes {
		return refuse(d.plan.By, "no-go by "+d.who(""))
	}
	return nil
}

func (d *Day) who(by string) string {
	if by != "" {
		return by
	}
	if d.plan.By != "" {
		return d.plan.By
	}
	return d.plan.Header.Roles[Commander]
}

// guard watches the abort conditions and the alert until the run ends.
func (d *Day) guard(ctx context.Context, deck Deck) {
	ctx, cancel := context.WithCancel(ctx)
	d.mu.Lock()
	d.ended = cancel
	d.mu.Unlock()
	d.guarded.Go(func() {
		Guard(ctx, d.plan.AbortIf, deck, func(r Reading) {
			d.note(Probed, r)
			if why := r.aborts(); why != "" {
				_ = d.Abort("", why) // it says itself what went wrong
			}
		})
	})
	if d.plan.Alert != nil {
		d.guarded.Go(func() {
			Guard(ctx, []Condition{*d.plan.Alert}, deck, func(r Reading) {
				if d.note(Alerted, r) && r.Status == Met {
					d.desk.Say("the alert fires: " + r.Seen)
				}
			})
		})
	}
}

// note keeps a reading that differs from the one before, and says whether it did.
func (d *Day) note(kind Kind, r Reading) (differs bool) {
	key := string(kind) + r.Condition.Text
	d.mu.Lock()
	before, known := d.last[key]
	d.last[key] = r
	d.mu.Unlock()
	if known && before.Status == r.Status && before.InARow == r.InARow {
		return false
	}
	if r.InARow > mostUnchecked { // it is said often enough
		return false
	}
	return d.keep(Event{Kind: kind, Name: r.Condition.Text, Status: r.Status, Text: r.Seen}) == nil
}

// Abort ends the run and has everything put back.
func (d *Day) Abort(by, why string) error {
	if err := d.keep(Event{Kind: Aborted, By: by, Text: why}); err != nil {
		return err
	}
	d.desk.Say("aborted: " + why + "; putting everything back")
	d.abort(fmt.Errorf("%w: %s", ErrAborted, why))
	return nil
}

// Do carries out what a person said, and returns what to answer. An error says why
// it cannot be done now.
func (d *Day) Do(c Command) (answer string, err error) {
	by := d.who(c.By)
	switch c.Do {
	case Detected, Acknowledged, Mitigated:
		if err := d.keep(Event{Kind: Marked, Name: c.Do, By: by}); err != nil {
			return "", err
		}
		d.mu.Lock()
		// Before anything is broken it is a false alarm; the answer does not tell.
		if c.Do == Mitigated && d.broken {
			d.once.Do(func() { close(d.mitigated) })
		}
		d.mu.Unlock()
		return c.Do + " by " + by, nil
	case Note:
		return "noted", d.keep(Event{Kind: Noted, By: by, Text: c.Text})
	case Follow:
		return "follow-up kept", d.keep(Event{Kind: FollowUp, By: by, Text: c.Text})
	case Abort:
		why := "by " + by
		if c.Text != "" {
			why += ": " + c.Text
		}
		return "", d.Abort(by, why)
	case Status:
		return d.Status(), nil
	}
	return "", fmt.Errorf("%s is not due now", c.Do)
}

// Status says in a line where the game day is.
func (d *Day) Status() string {
	session := d.Session()
	if session == nil {
		return "the stack is being prepared"
	}
	record := session.Record()
	text := fmt.Sprintf("%s, %s since it began", record.State, session.Elapsed().Round(time.Second))
	for _, event := range record.Events {
		if event.Kind == Marked {
			text += fmt.Sprintf("; %s by %s at %s", event.Name, event.By, time.Duration(event.At).Round(time.Second))
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.plan.AbortIf {
		if r, ok := d.last[string(Probed)+c.Text]; ok {
			text += fmt.Sprintf("; abort if %s: %s (%s)", c.Text, r.Status, r.Seen)
		}
	}
	return text
}

// Begin, Phase, Marks, Fault, Operation and End make the game day its run's watcher.

func (d *Day) Begin(scenario, pipeline string, seed uint64, records int) {
	if d.plan.Header.Surprise {
		seed = 0 // with it, what breaks can be found out
	}
	d.show.Begin(scenario, pipeline, seed, records)
}

func (d *Day) Phase(text string) { d.show.Phase(text) }

func (d *Day) Marks(marks history.Marks) { d.show.Marks(marks) }

func (d *Day) Fault(name, target, state, evidence string) {
	if session := d.Session(); session != nil {
		event := Event{Kind: Broke, Name: name, Target: target, Status: state, Text: evidence}
		if d.plan.Header.Surprise {
			event.Since = int64(session.Elapsed())
			d.mu.Lock()
			d.hidden = append(d.hidden, event)
			d.mu.Unlock()
			event = Event{Kind: Broke, Status: state}
		}
		_ = d.keep(event) // it says itself what went wrong
	}
	if !d.plan.Header.Surprise {
		d.show.Fault(name, target, state, evidence)
	}
	d.mu.Lock()
	d.broken = d.broken || state == "injecting"
	if state != "healed" {
		d.mu.Unlock()
		return
	}
	d.healed++
	all := d.healed == d.plan.Header.Faults
	d.mu.Unlock()
	if all {
		d.enter(Recovered, 0)
		if !d.plan.Header.Surprise {
			d.desk.Say("everything that was broken is healed")
		}
	}
}

func (d *Day) Operation(name, state, evidence string) {
	_ = d.keep(Event{Kind: Did, Name: name, Status: state, Text: evidence}) // it says itself what went wrong
	d.show.Operation(name, state, evidence)
}

// enter goes on to a state that the run has come to; one that an aborted game day
// does not enter is left out.
func (d *Day) enter(state State, since int64) {
	_ = d.keep(Event{Kind: Entered, Status: string(state), Since: since})
}

// PutBack is told when everything that was broken was put back, or why not, before
// the pipeline is removed. After an abort everything has to prove that it works.
func (d *Day) PutBack(ctx context.Context, deck Deck, err error) {
	session := d.Session()
	if session == nil {
		return
	}
	d.stopGuard()
	text := ""
	if err != nil {
		text = err.Error()
		if d.plan.Header.Surprise {
			text = "an undo failed; the debrief says which"
		}
	}
	if d.keep(Event{Kind: Undone, Text: text}) != nil || !session.Record().Aborted {
		return
	}
	if err == nil {
		d.desk.Say("everything is put back; seeing whether it works")
	} else {
		d.desk.Say("NOT everything is put back: " + text)
	}
	var down []string
	for _, c := range deck.Health(ctx) {
		if c.Status == NoGo {
			down = append(down, c.Name+": "+c.Why)
		}
	}
	seen := Event{Kind: Noted, Text: "everything works after the abort"}
	if len(down) > 0 {
		seen.Text = "after the abort this does not work: " + strings.Join(down, "; ")
	}
	if d.keep(seen) == nil {
		d.desk.Say(seen.Text)
	}
}

func (d *Day) stopGuard() {
	d.mu.Lock()
	stop := d.ended
	d.mu.Unlock()
	if stop != nil {
		stop()
		d.guarded.Wait()
	}
}

// End is the debrief: what was hidden is told, and the run's verdict.
func (d *Day) End(run reports.Run) {
	d.mu.Lock()
	d.run = run
	hidden := d.hidden
	d.mu.Unlock()
	session := d.Session()
	if session == nil {
		d.show.End(run)
		return
	}
	d.stopGuard()
	d.reconcile(session, run.Folder)
	d.enter(Debrief, 0)
	for _, event := range hidden {
		_ = d.keep(event)
		d.show.Fault(event.Name, event.Target, event.Status, event.Text)
	}
	_ = d.keep(Event{Kind: Judged, Status: string(run.Verdict), Text: run.Reason})
	d.show.End(run)
}

// reconcile enters Reconciled if the run's history says that every record came to
// its place, as of when it did.
func (d *Day) reconcile(session *Session, dir string) {
	record := session.Record()
	if record.Header.Faults == 0 && record.State == Running && !record.Aborted {
		d.enter(Recovered, 0)
	}
	if session.State() != Recovered || record.Aborted {
		return
	}
	stored, err := history.Load(dir)
	if err != nil {
		return // the verdict says what is missing
	}
	at, ok := settledAt(stored)
	if !ok {
		return
	}
	began, err := time.Parse(time.RFC3339Nano, stored.Header.Started)
	if err != nil {
		return
	}
	started, err := time.Parse(time.RFC3339Nano, record.Header.Started)
	if err != nil {
		return
	}
	d.enter(Reconciled, max(int64(began.Add(time.Duration(at)).Sub(started)), 1))
}

// settledAt returns when the sentinel was everywhere, if it was and nothing moved
// after it.
func settledAt(stored *history.Run) (at int64, ok bool) {
	for _, event := range stored.Events {
		switch {
		case event.Act == history.Sentinel && event.Phase == history.OK:
			at = event.At
		case event.Act == history.Quiet && event.Phase == history.OK:
			return at, at > 0
		}
	}
	return 0, false
}

// Finish writes the scorecard and ends the game day. A run that never came to its
// preflight has none.
func (d *Day) Finish() (Score, error) {
	session := d.Session()
	if session == nil {
		return Score{}, nil
	}
	d.mu.Lock()
	run, lost := d.run, d.lost
	d.mu.Unlock()
	score, err := Finish(session, run)
	return score, errors.Join(lost, err, d.Leave(), d.log.Close())
}

// Finish ends a game day and keeps its scorecard in the run's folder.
func Finish(session *Session, run reports.Run) (Score, error) {
	err := session.Enter(Over)
	score := NewScore(session.Record(), run)
	if run.Folder == "" {
		return score, err
	}
	return score, errors.Join(err, score.Write(run.Folder))
}
