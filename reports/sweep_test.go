package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func sweepRun(verdict check.Verdict, seconds float64) Run {
	return Run{Seed: 7, Verdict: verdict, Exit: ExitOf(verdict), Undo: Undo{OK: true}, Seconds: map[string]float64{"total": seconds}}
}

// sampleSweep has a trial of every outcome, and one that was not made.
func sampleSweep() Sweep {
	s := Sweep{
		Pipeline: "reference:insert-not-upsert", Seed: 7, Classes: 2, Planned: 6, Parallel: 2, Started: "2026-11-21T09:00:00Z", Seconds: 125,
		Class: []SweepClass{
			{Service: "sftp", Role: "collector", Kind: "file fetched", Count: 4, Planned: 3},
			{Service: "postgres", Role: "loader", Kind: "committed", Target: "people\x1b[2J", Count: 44, Records: []int{3, 1}, Planned: 3},
		},
		Actions: []SweepActions{{Action: "cut", Planned: 4}, {Action: "kill-service", Planned: 2}},
	}
	s.Begin(sweepRun(check.Valid, 9))
	s.Add(SweepTrial{Name: "collector file fetched, first, cut", Class: 0, Position: "first", Action: "cut"}, sweepRun(check.Valid, 6))
	lost := sweepRun(check.Invalid, 8)
	lost.Reason, lost.Folder = "Not what was sent:\n"+strings.ToValidUTF8(hostile, "\ufffd"), "reports/out/sweep-1/\x1b[2Ja"
	lost.Counts = map[check.Class]int{check.Attempted: 40, check.OK: 37, check.Duplicated: 3}
	lost.Faults = []check.FaultResult{{Name: "hold", Target: "load", Bit: true, Healed: true, InFlight: 1, Evidence: "held for 100 ms and then: drop"}}
	s.Add(SweepTrial{Name: "loader committed on people\x1b[2J, first, cut", Class: 1, Position: "first", Action: "cut"}, lost)
	never := sweepRun(check.Unknown, 7)
	never.Reason, never.Folder = "Not proved: the breakpoint was never reached.", "reports/out/sweep-1/b"
	s.Add(SweepTrial{Name: "loader committed on people, last, cut", Class: 1, Position: "last", Action: "cut"}, never)
	s.Add(SweepTrial{Name: "collector file fetched, first, kill-service", Class: 0, Position: "first", Action: "kill-service"}, sweepRun(check.Valid, 15))
	failed := sweepRun(check.Infra, 0.1)
	failed.Reason = "no room"
	s.Add(SweepTrial{Name: "collector file fetched, last, kill-service", Class: 0, Position: "last", Action: "kill-service"}, failed)
	s.Settle()
	return s
}

func TestSweep(t *testing.T) {
	s := sampleSweep()
	require.Equal(t, []int{5, 2, 1, 2}, []int{s.Trials, s.Survived, s.Failed, s.Unknown})
	require.InDelta(t, 2.0/6, s.Coverage, 1e-9, "of what is planned, not of what was made")
	require.Equal(t, ExitInvalid, s.Exit, "the worst")
	require.Equal(t, []int{2, 0}, []int{s.Class[0].Survived, s.Class[1].Survived})
	require.Equal(t, []SweepActions{{"cut", 4, 3, 1}, {"kill-service", 2, 2, 1}}, s.Actions)
	require.Len(t, s.Findings, 3)
	require.Equal(t, map[check.Class]int{check.Duplicated: 3}, s.Findings[0].Counts, "only what went wrong")
	require.Equal(t, "held for 100 ms and then: drop", s.Findings[0].Held)
	require.InDelta(t, 60*3*2/21.0, s.TrialsPerMinute, 1e-9, "three trials in 21 seconds of runs, on two stacks")
	require.InDelta(t, 60*1*2/15.0, s.ServiceTrialsPerMinute, 1e-9, "one on which the harness failed does not count")
	resumed := s
	resumed.Parallel = 1
	resumed.Settle()
	require.InDelta(t, s.TrialsPerMinute, resumed.TrialsPerMinute, 1e-9, "what a later sitting has does not count for what was made")
	again := s
	again.Settle()
	require.Equal(t, s, again, "counting twice changes nothing")

	dir := t.TempDir()
	require.NoError(t, s.Write(dir))
	read, err := ReadSweep(dir)
	require.NoError(t, err)
	require.Equal(t, s, read)

	var raw, text bytes.Buffer
	require.NoError(t, s.JSON(&raw))
	golden(t, "sweep.json", raw.String())
	require.NoError(t, s.Print(&text))
	golden(t, "sweep.txt", text.String())
	require.NotContains(t, text.String(), "\x1b")
	require.NotContains(t, text.String(), "\u202e")
	require.Equal(t, 13, strings.Count(text.String(), "\n"), "no line is broken by what stands in it")
}

