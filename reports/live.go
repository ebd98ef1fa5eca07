package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// Live shows a run while it goes on. On a terminal two lines at the bottom
// are redrawn (phase and progress) and what must not be missed (faults, the
// verdict) stays above them; elsewhere it writes plain lines: one per phase
// and fault, and at most one every two seconds of progress. Its methods may
// be called from several goroutines.
type Live struct {
	w        io.Writer
	terminal bool
	paint    palette
	width    func() int
	now      func() time.Time

	mu       sync.Mutex
	running  bool
	began    time.Time
	run      Run // scenario, pipeline, seed, records
	phase    string
	marks    history.Marks
	steps    []liveStep // faults and operations, in the order in which they were first heard of
	drawn    int        // lines of the redrawn block that stand on the screen
	drawnAt  time.Time
	reported string // last progress line, plain
	lineAt   time.Time
	stop     chan struct{}
}

// liveStep is a fault or, without a target, an operation.
type liveStep struct{ name, target, state string }

const (
	lineEvery   = 2 * time.Second        // plain progress
	redrawEvery = 100 * time.Millisecond // at most this often on a terminal
	tickEvery   = time.Second            // the clock goes on where nothing else happens
)

// NewLive returns a Live that writes to w.
func NewLive(w io.Writer) *Live {
	return &Live{
		w: w, terminal: Terminal(w), paint: palette(Color(w)),
		width: func() int { return terminalWidth(w) }, now: time.Now,
		marks: unknownMarks,
	}
}

var unknownMarks = history.Marks{Sent: -1, Taken: -1, Queued: -1, Committed: -1, Visible: -1, Confirmed: -1}

// Begin says that a run begins. A run that was not ended is over with it. A seed
// of 0 is left out: it is not to be known.
func (l *Live) Begin(scenario, pipeline string, seed uint64, records int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halt()
	l.run = Run{Scenario: scenario, Pipeline: pipeline, Seed: seed, Records: records}
	l.running, l.began = true, l.now()
	l.phase, l.marks, l.steps, l.reported, l.lineAt = "", unknownMarks, nil, "", time.Time{}
	known := ""
	if seed != 0 {
		known = fmt.Sprintf(", seed %d", seed)
	}
	l.say(fmt.Sprintf("%s on %s%s, %d records", l.paint.bold(printable(scenario)), printable(pipeline), known, records))
	if l.terminal {
		l.stop = make(chan struct{})
		go l.tick(l.stop)
	}
}

// Phase says what the run does now, or waits for.
func (l *Live) Phase(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if text = printable(text); text == l.phase {
		return
	}
	l.phase = text
	if l.terminal && l.running {
		l.redraw(true)
		return
	}
	l.say(text)
}

// Doing returns the last phase: what an impatient person is told.
func (l *Live) Doing() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.phase
}

// Marks says how far the run is.
func (l *Live) Marks(marks history.Marks) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marks = marks
	if l.terminal {
		l.redraw(false)
		return
	}
	line := l.progressLine()
	if now := l.now(); line != "" && line != l.reported && (l.lineAt.IsZero() || now.Sub(l.lineAt) >= lineEvery) {
		l.reported, l.lineAt = line, now
		l.say(line)
	}
}

// Fault says what became of a fault: its state ("injected", "bit", "healed",
// …) and the evidence for it, if there is any.
func (l *Live) Fault(name, target, state, evidence string) {
	l.step("fault "+printable(name)+" on "+printable(target), liveStep{printable(name), printable(target), printable(state)}, evidence)
}

// Operation says what became of an operation: its state ("waiting", "under
// way", "done", "failed") and what it said, if anything.
func (l *Live) Operation(name, state, evidence string) {
	l.step("operation "+printable(name), liveStep{name: printable(name), state: printable(state)}, evidence)
}

func (l *Live) step(what string, step liveStep, evidence string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := false
	for i := range l.steps {
		if l.steps[i].name == step.name && l.steps[i].target == step.target {
			l.steps[i], known = step, true
		}
	}
	if !known {
		l.steps = append(l.steps, step)
	}
	line := what + ": " + step.state
	if evidence != "" {
		line += " (" + shorten(printable(evidence), 160) + ")"
	}
	l.say(l.paint.fault(line))
}

// End says how the run ended.
func (l *Live) End(run Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.terminal {
		// The last progress may have fallen between two lines.
		if line := l.progressLine(); l.running && line != "" && line != l.reported {
			l.say(line)
		}
	}
	l.halt()
	verdict := l.paint.verdict(run, printable(string(cmp.Or(run.Verdict, check.Unknown))))
	l.say(fmt.Sprintf("%s: %s", verdict, sentence(cmp.Or(run.Reason, "no reason was given"))))
	if !run.Undo.OK {
		l.say("undo failed: " + sentence(cmp.Or(run.Undo.Error, "no cause given")))
	}
}

// Say writes a line that belongs to no run, above what is redrawn.
func (l *Live) Say(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(printable(text))
}

// Close takes away what is redrawn. A Live can be used again after it.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halt()
}

// halt ends the redrawing; l.mu is held.
func (l *Live) halt() {
	if l.stop != nil {
		close(l.stop)
		l.stop = nil
	}
	l.erase()
	l.running = false
}

func (l *Live) tick(stop <-chan struct{}) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			l.mu.Lock()
			// The run may have ended while this waited for the lock.
			if l.stop == stop {
				l.redraw(false)
			}
			l.mu.Unlock()
		}
	}
}

// say writes a line that stays; l.mu is held.
func (l *Live) say(line string) {
	if l.running && !l.terminal {
		line = fmt.Sprintf("[%7.1fs] %s", l.now().Sub(l.began).Seconds(), line)
	}
	l.erase()
	fmt.Fprintln(l.w, line)
	l.redraw(true)
}

// erase takes the redrawn block off the screen; l.mu is held.
func (l *Live) erase() {
	if l.drawn == 0 {
		return
	}
	// To the first column, up to the block's first line, clear to the end.
	fmt.Fprintf(l.w, "\r%s\x1b[J", strings.Repeat("\x1b[A", l.drawn-1))
	l.drawn = 0
}

// redraw draws the block anew; l.mu is held.
func (l *Live) redraw(now bool) {
	if !l.terminal || !l.running || (!now && l.now().Sub(l.drawnAt) < redrawEvery) {
		return
	}
	lines := l.block(l.width() - 1) // a full last column would wrap on some terminals
	l.erase()
	fmt.Fprint(l.w, strings.Join(lines, "\n"))
	l.drawn, l.drawnAt = len(lines), l.now()
}
