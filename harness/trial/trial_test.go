package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/reports"
)

var (
	calm      = harness.Scenario{Name: "calm", Hypothesis: "All is well."}
	reference = harness.Options{Pipeline: harness.Reference}
	valid     = reports.Run{Verdict: check.Valid, Undo: reports.Undo{OK: true}}
)

// Only what is proved passes, and what does not says which it is.
func TestOnlyValidPasses(t *testing.T) {
	interrupted := reports.Run{Verdict: check.Unknown, Exit: reports.ExitInterrupted, Reason: "not proved: the run was interrupted", Undo: reports.Undo{OK: true}}
	for _, c := range []struct {
		name string
		run  reports.Run
		err  error
		want string // empty: it passes
	}{
		{"valid", valid, nil, ""},
		{"invalid", reports.Run{Verdict: check.Invalid, Exit: 1, Reason: "3 operations are lost", Undo: valid.Undo}, nil, "calm on reference is invalid: 3 operations are lost"},
		{"unknown", reports.Run{Verdict: check.Unknown, Exit: 6, Reason: "kill was not proved", Undo: valid.Undo}, nil, "calm on reference is unknown: kill was not proved"},
		{"infra", reports.Run{Verdict: check.Infra, Exit: 3, Reason: "no space", Undo: valid.Undo}, harness.ErrInfra, "calm on reference is infra: no space"},
		{"valid, and an error", valid, fmt.Errorf("%w: logs were not saved", harness.ErrInfra), "calm on reference is infra: infrastructure: logs were not saved"},
		{"valid, and not put back", reports.Run{Verdict: check.Valid, Exit: 5, Undo: reports.Undo{Error: "still locked"}}, nil, "undo failed: still locked"},
		{"interrupted", interrupted, context.Canceled, "calm on reference is unknown: not proved: the run was interrupted"},
		{"not begun", reports.Run{}, fmt.Errorf("%w: scenario calm does not fit", harness.ErrUsage), "calm was not tried: usage: scenario calm does not fit"},
		{"no verdict at all", reports.Run{}, nil, "is unknown: no reason was given"},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, &fakeStack{run: c.run, err: c.err})
			var asserted, after bool
			assert := try(t, nil, func(t testing.TB) {
				asserted = Open(t, reference).AssertValid(t, calm)
				after = true
			})
			require.True(t, after, "an assertion goes on")
			require.Equal(t, c.want == "", asserted)
			require.Equal(t, c.want != "", assert.failed)
			require.Contains(t, assert.text(), c.want)
			required := try(t, nil, func(t testing.TB) {
				Open(t, reference).RequireValid(t, calm)
				after = false
			})
			require.Equal(t, c.want != "", required.failed)
			require.Equal(t, c.want != "", after, "what is required ends the test")
		})
	}
}

func TestFailureShowsFindingsReportAndSeed(t *testing.T) {
	folder := t.TempDir()
	run := reports.Run{Scenario: "calm", Verdict: check.Invalid, Exit: 1, Reason: "1 operation is lost", Undo: valid.Undo, Folder: folder}
	require.NoError(t, reports.Write(folder, run, check.Result{Verdict: check.Invalid, Findings: []check.Finding{{Class: check.Lost, Key: "K17", Version: 2, LastSeen: "queue people"}}}))
	on(t, &fakeStack{run: run})
	fake := try(t, nil, func(t testing.TB) { Open(t, reference).RequireValid(t, calm) })
	require.Equal(t, `calm on reference is invalid: 1 operation is lost
  lost: K17 version 2, last seen: queue people
report: `+filepath.Join(folder, "report.html")+`
again with the same records: SEATRIAL_SEED=7 go test -run '^TestImport$/^calm$'`, fake.text())
}

func TestSeed(t *testing.T) {
	for _, c := range []struct {
		variable string
		options  harness.RunOptions
		want     uint64
		problem  string
	}{
		{"", harness.RunOptions{}, 0, ""},
		{"12", harness.RunOptions{}, 12, ""},
		{"12", harness.RunOptions{Seed: 3}, 3, ""},
		{"0", harness.RunOptions{}, 0, "SEATRIAL_SEED=0: give a number from 1"},
		{"x", harness.RunOptions{}, 0, "SEATRIAL_SEED=x: give a number from 1"},
	} {
		stack := &fakeStack{run: valid}
		on(t, stack)
		t.Setenv(SeedVariable, c.variable)
		fake := try(t, nil, func(t testing.TB) { Open(t, reference).Run(t, calm, c.options) })
		require.Contains(t, fake.text(), c.problem)
		if c.problem == "" {
			require.Equal(t, []harness.RunOptions{{Pipeline: harness.Reference, Seed: c.want}}, stack.asked)
		}
		require.Equal(t, c.problem != "", fake.failed)
	}
}

