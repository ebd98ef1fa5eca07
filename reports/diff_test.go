package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/workload"
)

// storedRun is a run of a workload, with a finding for each of some records.
func storedRun(t *testing.T, tag string, change func(*workload.Config), class check.Class, numbers ...int) Stored {
	t.Helper()
	config := workload.Config{Seed: 7, Tag: tag, Files: 4, RecordsPerFile: 10, UpdatePercent: 20}
	if change != nil {
		change(&config)
	}
	w, err := workload.New(config)
	require.NoError(t, err)
	raw, err := json.Marshal(w.Config)
	require.NoError(t, err)
	run := Run{Scenario: "calm", Pipeline: "reference", Seed: 7, Tag: tag, Folder: "out/" + tag, Workload: raw, Verdict: check.Valid, Reason: "All is well.", Undo: Undo{OK: true},
		Seconds: map[string]float64{"total": 10, "trial": 4, "quiet": 1}, Counts: map[check.Class]int{check.Acknowledged: 40, check.OK: 40 - len(numbers), class: len(numbers)},
		Images:  []Image{{Kind: "postgres", Ref: "postgres:15", Origin: "registry", Version: "15.20"}},
		Latency: &check.Latency{Operations: 40, P50: 1, P95: 2, P99: 2.5, Max: 3}}
	s := Stored{Run: run}
	for _, n := range numbers {
		s.Run.Verdict, s.Run.Reason = check.Invalid, "Not what was sent."
		s.Findings = append(s.Findings, check.Finding{Class: class, Key: w.Key(n), Version: 1, File: fmt.Sprintf("000001-delta-%s.csv", tag), Line: n + 2})
	}
	return s
}

func TestCompareRecordByRecord(t *testing.T) {
	before := storedRun(t, "7F3K", nil, check.Lost, 1, 2, 3)
	after := storedRun(t, "K3QF", func(c *workload.Config) { c.FilesPerSecond = 9 }, check.Lost, 2, 3, 4, 5)
	after.Findings = append(after.Findings, check.Finding{Class: check.Misreported, Version: -1, File: "000002-delta-K3QF.csv"})
	before.Findings = append(before.Findings, check.Finding{Class: check.Misreported, Version: -1, File: "000002-delta-7F3K.csv"})
	after.Run.Seconds = map[string]float64{"total": 13, "trial": 4.05, "repair": 3}
	after.Run.Latency = &check.Latency{Operations: 40, P50: 1.05, P95: 4, P99: 0.5, Max: 3}
	after.Run.Images = []Image{{Kind: "postgres", Ref: "postgres:16", Origin: "registry", Version: "16.1"}, {Kind: "sftp", Ref: "sftp", Origin: "built"}}
	after.Run.Pipeline = "reference:ack-before-commit"

	d := Compare(before, after)
	require.True(t, d.ByRecord, "the keys differ, the records are the same")
	require.Equal(t, []DiffFinding{{check.Lost, 4, after.Findings[2].Key, 1, "000001-delta-K3QF.csv", 1}, {check.Lost, 5, after.Findings[3].Key, 1, "000001-delta-K3QF.csv", 1}}, d.New)
	require.Equal(t, []DiffFinding{{check.Lost, 1, before.Findings[0].Key, 1, "000001-delta-7F3K.csv", 1}}, d.Gone)
	require.Equal(t, 3, d.Kept, "two records and a file")
	require.Equal(t, []string{"they are of different pipelines"}, d.Notes)
	var out bytes.Buffer
	require.NoError(t, d.Print(&out))
	golden(t, "diff.txt", out.String())
	raw, err := json.MarshalIndent(d, "", "  ")
	require.NoError(t, err)
	golden(t, "diff.json", string(raw)+"\n")
	require.NotContains(t, string(raw), "null")
}

