package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// planted answers as a harness does: a defect shows under its plan and nowhere
// else, and without its plan nothing is proved.
func planted(found map[string]check.Class) func(string, harness.RunOptions) (reports.Run, bool) {
	return func(scenario string, options harness.RunOptions) (reports.Run, bool) {
		counts := map[check.Class]int{check.Attempted: 10, check.Acknowledged: 10, check.OK: 10}
		switch {
		case options.NoFault && scenario != "calm":
			run := failedRun(check.Unknown, "Not proved: the plan's faults were left out.")
			run.Counts = counts
			return run, true
		case found[options.Pipeline] != "" && scenario != "calm":
			run := failedRun(check.Invalid, "Not what was sent.")
			run.Counts = map[check.Class]int{check.Attempted: 10, check.Acknowledged: 10, check.OK: 7, found[options.Pipeline]: 3}
			return run, true
		}
		return reports.Run{}, false
	}
}

var bothPlanted = planted(map[string]check.Class{"reference:ack-before-commit": check.Lost, "reference:insert-not-upsert": check.Duplicated})

func decodeMatrix(t *testing.T, text string) reports.Matrix {
	t.Helper()
	var m reports.Matrix
	require.NoError(t, json.Unmarshal([]byte(text), &m))
	return m
}

func TestMatrix(t *testing.T) {
	out := t.TempDir()
	f := &fake{byRun: bothPlanted}
	got := call(t, f, "matrix", "--only", "13,insert-not-upsert", "--seeds", "2", "--parallel", "3", "--json", "--out", out)
	require.Equal(t, 0, got.code, got.stderr)
	m := decodeMatrix(t, got.stdout)
	require.Equal(t, 2, m.Caught)
	require.Zero(t, m.FalseAlarms)
	require.Equal(t, 9, m.Planned, "two defects, two scenarios with two seeds, quiet under both and under calm")
	require.Equal(t, []string{"ack-before-commit", "insert-not-upsert"}, []string{m.Defects[0].Name, m.Defects[1].Name})
	require.Equal(t, check.Lost, m.Defects[0].Expected)
	require.Equal(t, []check.Class{check.Lost}, m.Defects[0].Found)
	require.Len(t, m.Clean, 4)
	require.Len(t, m.Quiet, 3)
	for _, q := range m.Quiet {
		require.True(t, q.Quiet)
		require.Equal(t, q.Scenario != "calm", q.NoFault)
		if q.Scenario == "calm" {
			require.Equal(t, []string{"ack-before-commit", "insert-not-upsert"}, q.Defects, "several at once")
		}
	}
	require.LessOrEqual(t, len(f.opened), 3)
	require.Equal(t, len(f.opened), f.closed, "every stack is taken down")
	require.Equal(t, 9, len(f.asked))
	require.Contains(t, got.stderr, "[9/9]")
	require.NotContains(t, got.stdout, "null")

	raw, err := os.ReadFile(filepath.Join(out, reports.MatrixFile))
	require.NoError(t, err)
	require.Equal(t, got.stdout, string(raw))
	require.FileExists(t, filepath.Join(out, reports.MatrixMarkdownFile))
	require.True(t, strings.HasPrefix(f.opened[0].Out, filepath.Join(out, "matrix-")), "a folder of its own")

	seeds := map[uint64]bool{}
	for _, options := range f.options {
		seeds[options.Seed] = true
	}
	require.Len(t, seeds, 9, "fresh ones")
}

func TestMatrixExitCodes(t *testing.T) {
	clean := func(verdict check.Verdict) func(string, harness.RunOptions) (reports.Run, bool) {
		return func(scenario string, options harness.RunOptions) (reports.Run, bool) {
			if options.Pipeline == harness.Reference {
				return failedRun(verdict, "it is so"), true
			}
			return bothPlanted(scenario, options)
		}
	}
	untriggered := func(run reports.Run) func(string, harness.RunOptions) (reports.Run, bool) {
		return func(scenario string, options harness.RunOptions) (reports.Run, bool) {
			if options.NoFault {
				return run, true
			}
			return bothPlanted(scenario, options)
		}
	}
	undo := failedRun(check.Invalid, "lost")
	undo.Undo, undo.Exit = reports.Undo{Error: "the proxy is gone"}, reports.ExitUndo
	for _, c := range []struct {
		name string
		fake *fake
		want int
		says string
	}{
		{"all caught", &fake{byRun: bothPlanted}, 0, "1 of 1 defects caught, 0 false alarms"},
		{"nothing found", &fake{byRun: planted(nil)}, 1, "NOT CAUGHT: nothing (valid)"},
		{"another class", &fake{byRun: planted(map[string]check.Class{"reference:ack-before-commit": check.Altered})}, 1, "NOT CAUGHT: 3 altered"},
		{"clean run invalid", &fake{byRun: clean(check.Invalid)}, 1, "1 false alarm in"},
		{"clean run unknown", &fake{byRun: clean(check.Unknown)}, 6, "1 of them not proved"},
		{"clean run infra", &fake{byRun: clean(check.Infra)}, 3, "infra"},
		{"quiet run invalid", &fake{byRun: untriggered(failedRun(check.Invalid, "lost"))}, 1, "2 false alarms"},
		{"quiet run unknown for another reason", &fake{byRun: untriggered(failedRun(check.Unknown, "Not proved: a read was not whole."))}, 6, "not proved either way"},
		{"undo failed", &fake{byRun: untriggered(undo)}, 5, ""},
		{"no Docker", &fake{openErr: errors.New("no Docker")}, 3, "no Docker"},
		{"cleaning up failed", &fake{byRun: bothPlanted, closeErr: errors.New("network in use")}, 3, "network in use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, c.fake, "matrix", "--only", "13", "--seeds", "1", "--parallel", "1")
			require.Equal(t, c.want, got.code, "%s\n%s", got.stderr, got.stdout)
			require.Contains(t, got.stderr+got.stdout, c.says)
		})
	}
}