func TestShortSaysWhyItSkips(t *testing.T) {
	opened := on(t, &fakeStack{})
	world.short = func() bool { return true }
	fake := try(t, nil, func(t testing.TB) { Open(t, reference) })
	require.True(t, fake.skipped)
	require.Contains(t, fake.text(), "without -short it runs")
	require.Zero(t, *opened)
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	on(t, &fakeStack{})
	fake := try(t, nil, func(t testing.TB) { Open(t, harness.Options{}) })
	require.True(t, fake.failed)
	require.Contains(t, fake.text(), "usage: there is no pipeline seatrial.yaml")
	world.open = func(context.Context, harness.Options) (stack, error) {
		return nil, fmt.Errorf("%w: no engine", harness.ErrInfra)
	}
	fake = try(t, nil, func(t testing.TB) { Open(t, reference) })
	require.True(t, fake.failed)
	require.Equal(t, "the pipeline was not opened: infrastructure: no engine", fake.text())
}

// The services are closed with the test that opened them, or shared and closed
// at the end.
func TestServicesAreClosed(t *testing.T) {
	stack := &fakeStack{run: valid}
	opened := on(t, stack)
	for range 2 {
		try(t, nil, func(t testing.TB) { Open(t, reference).RequireValid(t, calm) })
	}
	require.Equal(t, 2, *opened)
	require.Equal(t, 2, stack.closed)

	shared.begin()
	for _, out := range []string{"", "", "elsewhere"} {
		try(t, nil, func(t testing.TB) {
			Open(t, harness.Options{Pipeline: harness.Reference, Out: out}).RequireValid(t, calm)
		})
	}
	require.Equal(t, 4, *opened)
	require.Equal(t, 2, stack.closed)
	require.NoError(t, shared.end())
	require.Equal(t, 4, stack.closed)
}

func TestFittingLeavesNothingOutSilently(t *testing.T) {
	on(t, &fakeStack{})
	odd := harness.Scenario{Name: "odd", Hypothesis: "It declares that.", Plan: []harness.Step{{When: harness.Probe("moons", 1), Fault: fault.Kill(fault.Loader), Recover: harness.Immediately()}}}
	own := harness.Scenario{Name: "own", Hypothesis: "It holds.", Plan: []harness.Step{harness.At(boundary.Committed.Of(fault.Loader, 3), fault.Kill(fault.Loader), boundary.Drop)}}
	var fit []harness.Scenario
	fake := try(t, nil, func(t testing.TB) { fit = Open(t, reference).Fitting(t, []harness.Scenario{calm, odd, own}) })
	require.False(t, fake.failed)
	require.Len(t, fit, 2)
	require.Contains(t, fake.text(), "left out: usage: scenario odd does not fit pipeline reference: step 1: it waits for at least 1 moons")
	fake = try(t, nil, func(t testing.TB) { Open(t, reference).Fitting(t, []harness.Scenario{odd}) })
	require.True(t, fake.failed, "a loop over nothing would pass")
}

// A run ends before go test kills it, and says so.
func TestTimeoutOfGoTest(t *testing.T) {
	stack := &fakeStack{run: reports.Run{Verdict: check.Unknown, Exit: reports.ExitInterrupted, Reason: "not proved: the run was interrupted", Undo: valid.Undo}, err: context.DeadlineExceeded}
	stack.during = func(ctx context.Context) { <-ctx.Done() }
	on(t, stack)
	fake := try(t, func(t *fakeT) { t.deadline = time.Now().Add(leftToClean + 50*time.Millisecond) }, func(t testing.TB) { Open(t, reference).RequireValid(t, calm) })
	require.True(t, fake.failed)
	require.Contains(t, fake.text(), "is unknown: not proved: the run was interrupted: the -timeout of go test came within 30s")

	fake = try(t, func(t *fakeT) { t.deadline = time.Now() }, func(t testing.TB) { Open(t, reference).RequireValid(t, calm) })
	require.True(t, fake.failed)
	require.Contains(t, fake.text(), "calm was not tried: the -timeout of go test came within 30s")
}

func TestRunsAreNeverCached(t *testing.T) {
	out := t.TempDir()
	require.NoError(t, neverCached(out))
	require.NoError(t, neverCached(out))
	file, err := os.Stat(filepath.Join(out, ".uncached"))
	require.NoError(t, err)
	require.True(t, file.ModTime().After(time.Now().Add(time.Hour)))
	require.NoError(t, neverCached(filepath.Join(out, "nothing", "was", "run")))
	require.Error(t, neverCached(filepath.Join(out, ".uncached")))
}

// Who asks for something else than valid gets the run as it is.
func TestRunReturnsWhatWasProved(t *testing.T) {
	broke := fmt.Errorf("%w: %w", harness.ErrInfra, errors.New("no space"))
	on(t, &fakeStack{run: reports.Run{Verdict: check.Infra, Exit: 3, Reason: broke.Error(), Undo: valid.Undo}, err: broke})
	var run reports.Run
	fake := try(t, nil, func(t testing.TB) {
		run = Open(t, reference).Run(t, calm, harness.RunOptions{Pipeline: "reference:ack-before-commit"})
	})
	require.False(t, fake.failed)
	require.Equal(t, check.Infra, run.Verdict)
	require.Equal(t, "reference:ack-before-commit", run.Pipeline)
}