func TestCompareByFile(t *testing.T) {
	before := storedRun(t, "7F3K", nil, check.Lost, 1, 2, 3)
	after := storedRun(t, "K3QF", func(c *workload.Config) { c.Seed = 8 }, check.Lost, 7, 8, 9, 10, 11)
	d := Compare(before, after)
	require.False(t, d.ByRecord)
	require.Equal(t, []DiffFinding{{Class: check.Lost, Number: -1, Version: -1, File: "000001-delta-K3QF.csv", Count: 2}}, d.New)
	require.Empty(t, d.Gone)
	require.Equal(t, 3, d.Kept)
	require.Contains(t, d.Notes, "they did not send the same records: findings are compared by class and file")
	var out bytes.Buffer
	require.NoError(t, d.Print(&out))
	require.Contains(t, out.String(), "Findings: 2 new, 0 gone, 3 in both.\n  + 2 lost, sent in 000001-delta-K3QF.csv\n")
}

func TestCompareWithItself(t *testing.T) {
	run := storedRun(t, "7F3K", nil, check.Stale, 1, 2)
	d := Compare(run, run)
	require.Empty(t, d.New)
	require.Empty(t, d.Gone)
	require.Empty(t, d.Counts)
	require.Empty(t, d.Images)
	require.Empty(t, d.Notes)
	for _, f := range append(d.Latency, d.Seconds...) {
		require.False(t, f.Slower || f.Faster)
		require.InDelta(t, 1, f.Ratio, 0)
	}
}

// Runs that broke off have little to compare.
func TestCompareWhatIsMissing(t *testing.T) {
	whole := storedRun(t, "7F3K", nil, check.Lost, 1)
	none := Stored{Run: Run{Scenario: hostile, Pipeline: hostile, Reason: hostile, Folder: hostile}, Findings: []check.Finding{{Class: hostile, Key: hostile, File: hostile}}}
	for _, d := range []Diff{Compare(whole, none), Compare(none, whole), Compare(none, none)} {
		var out bytes.Buffer
		require.NoError(t, d.Print(&out))
		require.NotContains(t, out.String(), "\x1b")
		require.NotContains(t, out.String(), "\r")
		for _, f := range append(d.Latency, d.Seconds...) {
			require.Zero(t, f.Ratio)
		}
	}
}

func TestManyDifferences(t *testing.T) {
	before := storedRun(t, "7F3K", nil, check.Lost)
	after := storedRun(t, "7F3K", nil, check.Lost, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23)
	var out bytes.Buffer
	require.NoError(t, Compare(before, after).Print(&out))
	require.Equal(t, diffShown, strings.Count(out.String(), "  + lost "))
	require.Contains(t, out.String(), "  + … and 3 more; --json has all\n")
}

func TestReadStored(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadStored(dir)
	require.ErrorContains(t, err, "seatrial check writes it")
	run := sampleRun()
	require.NoError(t, Write(dir, run, sampleResult()))
	stored, err := ReadStored(dir)
	require.NoError(t, err)
	require.Equal(t, dir, stored.Run.Folder, "where it lies now")
	require.Len(t, stored.Findings, 4)
	require.Equal(t, "7F3K000017X", stored.Findings[0].Key)

	findings := filepath.Join(dir, FindingsFile)
	require.NoError(t, os.WriteFile(findings, []byte("{\"class\":\"lost\"}\n{"), 0o600))
	_, err = ReadStored(dir)
	require.ErrorContains(t, err, "line 2")
	require.NoError(t, os.Remove(findings))
	_, err = ReadStored(dir)
	require.ErrorContains(t, err, "read findings")
	for text, says := range map[string]string{"{": "unexpected end", "{}": "names no scenario", "[]": "cannot unmarshal"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, RunFile), []byte(text), 0o600))
		_, err = ReadStored(dir)
		require.ErrorContains(t, err, says)
	}
}

func FuzzReadFindings(f *testing.F) {
	f.Add([]byte("{\"class\":\"lost\",\"key\":\"A\"}\n"))
	f.Add([]byte("{\"class\":\"lost\"}\n\n{\"line\":\"x\"}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		findings, err := readFindings(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, writeFindings(&out, findings))
		again, err := readFindings(&out)
		require.NoError(t, err)
		require.Len(t, again, len(findings))
	})
}