func TestSweepExit(t *testing.T) {
	undo := sweepRun(check.Valid, 1)
	undo.Undo = Undo{Error: "the proxy is gone"}
	for name, c := range map[string]struct {
		planned int
		clean   check.Verdict
		runs    []Run
		want    int
	}{
		"survived":              {2, check.Valid, []Run{sweepRun(check.Valid, 1), sweepRun(check.Valid, 1)}, ExitValid},
		"one was not made":      {2, check.Valid, []Run{sweepRun(check.Valid, 1)}, ExitUnknown},
		"nothing was planned":   {0, check.Valid, nil, ExitUnknown},
		"not survived":          {3, check.Valid, []Run{sweepRun(check.Unknown, 1), sweepRun(check.Invalid, 1)}, ExitInvalid},
		"proved nothing":        {1, check.Valid, []Run{sweepRun(check.Unknown, 1)}, ExitUnknown},
		"infra":                 {1, check.Valid, []Run{sweepRun(check.Infra, 1)}, ExitInfra},
		"not undone":            {1, check.Valid, []Run{undo}, ExitUndo},
		"the clean run invalid": {0, check.Invalid, nil, ExitInvalid},
		"the clean run infra":   {0, check.Infra, nil, ExitInfra},
	} {
		t.Run(name, func(t *testing.T) {
			s := Sweep{Planned: c.planned, Class: make([]SweepClass, 1)}
			s.Begin(sweepRun(c.clean, 1))
			for _, run := range c.runs {
				s.Add(SweepTrial{}, run)
			}
			s.Settle()
			require.Equal(t, c.want, s.Exit)
		})
	}
}

// 100 % is said where all are survived, and nowhere else.
func TestSweepRoundsDown(t *testing.T) {
	s := Sweep{Planned: 1000, Survived: 999}
	var text bytes.Buffer
	require.NoError(t, s.Print(&text))
	require.Contains(t, text.String(), "999 of 1000 breaks survived: 99 % coverage")
}

func TestSweepNothingBroken(t *testing.T) {
	s := Sweep{Pipeline: "reference"}
	clean := sweepRun(check.Invalid, 1)
	clean.Reason, clean.Folder = "3 lost\n"+hostile, "out/\x1b[2J"
	s.Begin(clean)
	s.Settle()
	var text bytes.Buffer
	require.NoError(t, s.Print(&text))
	require.Contains(t, text.String(), "Nothing was broken: the clean run is invalid: 3 lost; |a`b``c|")
	require.Equal(t, 1, strings.Count(text.String(), "\n"))
	require.NotContains(t, text.String(), "\x1b")
}

// What machines rely on.
func TestSweepNames(t *testing.T) {
	var raw bytes.Buffer
	require.NoError(t, sampleSweep().JSON(&raw))
	var s map[string]any
	require.NoError(t, json.Unmarshal(raw.Bytes(), &s))
	for _, name := range []string{"classes", "trials", "survived", "failed", "unknown", "coverage", "findings", "seconds",
		"clean", "planned", "class", "actions", "results", "parallel", "started", "exit", "trials_per_minute", "service_trials_per_minute"} {
		require.Contains(t, s, name)
	}
	finding := s["findings"].([]any)[0].(map[string]any)
	for _, name := range []string{"name", "class", "position", "action", "held", "counts", "parallel", "seed", "verdict", "exit", "seconds", "folder", "reason"} {
		require.Contains(t, finding, name)
	}
	raw.Reset()
	require.NoError(t, Sweep{}.JSON(&raw))
	require.NotContains(t, raw.String(), "null")
}

func TestReadSweepSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadSweep(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	for content, says := range map[string]string{
		`{"pipeline":"reference"`: "unexpected end",
		`[]`:                      "cannot unmarshal",
		`{}`:                      "names no pipeline",
		`{"pipeline":"reference","results":[{"class":0}]}`:                          "is of class 0, and there are 0",
		`{"pipeline":"reference","class":[{}],"results":[{"name":"a","class":-1}]}`: `trial "a" is of class -1, and there are 1`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, SweepFile), []byte(content), 0o600))
		_, err := ReadSweep(dir)
		require.ErrorContains(t, err, says, content)
		require.ErrorContains(t, err, filepath.Join(dir, SweepFile))
	}
}
