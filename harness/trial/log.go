package trial

import (
	"sync"
	"testing"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// logger logs how runs go on to the test that is under way.
type logger struct {
	mu sync.Mutex
	t  testing.TB // nil: none is
}

// to has everything logged to t until the returned function is called: a test
// that has ended must not be logged to.
func (l *logger) to(t testing.TB) (end func()) {
	set := func(t testing.TB) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.t = t
	}
	set(t)
	return func() { set(nil) }
}

func (l *logger) logf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t != nil {
		l.t.Logf(format, args...)
	}
}

func (l *logger) Begin(scenario, pipeline string, seed uint64, records int) {
	l.logf("%s on %s, seed %d, %d records", scenario, pipeline, seed, records)
}

func (l *logger) Phase(text string) { l.logf("%s", reports.Line(text)) }

func (l *logger) Marks(history.Marks) {}

func (l *logger) Fault(name, target, state, evidence string) {
	l.logf("fault %s on %s: %s", name, target, with(state, evidence))
}

func (l *logger) Operation(name, state, evidence string) {
	l.logf("operation %s: %s", name, with(state, evidence))
}

func (l *logger) End(run reports.Run) {
	l.logf("%s: %s (%.1f s, %s)", run.Verdict, reports.Line(run.Reason), run.Seconds["total"], run.Folder)
}

func with(state, evidence string) string {
	if evidence == "" {
		return state
	}
	return state + " (" + reports.Line(evidence) + ")"
}
