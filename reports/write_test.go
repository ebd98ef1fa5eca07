package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func TestWriteLeavesEveryReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	require.NoError(t, Write(dir, sampleRun(), sampleResult()))
	// Again, as `check` does: nothing is left over.
	require.NoError(t, Write(dir, sampleRun(), sampleResult()))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
		info, err := entry.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "%s is for its owner only", entry.Name())
	}
	require.Equal(t, []string{FindingsFile, JUnitFile, HTMLFile, MarkdownFile, RunFile}, names)

	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		golden(t, "invalid."+name, bare(string(raw)))
	}
}

func TestRunJSONHasTheNamesMachinesRelyOn(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, JSON(&out, []Run{sampleRun().With(sampleResult()), {Scenario: "calm", Undo: Undo{OK: true}}}))
	var runs []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &runs))
	require.Len(t, runs, 2)
	for _, run := range runs {
		for _, name := range []string{"scenario", "pipeline", "seed", "verdict", "exit", "reason", "records", "counts", "faults", "seconds"} {
			require.Contains(t, run, name)
			require.NotNil(t, run[name], name)
		}
		for _, class := range allClasses {
			require.Contains(t, run["counts"], string(class))
		}
		require.Contains(t, run["seconds"], "total")
	}
	require.Equal(t, "unknown", runs[1]["verdict"])
	require.EqualValues(t, ExitUnknown, runs[1]["exit"])

	out.Reset()
	require.NoError(t, JSON(&out, nil))
	require.Equal(t, "[]\n", out.String())
}

func TestFindingsAreALineEach(t *testing.T) {
	dir := t.TempDir()
	result := sampleResult()
	require.NoError(t, Write(dir, sampleRun(), result))
	file, err := os.Open(filepath.Join(dir, FindingsFile))
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	count := 0
	for lines.Scan() {
		var finding map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &finding))
		for _, name := range []string{"class", "key", "version", "file", "line", "last_seen", "evidence"} {
			require.Contains(t, finding, name)
		}
		require.Equal(t, string(result.Findings[count].Class), finding["class"])
		count++
	}
	require.NoError(t, lines.Err())
	require.Equal(t, len(result.Findings), count)
}

func TestWriteKeepsAVerdictThatDiffersFromTheJudges(t *testing.T) {
	dir := t.TempDir()
	run := sampleRun().With(check.Result{Verdict: check.Valid, Reason: "all is well"})
	run.Verdict, run.Reason, run.Exit = check.Infra, "the disk is full", ExitInfra
	require.NoError(t, Write(dir, run, check.Result{Verdict: check.Valid, Reason: "all is well"}))
	stored, err := Read(dir)
	require.NoError(t, err)
	require.Equal(t, check.Infra, stored.Verdict)
	require.Equal(t, "the disk is full", stored.Reason)
	require.Equal(t, ExitInfra, stored.Exit)
}

func TestWriteSaysWhereItCouldNot(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	require.ErrorContains(t, Write(filepath.Join(blocked, "run"), sampleRun(), sampleResult()), "write reports")
}

func TestReadRoundTrip(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Write(dir, sampleRun(), sampleResult()))
	stored, err := Read(dir)
	require.NoError(t, err)
	want := sampleRun().With(sampleResult())
	// What was no UTF-8 cannot come back from JSON.
	want.Faults[0].Evidence = strings.ToValidUTF8(want.Faults[0].Evidence, "\ufffd")
	want.Operations[1].Evidence = strings.ToValidUTF8(want.Operations[1].Evidence, "\ufffd")
	stored.Workload, want.Workload = nil, nil
	require.Equal(t, want, stored)
	_, err = Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestJUnitOfSeveralRuns(t *testing.T) {
	valid := Run{Scenario: "calm", Pipeline: "reference", Seed: 1, Verdict: check.Valid, Undo: Undo{OK: true}, Started: "2026-11-21T09:00:00Z", Seconds: map[string]float64{"total": 3}}
	again := valid
	again.Seed = 2
	invalid := sampleRun().With(sampleResult())
	unknown := Run{Scenario: "slow", Pipeline: "reference", Verdict: check.Unknown, Reason: "the fault was not proved", Undo: Undo{OK: true}}
	infra := Run{Scenario: hostile, Pipeline: "reference", Verdict: check.Infra, Reason: hostile, Undo: Undo{OK: true}}
	undo := Run{Scenario: "undo", Pipeline: "reference", Verdict: check.Valid, Undo: Undo{Error: "the container is gone"}}
	both := invalid
	both.Scenario, both.Undo = "both", Undo{Error: "the container is gone"}
	interrupted := Run{Scenario: "interrupted", Pipeline: "reference", Verdict: check.Valid, Exit: ExitInterrupted, Undo: Undo{OK: true}}
	nothing := Run{Scenario: "nothing", Pipeline: "reference", Undo: Undo{OK: true}}

	path := filepath.Join(t.TempDir(), "all.xml")
	require.NoError(t, JUnit(path, []Run{valid, again, invalid, unknown, infra, undo, both, interrupted, nothing}))
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	golden(t, "suite.xml", string(raw))

	var suites junitSuites
	require.NoError(t, xml.Unmarshal(raw, &suites))
	require.Equal(t, 9, suites.Tests)
	require.Equal(t, 2, suites.Failures, "invalid, also where the undo failed besides")
	require.Equal(t, 5, suites.Errors, "everything else that is not valid")
	require.Zero(t, suites.Suite.Skipped)
	require.Equal(t, "calm (seed 1)", suites.Suite.Cases[0].Name)
	require.NotContains(t, suites.Suite.Cases[2].Name, "seed")
}

