package trial

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

// fakeT is a test that may fail.
type fakeT struct {
	testing.TB // of the test that asks
	name       string
	deadline   time.Time
	ctx        context.Context
	said       []string
	failed     bool
	skipped    bool
	cleanups   []func()
}

func (t *fakeT) Helper()                  {}
func (t *fakeT) Name() string             { return t.name }
func (t *fakeT) Context() context.Context { return t.ctx }
func (t *fakeT) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }
func (t *fakeT) FailNow()                 { t.failed = true; runtime.Goexit() }
func (t *fakeT) Logf(format string, args ...any) {
	t.said = append(t.said, fmt.Sprintf(format, args...))
}
func (t *fakeT) Errorf(format string, args ...any) { t.Logf(format, args...); t.failed = true }
func (t *fakeT) Fatalf(format string, args ...any) { t.Errorf(format, args...); t.FailNow() }
func (t *fakeT) Skip(args ...any) {
	t.Logf("%s", fmt.Sprint(args...))
	t.skipped = true
	runtime.Goexit()
}
func (t *fakeT) Deadline() (time.Time, bool) { return t.deadline, !t.deadline.IsZero() }

// try runs a test to its end, cleanups included, and returns it.
func try(t *testing.T, change func(*fakeT), test func(testing.TB)) *fakeT {
	t.Helper()
	fake := &fakeT{TB: t, name: "TestImport/calm", ctx: t.Context()}
	if change != nil {
		change(fake)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range fake.cleanups {
				f()
			}
		}()
		test(fake)
	}()
	<-done
	return fake
}

func (t *fakeT) text() string { return strings.Join(t.said, "\n") }

// fakeStack gives the result that it was told to.
type fakeStack struct {
	run    reports.Run
	err    error
	closed int
	asked  []harness.RunOptions
	during func(context.Context)
}

func (s *fakeStack) Run(ctx context.Context, scenario harness.Scenario, options harness.RunOptions) (reports.Run, error) {
	s.asked = append(s.asked, options)
	if s.during != nil {
		s.during(ctx)
	}
	run := s.run
	if run.Verdict != "" {
		run.Scenario, run.Pipeline, run.Seed = scenario.Name, options.Pipeline, 7
	}
	return run, s.err
}

func (s *fakeStack) Addresses() []harness.Address { return []harness.Address{{Service: "postgres"}} }

func (s *fakeStack) Close(context.Context) error {
	s.closed++
	return nil
}

// on has stacks opened that give these results, in a folder of the test's own.
func on(t *testing.T, fake *fakeStack) (opened *int) {
	t.Helper()
	t.Chdir(t.TempDir())
	t.Setenv(SeedVariable, "")
	was := world
	t.Cleanup(func() { world = was })
	opened = new(int)
	world.short = func() bool { return false }
	world.open = func(context.Context, harness.Options) (stack, error) {
		*opened++
		return fake, nil
	}
	return opened
}
