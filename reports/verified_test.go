package reports

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

// The reports of a comparison are those of a run, without what only a trial has.
func TestVerified(t *testing.T) {
	dir := t.TempDir()
	result := check.Result{
		Verdict: check.Invalid, Reason: "Not what was sent: 2 lost; not judged: confirmations.", NotJudged: []string{"confirmations"},
		Counts:   map[check.Class]int{check.Attempted: 5, check.Acknowledged: 5, check.OK: 3, check.Lost: 2},
		Findings: []check.Finding{{Class: check.Lost, Key: "a", Version: 1, File: "000001.csv", Line: 2, LastSeen: "sent in 000001.csv line 2; not in rows", Evidence: "no trace in rows"}},
		Files:    []check.FileFates{{File: "000001.csv", Sent: "read", Attempted: 5, Fates: map[check.Fate]int{check.Applied: 3, check.LostFate: 2}}},
	}
	run := Run{Scenario: "verify", Pipeline: hostile, Undo: Undo{OK: true}, Records: 5, Seconds: map[string]float64{"total": 1.5}, Started: "2026-11-21T09:00:00Z", Folder: dir,
		Verified: &Verified{Sent: hostile, Files: 1, Rows: 3, Findings: 2, PeakBytes: 50 << 20, Again: []string{"seatrial", "verify", "--sent", "the archive"},
			All: func(w io.Writer) error {
				_, err := fmt.Fprint(w, "{\"key\":\"a\"}\n{\"key\":\"b\"}\n")
				return err
			}},
	}.With(result)
	require.NoError(t, Write(dir, run, result))
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(raw)
	}
	golden(t, "verified.report.md", read(MarkdownFile))
	require.Equal(t, "{\"key\":\"a\"}\n{\"key\":\"b\"}\n", read(FindingsFile), "all of them, not those of the result")
	page := read(HTMLFile)
	require.Contains(t, page, "What was compared")
	require.Contains(t, page, "1 of 2 shown")
	for _, absent := range []string{`id="timeline"`, `id="plan"`, `id="ran"`, "seed 0", "seatrial run", "seatrial trace", "seatrial check", "<script>alert"} {
		require.NotContains(t, page, absent)
	}
	require.NotContains(t, read(JUnitFile), "seed")
	fits(t, compiled(t, "run", true), []byte(read(RunFile)))
	stored, err := Read(dir)
	require.NoError(t, err)
	require.Equal(t, 2, stored.Verified.Findings)
	require.Equal(t, ExitInvalid, NewVerification(stored).Exit)
}
