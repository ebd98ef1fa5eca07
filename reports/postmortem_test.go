package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

func section(write func(*page)) string {
	var out bytes.Buffer
	write(&page{w: &out})
	return out.String()
}

func sampleHistory() *history.Run {
	stored := &history.Run{Header: history.Header{Started: "2026-11-21T09:00:00Z"}}
	at := int64(0)
	act := func(phase history.Phase, what history.Act, name, cause string, data any) {
		at += 500_000_000
		raw, _ := json.Marshal(data)
		stored.Events = append(stored.Events, history.Event{Seq: len(stored.Events) + 1, At: at, Phase: phase, Act: what, Name: name, Error: cause, Data: raw})
	}
	both := func(phase history.Phase, what history.Act, name, cause string, data any) {
		act(history.Invoke, what, name, "", data)
		act(phase, what, name, cause, data)
	}
	kill := history.FaultAct{Step: 1, Name: "kill", Target: hostile, Evidence: "exit code 137"}
	act(history.Invoke, history.Control, "", "", nil)
	both(history.OK, history.Send, "000000.csv", "", nil)
	act(history.OK, history.Control, "", "", nil)
	both(history.OK, history.Send, "000001.csv", "", nil)
	both(history.OK, history.Inject, "kill", "", kill)
	both(history.Info, history.Send, "000002.csv", "connection reset", nil)
	both(history.OK, history.Bite, "kill", "", kill)
	both(history.Fail, history.Recover, "kill", hostile, kill)
	both(history.OK, history.Heal, "kill", "", kill)
	both(history.OK, history.Operate, "replay", "", history.RoleAct{Role: "collector", Detail: "4 files"})
	both(history.Fail, history.Operate, "sync", "exit code 1", nil)
	both(history.OK, history.Stop, "loader", "", nil)
	both(history.Fail, history.Start, "loader", hostile, nil)
	both(history.Fail, history.Sentinel, "", "after 45s: rows: 3 are missing", nil)
	both(history.Fail, history.Quiet, "", "not quiet", nil)
	both(history.Fail, history.Abort, "", "interrupted", nil)
	return stored
}

func TestTimeline(t *testing.T) {
	text := section(func(p *page) { p.course(sampleHistory()) })
	requireTables(t, text)
	require.NotContains(t, text, "\x1b")
	golden(t, "timeline.md", text)
	require.Empty(t, section(func(p *page) { p.course(nil) }))

	broken := sampleHistory()
	broken.Problem = "line 9 is cut off"
	require.Contains(t, section(func(p *page) { p.course(broken) }), "The history ends here: line 9 is cut off.\n")
}

// A report that is written beside its history tells the course of the run.
func TestMarkdownTellsTheCourse(t *testing.T) {
	dir := t.TempDir()
	w, err := history.Create(dir, history.Header{Started: "2026-11-21T09:00:00Z"})
	require.NoError(t, err)
	pending, err := w.Invoke(history.Control, "", nil)
	require.NoError(t, err)
	require.NoError(t, pending.Fail(errors.New("nothing came"), nil))
	require.NoError(t, w.Close())
	require.NoError(t, Write(dir, sampleRun(), sampleResult()))
	raw, err := os.ReadFile(filepath.Join(dir, MarkdownFile))
	require.NoError(t, err)
	require.Contains(t, string(raw), "## Timeline\n\nFrom 2026-11-21T09:00:00Z on")
	require.Contains(t, string(raw), "| the control records did not pass | nothing came |")
}

// What is not proved is not said to have held.
func TestWhatHeld(t *testing.T) {
	run := sampleRun().With(sampleResult())
	text := section(func(p *page) { p.held(run, nil) })
	require.NotContains(t, text, "stale", "the sync was not done to its end: what is missing proves nothing")
	require.Contains(t, text, "Nothing is duplicated, unexpected")
	require.NotContains(t, text, "wrongly rejected", "dead letters were not judged")

	for i := range run.Operations {
		run.Operations[i].Done = true
	}
	require.Contains(t, section(func(p *page) { p.held(run, nil) }), "stale")
	run.Reason = "3 lost; besides, the place rows was not read at the end."
	require.NotContains(t, section(func(p *page) { p.held(run, nil) }), "stale")
	run.Faults[0].Healed = false
	require.NotContains(t, section(func(p *page) { p.held(run, nil) }), "stale")

	unknown := Run{Verdict: check.Unknown, Counts: map[check.Class]int{check.Attempted: 5}}
	require.Equal(t, "## What held\n\nNothing is proved to have held.\n\n", section(func(p *page) { p.held(unknown, nil) }))
	require.Contains(t, section(func(p *page) { p.impact(unknown, nil) }), "Not known")
}

func TestImpact(t *testing.T) {
	run := sampleRun().With(sampleResult())
	run.Counts[check.Duplicated], run.Counts[check.Unconfirmed], run.Counts[check.Misreported] = 2, 3, 4
	var findings []check.Finding
	for _, file := range []string{"f", "e", "d", "c", "b", "a", "a"} {
		findings = append(findings, check.Finding{Key: hostile, File: file})
	}
	text := section(func(p *page) { p.impact(run, findings) })
	require.Contains(t, text, "1 record in 6 files: a, b, c, d, e and 1 more.")
	require.Contains(t, text, "Stands twice somewhere: 2.")
	require.Contains(t, text, "confirmation have none: 3.")
	require.Contains(t, text, "own status says something wrong: 4.")
	for part, want := range map[int]string{1: "less than 0.1 %", 25: "0.5 %", 4999: "more than 99.9 %", 5000: "100.0 %", 2500: "50.0 %"} {
		require.Equal(t, want, percent(part, 5000))
	}
}

func TestFollowUps(t *testing.T) {
	run := sampleRun().With(sampleResult())
	plan := samplePlan()
	run.Repair, run.Undo = &plan, Undo{Error: "gone"}
	run.Faults = append(run.Faults, check.FaultResult{Name: hostile, Target: hostile}, check.FaultResult{Name: "pause", Target: "load", Bit: true})
	text := section(func(p *page) { p.followUps(run) })
	golden(t, "follow-ups.md", text)
	for _, line := range strings.Split(strings.TrimSpace(text), "\n")[2:] {
		require.True(t, strings.HasPrefix(line, "- [ ] "), line)
	}
	run.Repaired = &Repaired{Verdict: check.Invalid, Reason: "2 lost."}
	text = section(func(p *page) { p.followUps(run) })
	require.Contains(t, text, "- [ ] The repair did not mend everything: 2 lost.")
	require.NotContains(t, text, "Repair: ")
	require.Empty(t, section(func(p *page) { p.followUps(Run{Verdict: check.Valid, Undo: Undo{OK: true}}) }))
}
