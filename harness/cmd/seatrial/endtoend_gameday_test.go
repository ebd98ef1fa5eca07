package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
	"github.com/seatrial/seatrial/reports/browser"
)

// gameday starts a game day on a pseudo-terminal; keys go to what it returns.
func (b *binary) gameday(t *testing.T, out string, args ...string) (*process, io.Writer) {
	t.Helper()
	master, terminal, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 30, Cols: 200}))
	// Its standard error is a pipe, so that lines stay whole: keys are read all the same.
	p := b.startFrom(t, terminal, []string{"TERM=xterm"}, append([]string{"gameday", "--out", out, "--role", led}, args...)...)
	t.Cleanup(func() {
		terminal.Close()
		master.Close()
	})
	return p, master
}

// broken waits until the first fault bites.
func (p *process) broken(t *testing.T, out string) (dir string) {
	t.Helper()
	p.until(t, "something bites", func() bool {
		found, _ := filepath.Glob(filepath.Join(out, "*", gameday.FileName))
		for _, file := range found {
			raw, err := os.ReadFile(file)
			if err == nil && strings.Contains(string(raw), `"status":"biting"`) {
				dir = filepath.Dir(file)
			}
		}
		return dir != ""
	})
	return dir
}

func (b *binary) gamedaySurprise(t *testing.T) {
	b.slot(t)
	out := t.TempDir()
	p, keys := b.gameday(t, out, "calm", "--surprise", "--seed", "38", "--records", "2000")
	strike := func(after, key string) {
		p.says(t, after)
		_, err := io.WriteString(keys, key)
		require.NoError(t, err)
	}
	strike("go on? (y or n)", "y")
	dir := p.broken(t, out)
	chosen := gameday.Choose(possibleSurprises(), 38).Fault
	require.NotContains(t, p.stderr.String(), chosen.Name+" on "+chosen.Target)
	_, err := io.WriteString(keys, "d")
	require.NoError(t, err)
	strike("detected by Ada", "k")
	strike("acknowledged by Ada", "m")
	strike("follow-ups, one a line", "an alert\n\n")
	require.Equal(t, reports.ExitValid, p.wait(t, 5*time.Minute), p)
	p.nothingLeft(t)
	var score gameday.Score
	raw, err := os.ReadFile(filepath.Join(dir, gameday.ScoreFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &score))
	require.Equal(t, "yes", score.Held)
	require.Equal(t, chosen.Name, score.Faults[0].Name)
	for name, seconds := range map[string]*float64{"detect": score.Seconds.Detect, "mitigate": score.Seconds.Mitigate, "recover": score.Seconds.Recover, "reconcile": score.Seconds.Reconcile} {
		require.NotNil(t, seconds, name)
	}
}

// A day that is worked from the page alone, from go to an abort in mid-fault, the
// debrief and the scorecard. That it ends early keeps it short.
func (b *binary) gamedayInThePage(t *testing.T) {
	browser.Find(t)
	b.slot(t)
	out := t.TempDir()
	serving := b.start(t, nil, "serve", "--out", out, "--json")
	var standing served
	serving.until(t, "it prints its address", func() bool { return json.Unmarshal([]byte(serving.stdout.String()), &standing) == nil })
	p, _ := b.gameday(t, out, "calm", "--surprise", "--seed", "38", "--records", "2000")
	p.says(t, "go on? (y or n)")
	page := openDay(browser.New(t), standing)
	chosen := gameday.Choose(possibleSurprises(), 38).Fault
	secret := func() {
		t.Helper()
		said := page.everywhere(t)
		require.NotContains(t, said, chosen.Name+" on ")
		require.NotContains(t, said, `"`+chosen.Name+`"`)
	}
	secret()
	page.press("#question .go")
	dir := p.broken(t, out)
	secret()
	page.by("Bob")
	page.press("[data-mark=detected]")
	page.Until(answered + ` === "detected by Bob"`)
	page.press("[data-mark=acknowledged]")
	page.Until(answered + ` === "acknowledged by Bob"`)
	page.write("note", "no end in sight")
	page.says("no end in sight, by Bob")
	page.press("#abort")
	page.press("#abort-now")
	p.says(t, "everything works after the abort")
	page.press("#ending button")
	require.Equal(t, reports.ExitAborted, p.wait(t, time.Minute), p)
	p.nothingLeft(t)
	page.Until(dayState + ` === "over" && ` + shown("#score"))
	page.says(chosen.Name + " on " + chosen.Target + ": biting")
	page.own()

	run, err := reports.Read(dir)
	require.NoError(t, err)
	require.True(t, run.Undo.OK, run.Undo.Error)
	var score gameday.Score
	raw, err := os.ReadFile(filepath.Join(dir, gameday.ScoreFile))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &score))
	require.Equal(t, "by Bob", score.Aborted)
	require.Equal(t, "no end in sight", score.Notes[0].Text)
	for name, seconds := range map[string]*float64{"detect": score.Seconds.Detect, "acknowledge": score.Seconds.Acknowledge, "undo": score.Seconds.Undo} {
		require.NotNil(t, seconds, name)
	}
}

func (b *binary) gamedayAborted(t *testing.T) {
	b.slot(t)
	out := t.TempDir()
	p, keys := b.gameday(t, out, "loader-killed", "--records", "2000", "--yes", "--no-rehearsal")
	dir := p.broken(t, out)
	_, err := io.WriteString(keys, "ay")
	require.NoError(t, err)
	p.says(t, "everything works after the abort")
	require.Equal(t, reports.ExitAborted, p.wait(t, time.Minute), p)
	p.nothingLeft(t)
	run, err := reports.Read(dir)
	require.NoError(t, err)
	require.Equal(t, reports.ExitAborted, run.Exit)
	require.True(t, run.Undo.OK, run.Undo.Error)
}

func (b *binary) gamedayKilled(t *testing.T) {
	b.slot(t)
	out := t.TempDir()
	p, _ := b.gameday(t, out, "loader-killed", "--records", "2000", "--yes", "--no-rehearsal")
	dir := p.broken(t, out)
	p.stack(t)
	require.NoError(t, p.cmd.Process.Kill())
	p.wait(t, time.Minute)

	rolling := b.start(t, nil, "rollback", "--json", dir)
	require.Equal(t, reports.ExitValid, rolling.wait(t, 3*time.Minute), rolling)
	var result harness.RolledBack
	require.NoError(t, json.Unmarshal([]byte(rolling.stdout.String()), &result))
	require.True(t, result.Standing && result.OK(), fmt.Sprintf("%+v", result))

	resuming := b.start(t, nil, "gameday", "--resume", dir, "--json")
	require.Equal(t, reports.ExitUnknown, resuming.wait(t, 3*time.Minute), resuming)
	var score gameday.Score
	require.NoError(t, json.Unmarshal([]byte(resuming.stdout.String()), &score))
	require.Contains(t, score.Aborted, "the harness died")
	require.NotEmpty(t, score.Faults)
}
