package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

func TestDiff(t *testing.T) {
	lossy, _ := storeLossy(t)
	got := call(t, &fake{}, "diff", lossy, lossy)
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stderr, "holds no run.json: seatrial check writes it")

	_, err := harness.Recheck(lossy)
	require.NoError(t, err)
	other, _ := storeLossy(t)
	_, err = harness.Recheck(other)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(other, reports.FindingsFile), nil, 0o600))

	got = call(t, &fake{}, "diff", other, lossy)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, "Findings: 8 new, 0 gone, 0 in both.")
	require.Contains(t, got.stdout, "  + lost T3ST")

	got = call(t, &fake{}, "diff", lossy, other, "--json")
	require.Zero(t, got.code, got.stderr)
	var d reports.Diff
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &d))
	require.Len(t, d.Gone, 8)
	require.True(t, d.ByRecord)
	require.Equal(t, lossy, d.Before.Folder)
	require.FileExists(t, filepath.Join(lossy, reports.RepairFile), "judging leaves the repair plan, too")
}

func TestDiffUsage(t *testing.T) {
	run := storedRun(t, "empty")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	broken := storedRun(t, "broken")
	require.NoError(t, os.WriteFile(filepath.Join(broken, reports.RunFile), []byte("{"), 0o600))
	for _, c := range []struct{ args, says string }{
		{"", "name the folders of two runs"},
		{run, "name the folders of two runs"},
		{run + " " + run + " " + run, "name the folders of two runs"},
		{run + " /nowhere", "holds no run.json"},
		{"/nowhere " + run, "no run in /nowhere"},
		{file + " " + run, "is a file"},
		{t.TempDir() + " " + run, "it holds no " + history.FileName},
		{broken + " " + run, "unexpected end of JSON"},
	} {
		got := call(t, &fake{}, append([]string{"diff"}, strings.Fields(c.args)...)...)
		require.Equal(t, reports.ExitUsage, got.code, "%v: %s", c.args, got.stderr)
		require.Contains(t, got.stderr, c.says)
		require.Empty(t, got.stdout)
	}
}
