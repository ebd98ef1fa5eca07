package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/trace"
	"github.com/seatrial/seatrial/reports"
)

func TestTrace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	files := storeCrossings(t, dir)
	key := files.Key(int(files.Files[1].Ops[0].Number))

	got := call(t, &fake{}, "trace", dir, key)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, files.Files[1].Name+", line 2: upsert of version 1")
	require.Contains(t, got.stdout, "postgres people")
	require.Contains(t, got.stdout, "Last known: ")

	got = call(t, &fake{}, "trace", dir, key, "--json")
	require.Zero(t, got.code, got.stderr)
	var told trace.Trace
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &told))
	require.Equal(t, key, told.Key)
	require.Len(t, told.Hops, 3)

	// Another file's record: this history does not hold that it was sent.
	never := files.Key(int(files.Files[2].Ops[0].Number))
	got = call(t, &fake{}, "trace", dir, never)
	require.Zero(t, got.code, got.stderr)
	require.Equal(t, "It was never sent.\n", got.stdout)
	require.NotContains(t, call(t, &fake{}, "trace", dir, never, "--json").stdout, "null")

	// A history without its end may have holes.
	raw, err := os.ReadFile(filepath.Join(dir, history.FileName))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, history.FileName), raw[:len(raw)-5], 0o600))
	got = call(t, &fake{}, "trace", dir, never)
	require.Zero(t, got.code)
	require.Contains(t, got.stdout, "There may be holes: line 5 is cut off.\nNothing is known of it.\n")
}

// What a service answered is hostile.
func TestTracePrintsHostileText(t *testing.T) {
	var out lockedBuffer
	require.NoError(t, printTrace(&out, trace.Trace{Missing: 2, Hops: []trace.Hop{{Who: "loader\x1b[2J", What: "committed", Where: "a\nb", Evidence: "\u202e\xff"}}}))
	require.Equal(t, `    0.000 s  loader\x1b[2J committed            a\nb`+"                          "+`\u202e\xff
2 events of the wire were not kept: there may be holes.
Last known: loader\x1b[2J committed, a\nb.
`, out.String())
}

func TestTraceUsage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	files := storeCrossings(t, dir)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{dir, "NOKEY"}, "its keys look like " + files.Key(0)},
		{[]string{filepath.Join(dir, "nowhere"), files.Key(0)}, "no run in"},
		{[]string{t.TempDir(), files.Key(0)}, "it holds no " + history.FileName},
		{[]string{storedRun(t, "empty"), files.Key(0)}, "is empty"},
		{[]string{file, files.Key(0)}, "is a file"},
		{[]string{dir}, "name the folder of a run and a record's key"},
		{nil, "name the folder of a run and a record's key"},
	} {
		got := call(t, &fake{}, append([]string{"trace"}, c.args...)...)
		require.Equal(t, reports.ExitUsage, got.code, "%v: %s", c.args, got.stderr)
		require.Contains(t, got.stderr, c.says)
		require.Empty(t, got.stdout)
	}
}
