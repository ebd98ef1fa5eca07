package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/repair"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/reports"
)

// storeLossy makes the folder of a run that lost its second file, and doubled
// the rows of its first.
func storeLossy(t *testing.T) (string, *workload.Workload) {
	t.Helper()
	dir := t.TempDir()
	files, err := workload.New(workload.Config{Seed: 7, Tag: "T3ST", Files: 2, RecordsPerFile: 4, Control: 1, Sentinel: 1})
	require.NoError(t, err)
	config, err := json.Marshal(files.Config)
	require.NoError(t, err)
	expect, err := json.Marshal(check.Expectations{Rows: true, QuietSeconds: 1})
	require.NoError(t, err)
	w, err := history.Create(dir, history.Header{
		Generator: workload.Generator, Tag: "T3ST", Seed: 7, Scenario: "test", Pipeline: "reference", Workload: config, Expect: expect,
		Started: "2026-11-21T09:00:00Z",
	})
	require.NoError(t, err)
	did := func(act history.Act, name string, data any) {
		pending, err := w.Invoke(act, name, data)
		require.NoError(t, err)
		require.NoError(t, pending.OK(data))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "input"), 0o700))
	var rows []history.Entry
	for i, file := range files.Files {
		did(history.Send, file.Name, history.Sent{File: i, Name: file.Name, Rows: file.Rows()})
		if i == 0 {
			did(history.Control, "", nil)
		}
		for n, op := range file.Ops {
			entry := history.Entry{Number: int(op.Number), Version: int(op.Version), Fields: files.Row(op).Map(), Where: "people (" + string(rune('0'+i)) + "," + string(rune('1'+n)) + ")"}
			if i != 2 {
				rows = append(rows, entry)
			}
			if i == 1 {
				entry.Where = "people (9," + string(rune('1'+n)) + ")"
				rows = append(rows, entry)
			}
		}
		if i != 3 { // the sentinel's file is not kept
			require.NoError(t, os.WriteFile(filepath.Join(dir, "input", file.Name), files.Encode(file), 0o600))
		}
	}
	did(history.Sentinel, "", nil)
	did(history.Quiet, "", history.QuietAct{})
	reading, err := w.Observe(history.Rows, true)
	require.NoError(t, err)
	require.NoError(t, reading.Entries(rows, nil))
	require.NoError(t, w.Close())
	return dir, files
}

func TestRepair(t *testing.T) {
	dir, files := storeLossy(t)
	got := call(t, &fake{}, "repair", dir)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, "1. Remove 4 rows from the table")
	require.Contains(t, got.stdout, "2. Replay from file number 2 ("+files.Files[2].Name+") on: 2 files")
	require.Contains(t, got.stdout, "mends: 4 lost")

	got = call(t, &fake{}, "repair", dir, "--json")
	require.Zero(t, got.code, got.stderr)
	var plan repair.Plan
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &plan))
	require.True(t, plan.Needed)
	require.Len(t, plan.Steps, 2)
	require.Equal(t, "replay", plan.Steps[1].Operation, "the history does not say what the reference pipeline can do, and it is known")
	require.NotContains(t, got.stdout, "null")

	got = call(t, &fake{}, "repair", dir, "--files")
	require.Zero(t, got.code, got.stderr)
	second := filepath.Join(dir, "input", files.Files[2].Name) + "\t" + files.Files[2].Name
	require.Equal(t, second+"\n\t"+files.Files[3].Name+"\n", got.stdout)
	require.Contains(t, got.stderr, "1 of 2 files are not kept")

	got = call(t, &fake{}, "repair", dir, "--sql")
	require.Zero(t, got.code, got.stderr)
	require.Regexp(t, `^BEGIN;\nDELETE FROM people WHERE ctid = ANY \('\{("\(9,[1-4]\)",?){4}\}'::tid\[\]\);\nCOMMIT;\n$`, got.stdout)

	require.NoFileExists(t, filepath.Join(dir, reports.RepairFile), "it only tells")
}

func TestRepairUsage(t *testing.T) {
	dir, _ := storeLossy(t)
	broken := t.TempDir()
	raw, err := os.ReadFile(filepath.Join(dir, history.FileName))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(broken, history.FileName), raw[:len(raw)-5], 0o600))
	strange := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(strange, history.FileName), []byte("{}\n"), 0o600))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct{ args, says string }{
		{"", "name the folder of one run"},
		{dir + " " + dir, "name the folder of one run"},
		{dir + "/nowhere", "no run in"},
		{t.TempDir(), "it holds no " + history.FileName},
		{file, "is a file"},
		{storedRun(t, "empty"), "is empty"},
		{broken, "the history is not whole"},
		{strange, "has schema 0"},
		{dir + " --json --files", "cannot be given together"},
		{dir + " --sql --files", "cannot be given together"},
	} {
		got := call(t, &fake{}, append([]string{"repair"}, strings.Fields(c.args)...)...)
		require.Equal(t, reports.ExitUsage, got.code, "%v: %s", c.args, got.stderr)
		require.Contains(t, got.stderr, c.says)
		require.NotContains(t, got.stderr, "usage:")
		require.Empty(t, got.stdout)
	}
}
