package harness

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/reports"
)

// breakpointRounds is how often the breakpoint tests are repeated, each time
// with another seed.
func breakpointRounds(t *testing.T) int {
	text := os.Getenv("SEATRIAL_BREAKPOINT_ROUNDS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// atThird kills the loader at the third event of a kind.
func atThird(kind boundary.Kind) Scenario {
	return Scenario{
		Name:       "drill",
		Hypothesis: "between any two protocol events the loader may die",
		Workload: func(w *workload.Config) {
			w.Files, w.RecordsPerFile, w.UpdatePercent, w.DeletePercent = 2, 10, 0, 0
		},
		Deployment: Deployment{Settings: map[string]string{"WORKERS": "1", "PREFETCH": "1"}},
		Plan:       []Step{At(kind.Of(fault.Loader, 3).On("people"), fault.Kill(fault.Loader), boundary.Drop)},
	}
}

// TestBreakpoints: what a kill only sometimes meets, a breakpoint meets every
// time, and exactly once.
func TestBreakpoints(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	h, err := Open(t.Context(), Options{Out: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	for name, test := range map[string]struct {
		pipeline string
		at       boundary.Kind
		class    check.Class // of which there is exactly one; empty: valid
	}{
		"doubled":             {Reference + ":insert-not-upsert", boundary.Committed, check.Duplicated},
		"lost":                {Reference + ":ack-before-commit", boundary.StatementRequested, check.Lost},
		"clean at commits":    {Reference, boundary.Committed, ""},
		"clean at statements": {Reference, boundary.StatementRequested, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for range breakpointRounds(t) {
				run, err := h.Run(t.Context(), atThird(test.at), RunOptions{Pipeline: test.pipeline})
				require.NoError(t, err)
				require.Len(t, run.Faults, 1)
				t.Logf("seed %d, %.1f s: %s: %s", run.Seed, run.Seconds["total"], run.Verdict, run.Faults[0].Evidence)
				require.True(t, run.Faults[0].Bit, run.Reason)
				if test.class == "" {
					require.Equal(t, check.Valid, run.Verdict, run.Reason)
					continue
				}
				require.Equal(t, check.Invalid, run.Verdict, run.Reason)
				require.Equal(t, 1, run.Counts[test.class], "%v", run.Counts)
			}
		})
	}
}

// TestBreakpointNeverReached: a boundary that is never crossed proves nothing,
// and is told as soon as all the work came through without it.
func TestBreakpointNeverReached(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	h, err := Open(t.Context(), Options{Out: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	scenario := atThird(boundary.Committed)
	scenario.Plan = []Step{At(boundary.Committed.Of(fault.Loader, 1).On("no_such_table"), fault.Kill(fault.Loader), boundary.Drop)}
	run, err := h.Run(t.Context(), scenario, RunOptions{})
	require.NoError(t, err)
	require.Equal(t, check.Unknown, run.Verdict, run.Reason)
	require.Contains(t, run.Faults[0].Evidence, "never reached")
}

// readNumber is how often a place was read until then: a time.
var readNumber = regexp.MustCompile(`read \d+`)

// TestSameSeedSameFindings: what a breakpoint found is found again, byte for
// byte but for times.
func TestSameSeedSameFindings(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	h, err := Open(t.Context(), Options{Out: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	for at, pipeline := range map[boundary.Kind]string{
		boundary.Committed:          Reference + ":insert-not-upsert",
		boundary.StatementRequested: Reference + ":ack-before-commit",
	} {
		var first []byte
		var options RunOptions
		for range max(breakpointRounds(t)/10, 2) {
			options.Pipeline = pipeline
			run, err := h.Run(t.Context(), atThird(at), options)
			require.NoError(t, err)
			require.Equal(t, check.Invalid, run.Verdict, run.Reason)
			options.Seed, options.Tag = run.Seed, run.Tag
			findings, err := os.ReadFile(filepath.Join(run.Folder, reports.FindingsFile))
			require.NoError(t, err)
			findings = readNumber.ReplaceAll(findings, []byte("read N"))
			if first == nil {
				first = findings
				t.Logf("seed %d, tag %s: %s", run.Seed, run.Tag, first)
			}
			require.Equal(t, string(first), string(findings))
		}
	}
}
