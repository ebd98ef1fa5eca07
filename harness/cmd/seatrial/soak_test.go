package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

func TestSoakKeepsTheTally(t *testing.T) {
	out := t.TempDir()
	got := call(t, &fake{}, "soak", "--rounds", "3", "--out", out, "calm")
	require.Equal(t, reports.ExitValid, got.code, got.stderr)
	require.Contains(t, got.stdout, "3 of 3 runs valid: at most 63.16 % are not")

	raw, err := os.ReadFile(filepath.Join(out, soakFile))
	require.NoError(t, err)
	var kept tally
	require.NoError(t, json.Unmarshal(raw, &kept))
	require.Equal(t, 3, kept.Verdict[check.Valid])
	require.Empty(t, kept.Failed)
}

func TestSoakForgivesNothing(t *testing.T) {
	f := &fake{verdicts: map[string]reports.Run{"calm": failedRun(check.Unknown, "not proved")}}
	got := call(t, f, "soak", "--rounds", "2", "--out", t.TempDir(), "calm")
	require.Equal(t, reports.ExitUnknown, got.code, got.stderr)
	require.Contains(t, got.stdout, "0 of 2 runs valid")
	require.Contains(t, got.stdout, "not proved")
}

func TestSoakAndDemoRefuseBadCalls(t *testing.T) {
	for _, args := range [][]string{
		{"soak", "--rounds", "-1"},
		{"soak", "no-such-scenario"},
		{"demo", "broker-killed"},
		{"demo", "--seed", "0"},
	} {
		require.Equal(t, reports.ExitUsage, call(t, &fake{}, args...).code, "%v", args)
	}
}