func TestMarkdownOfOtherRuns(t *testing.T) {
	for _, c := range []struct {
		name   string
		run    Run
		result check.Result
	}{
		{"valid.md", func() Run {
			run := sampleRun()
			run.Scenario, run.Pipeline, run.Plan = "calm", "reference", nil
			return run
		}(), check.Result{Verdict: check.Valid, Reason: "Every operation is where it belongs.", Counts: map[check.Class]int{check.Attempted: 5006, check.Acknowledged: 5006, check.OK: 5006}}},
		{"no-fault.md", func() Run { run := sampleRun(); run.NoFault = true; return run }(), check.Result{Verdict: check.Unknown, Reason: "The plan was left out."}},
		{"infra.md", Run{Scenario: hostile, Pipeline: hostile, Folder: hostile, Tag: hostile, Started: hostile, Verdict: check.Infra, Reason: hostile,
			Undo: Undo{Error: hostile}, Plan: sampleRun().Plan, Images: []Image{{Kind: hostile, Ref: hostile, Origin: hostile, Version: hostile}},
			NotJudged: []string{hostile}, Workload: json.RawMessage(`{"a|b":"<c>\n|"}`)},
			check.Result{Files: []check.FileFates{{File: hostile, Sent: hostile, Attempted: 1, Fates: map[check.Fate]int{hostile: 1}}},
				Findings: []check.Finding{{Class: hostile, Key: hostile, File: hostile, LastSeen: hostile, Evidence: hostile}, {Class: check.Misreported, File: "a.csv"}},
				Counts:   map[check.Class]int{hostile: 1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, Write(dir, c.run, c.result))
			raw, err := os.ReadFile(filepath.Join(dir, MarkdownFile))
			require.NoError(t, err)
			require.NotContains(t, string(raw), "\x1b")
			require.NotContains(t, string(raw), "\n# owned")
			requireTables(t, string(raw))
			golden(t, c.name, string(raw))
		})
	}
}

// requireTables checks that every row of a table has as many cells as its
// head: nothing in a cell ended it.
func requireTables(t *testing.T, page string) {
	t.Helper()
	head := 0
	for _, line := range strings.Split(page, "\n") {
		if !strings.HasPrefix(line, "| ") {
			head = 0
			continue
		}
		cells := strings.Count(line, "|")
		if head == 0 {
			head = cells
		}
		require.Equal(t, head, cells, line)
	}
}

func TestSelectFindingsShowsEveryClass(t *testing.T) {
	var findings []check.Finding
	for range 5000 {
		findings = append(findings, check.Finding{Class: check.Lost})
	}
	findings = append(findings, check.Finding{Class: check.Duplicated, Key: "a"}, check.Finding{Class: check.Stale, Key: "b"})
	shown := selectFindings(findings, 20)
	require.Len(t, shown, 20)
	require.Equal(t, check.Lost, shown[17].Class)
	require.Equal(t, "a", shown[18].Key)
	require.Equal(t, "b", shown[19].Key)
	require.Len(t, selectFindings(findings[:7], 20), 7)
}

func TestSelectFilesShowsThoseThatLackSomething(t *testing.T) {
	var files []check.FileFates
	for i := range 100 {
		fates := map[check.Fate]int{check.Applied: 2}
		if i == 97 {
			fates = map[check.Fate]int{check.Applied: 1, check.LostFate: 1}
		}
		files = append(files, check.FileFates{File: string(rune('a' + i%26)), Attempted: 2, Fates: fates})
	}
	shown, rest := selectFiles(files, 50)
	require.Len(t, shown, 50)
	require.Len(t, rest, 50)
	require.Equal(t, 1, shown[49].Fates[check.LostFate])
	a, sumShown := addFates(shown)
	b, sumRest := addFates(rest)
	require.Equal(t, 200, a+b)
	require.Equal(t, 199, sumShown[check.Applied]+sumRest[check.Applied])
}

func FuzzReports(f *testing.F) {
	f.Add("")
	f.Add(hostile)
	f.Add("]]>\x00&#x0;")
	f.Fuzz(func(t *testing.T, text string) {
		run := Run{Scenario: text, Pipeline: text, Reason: text, Verdict: check.Invalid, Folder: text, Undo: Undo{Error: text}}
		result := check.Result{Findings: []check.Finding{{Class: check.Lost, Key: text, LastSeen: text, Evidence: text, File: text}},
			Files: []check.FileFates{{File: text, Sent: text, Attempted: 1, Fates: map[check.Fate]int{check.Applied: 1}}}}
		var junit, page bytes.Buffer
		require.NoError(t, writeJUnit(&junit, []Run{run}, result.Findings))
		decoder := xml.NewDecoder(bytes.NewReader(junit.Bytes()))
		require.NoError(t, decoder.Decode(new(junitSuites)))
		require.NoError(t, writeMarkdown(&page, run.filled(), result, nil))
		requireTables(t, page.String())
		var lines bytes.Buffer
		require.NoError(t, writeFindings(&lines, result.Findings))
		require.Equal(t, 1, strings.Count(lines.String(), "\n"))
		require.True(t, json.Valid(lines.Bytes()))
	})
}
