package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func ciRuns() []Run {
	return []Run{
		{Scenario: "calm", Pipeline: "reference", Seed: 7, Verdict: check.Valid, Undo: Undo{OK: true}, Seconds: map[string]float64{"total": 12.5}, Counts: map[check.Class]int{check.Attempted: 9, check.Acknowledged: 9, check.OK: 9}},
		sampleRun().With(sampleResult()),
		{Scenario: "slow", Pipeline: "reference", Seed: 8, Verdict: check.Unknown, Reason: "Not proved: 100 % of it, and more: nothing.", Undo: Undo{OK: true}},
		{Scenario: hostile + "::warning::x", Pipeline: hostile + "%0A::error::y,z", Verdict: check.Infra, Reason: "a\n::error title=own::ed\r\n%" + hostile, Undo: Undo{OK: true}, Folder: hostile},
		{Scenario: "undo", Pipeline: "reference", Verdict: check.Valid, Undo: Undo{Error: "the container\nis gone"}},
		{Scenario: "interrupted", Pipeline: "reference", Verdict: check.Valid, Exit: ExitInterrupted, Undo: Undo{OK: true}},
	}
}

func TestGitHubSummary(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, GitHubSummary(&out, ciRuns()))
	requireTables(t, out.String())
	require.NotContains(t, out.String(), "<script>")
	golden(t, "summary.md", out.String())

	out.Reset()
	many := make([]Run, 250)
	for i := range many {
		many[i] = Run{Scenario: "calm", Verdict: check.Valid, Undo: Undo{OK: true}}
	}
	many[249] = Run{Scenario: "bad", Verdict: check.Invalid, Undo: Undo{OK: true}}
	require.NoError(t, GitHubSummary(&out, many))
	require.Contains(t, out.String(), "50 runs not shown.")
	require.Less(t, strings.Index(out.String(), "| bad |"), strings.Index(out.String(), "| calm |"), "what is wrong comes first")
	require.Less(t, out.Len(), 1<<20)

	out.Reset()
	require.NoError(t, GitHubSummary(&out, nil))
	require.Contains(t, out.String(), "no runs")
}

func TestGitHubAnnotations(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, GitHubAnnotations(&out, ciRuns()))
	golden(t, "annotations.txt", out.String())
	requireAnnotations(t, out.String(), 5)
	require.Equal(t, 1, strings.Count(out.String(), "::warning title="))
	out.Reset()
	require.NoError(t, GitHubAnnotations(&out, ciRuns()[:1]))
	require.Empty(t, out.String())
}

// requireAnnotations checks that there are as many commands as runs: no text
// made one more, ended one, or got out of its property.
func requireAnnotations(t *testing.T, text string, want int) {
	t.Helper()
	require.NotContains(t, text, "\r")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Len(t, lines, want)
	for _, line := range lines {
		rest, found := strings.CutPrefix(line, "::error title=")
		if !found {
			rest, found = strings.CutPrefix(line, "::warning title=")
		}
		require.True(t, found, line)
		title, _, found := strings.Cut(rest, "::")
		require.True(t, found)
		require.NotContains(t, title, ",")
		require.NotContains(t, title, ":")
	}
}

func FuzzGitHub(f *testing.F) {
	f.Add("")
	f.Add(hostile)
	f.Add("%25%0A::error::x\r\n::add-mask::y,z=1")
	f.Fuzz(func(t *testing.T, text string) {
		runs := []Run{{Scenario: text, Pipeline: text, Reason: text, Verdict: check.Invalid, Folder: text, Undo: Undo{Error: text}}}
		var out bytes.Buffer
		require.NoError(t, GitHubAnnotations(&out, runs))
		requireAnnotations(t, out.String(), 1)
		out.Reset()
		require.NoError(t, GitHubSummary(&out, runs))
		requireTables(t, out.String())
	})
}

// What the runner does with an escaped text gives the text.
func TestEscapesCanBeUndone(t *testing.T) {
	for _, text := range []string{"", "100 %", "%25", "%0A", "a\r\nb", "a:b,c", "::error::", "%3A%2C"} {
		data := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(commandData(text))
		require.Equal(t, text, data)
		property := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(commandProperty(text))
		require.Equal(t, text, property)
	}
}

func TestGitHubOfMatrixAndSweep(t *testing.T) {
	bad := MatrixRun{Verdict: check.Invalid, Exit: ExitInvalid, Reason: hostile}
	unknown := MatrixRun{Verdict: check.Unknown, Exit: ExitUnknown, Reason: "not proved\r\n::error::x"}
	good := MatrixRun{Verdict: check.Valid}
	m := Matrix{
		Defects: []MatrixDefect{{Name: "a", Scenario: "s", Caught: true, MatrixRun: bad}, {Name: hostile, Scenario: "s,t:u", MatrixRun: good}},
		Clean:   []MatrixClean{{Scenario: "s", MatrixRun: good}, {Scenario: "s", MatrixRun: bad}},
		Quiet:   []MatrixQuiet{{Scenario: "s", Quiet: true, MatrixRun: unknown}, {Scenario: "s", MatrixRun: unknown}},
	}
	var out bytes.Buffer
	require.NoError(t, m.GitHubAnnotations(&out))
	requireAnnotations(t, out.String(), 3)
	require.Contains(t, out.String(), "::error title=false alarm%3A clean on s::")
	require.Contains(t, out.String(), "::warning title=not proved%3A untriggered on s::not proved\\r; ::error::x\n")

	s := Sweep{Pipeline: hostile, Planned: 9, Survived: 7, Findings: []SweepTrial{{Name: hostile, MatrixRun: bad}, {Name: "b", MatrixRun: unknown}}}
	out.Reset()
	require.NoError(t, s.GitHubAnnotations(&out))
	requireAnnotations(t, out.String(), 2)
	out.Reset()
	require.NoError(t, s.GitHubSummary(&out))
	requireTables(t, out.String())
	require.Contains(t, out.String(), "### seatrial sweep: 7 of 9 breaks survived on ")
	out.Reset()
	require.NoError(t, Sweep{Clean: bad}.GitHubAnnotations(&out))
	requireAnnotations(t, out.String(), 1)
}
