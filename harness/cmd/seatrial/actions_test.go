package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

func TestInActions(t *testing.T) {
	summary := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, os.WriteFile(summary, []byte("Before.\n"), 0o600))
	f := &fake{
		verdicts: map[string]reports.Run{"index-oom": failedRun(check.Invalid, "3 lost: a, b\n::error::owned"), "database-killed": failedRun(check.Unknown, "100 % not proved")},
		env:      map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary},
	}
	got := call(t, f, "run", "calm", "index-oom", "database-killed", "--seed", "7", "--json")
	require.Equal(t, reports.ExitInvalid, got.code)
	var runs []reports.Run
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &runs), "results stay what they are")
	require.Contains(t, got.stderr, "\n::error title=invalid%3A index-oom on reference::3 lost: a, b; ::error::owned (seed 7)\n")
	require.Contains(t, got.stderr, "\n::warning title=unknown%3A database-killed on reference::100 %25 not proved (seed 7)\n")
	require.NotContains(t, got.stderr, "\n::error::owned")
	raw, err := os.ReadFile(summary)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(raw), "Before.\n### seatrial: 3 runs: 1 valid, 1 invalid, 1 unknown\n"), string(raw))

	// Judged again, they are shown again.
	run := storedRun(t, "index-oom")
	require.Equal(t, reports.ExitInvalid, call(t, f, "check", run).code)
	again, err := os.ReadFile(summary)
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(again), "### seatrial: "))
}

func TestOutsideOfActionsNothingIsShown(t *testing.T) {
	f := &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Invalid, "lost")}, env: map[string]string{"GITHUB_ACTIONS": "false"}}
	got := call(t, f, "run", "calm")
	require.NotContains(t, got.stderr, "::error")
}

func TestASummaryThatCannotBeWritten(t *testing.T) {
	f := &fake{env: map[string]string{"GITHUB_STEP_SUMMARY": filepath.Join(t.TempDir(), "no", "such")}}
	got := call(t, f, "run", "calm")
	require.Equal(t, reports.ExitInfra, got.code)
	require.Contains(t, got.stderr, "cannot be shown in GitHub Actions")
	f.verdicts = map[string]reports.Run{"calm": failedRun(check.Invalid, "lost")}
	require.Equal(t, reports.ExitInvalid, call(t, f, "run", "calm").code, "what was found is not hidden by that")
}