func TestMatrixShardsHoldEverythingOnce(t *testing.T) {
	whole := call(t, &fake{byRun: bothPlanted}, "matrix", "--only", "13,14", "--json")
	planned := decodeMatrix(t, whole.stdout).Planned
	var names []string
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		m := decodeMatrix(t, call(t, &fake{byRun: bothPlanted}, "matrix", "--only", "13,14", "--json", "--shard", part).stdout)
		planned -= m.Planned
		for _, d := range m.Defects {
			names = append(names, d.Name)
		}
	}
	require.Zero(t, planned)
	slices.Sort(names)
	require.Equal(t, []string{"ack-before-commit", "insert-not-upsert"}, names)
}

func TestMatrixAllScenarios(t *testing.T) {
	m := decodeMatrix(t, call(t, &fake{byRun: bothPlanted}, "matrix", "--only", "13", "--all", "--seeds", "0", "--json").stdout)
	require.Len(t, m.Defects, 1)
	require.Len(t, m.Others, 4, "for information")
	require.Equal(t, 1, m.Caught)
	require.Zero(t, m.Exit)
}

// A defect without a scenario is not caught; it does not keep the others from being tried.
func TestMatrixWithoutScenario(t *testing.T) {
	f := &fake{byRun: bothPlanted}
	got := call(t, f, "matrix", "--seeds", "0", "--json")
	require.Equal(t, 1, got.code)
	m := decodeMatrix(t, got.stdout)
	require.Len(t, m.Defects, 38)
	require.Equal(t, 2, m.Caught)
	require.Contains(t, m.Defects[0].Reason, "no scenario")
}

func TestMatrixInterrupted(t *testing.T) {
	signals := make(chan os.Signal)
	f := &fake{byRun: bothPlanted}
	f.running = func(name string) {
		if name == "broker-killed" {
			signals <- os.Interrupt
			signals <- os.Interrupt // taken when the first has been heeded
		}
	}
	out := t.TempDir()
	got := callWith(t, f, signals, "matrix", "--only", "13,14", "--parallel", "1", "--json", "--out", out)
	require.Equal(t, reports.ExitInterrupted, got.code, got.stderr)
	m, err := reports.ReadMatrix(filepath.Join(out, reports.MatrixFile))
	require.NoError(t, err)
	require.Len(t, m.Defects, 1, "half a run counts for nothing")
	require.Equal(t, "ack-before-commit", m.Defects[0].Name)
	require.Empty(t, m.Clean)
	require.Equal(t, 1, f.closed)
	require.Contains(t, m.Sum(), "runs were not made")
}

// A stack on which the harness failed is not used again.
func TestMatrixTakesAnotherStackAfterInfra(t *testing.T) {
	f := &fake{byRun: func(scenario string, options harness.RunOptions) (reports.Run, bool) {
		if scenario == "loader-killed" {
			return failedRun(check.Infra, "the proxy is gone"), true
		}
		return bothPlanted(scenario, options)
	}}
	got := call(t, f, "matrix", "--only", "13,14", "--seeds", "1", "--parallel", "1", "--json")
	require.Equal(t, 3, got.code, got.stderr)
	m := decodeMatrix(t, got.stdout)
	require.Equal(t, 1, m.Caught)
	require.Len(t, f.opened, 4, "one at the beginning, and one after each failure")
	require.Equal(t, 4, f.closed)
}

func TestMatrixUsage(t *testing.T) {
	for args, says := range map[string]string{
		"--only 39":               "1 to 38",
		"--only ack-before-comit": `did you mean "ack-before-commit"?`,
		"--seeds -1":              "--seeds -1",
		"--parallel -1":           "--parallel -1",
		"--shard 3/2":             "--shard",
		"calm":                    "takes no arguments",
		"--out /dev/null/x":       "--out /dev/null/x",
	} {
		f := &fake{}
		got := call(t, f, append([]string{"matrix"}, strings.Fields(args)...)...)
		require.Equal(t, reports.ExitUsage, got.code, args)
		require.Contains(t, got.stderr, says)
		require.Empty(t, f.opened)
	}
}

func TestStacksAtOnce(t *testing.T) {
	require.Equal(t, 4, stacksAtOnce(2, 24e9))
	require.Equal(t, 2, stacksAtOnce(1, 24e9))
	require.Equal(t, 1, stacksAtOnce(8, 1e9), "runs say themselves that it is too little")
	require.Equal(t, 2, stacksAtOnce(8, 4e9))
	require.Equal(t, mostStacks, stacksAtOnce(64, 512e9))
}
