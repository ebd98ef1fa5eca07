package harness

import (
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
// time, exactly once, and with the same seed and tag it finds the same, byte for
// byte but for times. A boundary that is never crossed proves nothing, and is
// told as soon as all the work came through without it.
func TestBreakpoints(t *testing.T) {
	h := openStack(t)
	try := func(t *testing.T, scenario Scenario, options RunOptions) reports.Run {
		t.Helper()
		run, err := h.Run(t.Context(), scenario, options)
		require.NoError(t, err)
		require.Len(t, run.Faults, 1)
		t.Logf("seed %d, %.1f s: %s: %s", run.Seed, run.Seconds["total"], run.Verdict, run.Faults[0].Evidence)
		return run
	}
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
			for round := range breakpointRounds(t) {
				run := try(t, atThird(test.at), RunOptions{Pipeline: test.pipeline})
				require.True(t, run.Faults[0].Bit, run.Reason)
				if test.class == "" {
					require.Equal(t, check.Valid, run.Verdict, run.Reason)
					continue
				}
				require.Equal(t, check.Invalid, run.Verdict, run.Reason)
				require.Equal(t, 1, run.Counts[test.class], "%v", run.Counts)
				if round%10 == 0 {
					again := try(t, atThird(test.at), RunOptions{Pipeline: test.pipeline, Seed: run.Seed, Tag: run.Tag})
					require.Equal(t, findings(t, run), findings(t, again))
				}
			}
		})
	}
	t.Run("never reached", func(t *testing.T) {
		scenario := atThird(boundary.Committed)
		scenario.Plan = []Step{At(boundary.Committed.Of(fault.Loader, 1).On("no_such_table"), fault.Kill(fault.Loader), boundary.Drop)}
		run := try(t, scenario, RunOptions{})
		require.Equal(t, check.Unknown, run.Verdict, run.Reason)
		require.Contains(t, run.Faults[0].Evidence, "never reached")
	})
}

// readNumber is how often a place was read until then: a time.
var readNumber = regexp.MustCompile(`read \d+`)

func findings(t *testing.T, run reports.Run) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(run.Folder, reports.FindingsFile))
	require.NoError(t, err)
	require.NotEmpty(t, raw)
	return readNumber.ReplaceAllString(string(raw), "read N")
}
