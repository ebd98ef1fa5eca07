package reports

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// clock is a time that only a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) forward(d time.Duration) { c.at = c.at.Add(d) }

func newTestLive(terminal bool, width int) (*Live, *bytes.Buffer, *clock) {
	out := &bytes.Buffer{}
	c := &clock{at: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	live := NewLive(out)
	live.terminal, live.now, live.width = terminal, c.now, func() int { return width }
	return live, out, c
}

func marks(sent, committed int) history.Marks {
	return history.Marks{Sent: sent, Taken: -1, Queued: 3, Committed: committed, Visible: -1, Confirmed: 0}
}

func TestLivePlainLines(t *testing.T) {
	live, out, clock := newTestLive(false, 80)
	live.Phase("starting services")
	live.Begin("kill-loader", "reference", 7, 5000)
	live.Marks(unknownMarks)
	live.Phase("trial")
	live.Phase("trial")
	for n := range 100 {
		live.Marks(marks(n*10, n*9))
		clock.forward(100 * time.Millisecond)
	}
	live.Fault("kill", "load", "biting", "exit code 137 \x1b[31m")
	live.Operation("replay", "waiting", "0s after step 1 is healed")
	live.Operation("replay", "done", "12 files with 720 rows published again")
	live.Phase("quiet")
	require.Equal(t, "quiet", live.Doing())
	live.End(Run{Verdict: check.Invalid, Reason: "3 operations are lost.", Undo: Undo{Error: "the proxy is gone"}})
	golden(t, "live-plain.txt", out.String())

	progress := 0
	for _, line := range strings.Split(out.String(), "\n") {
		if strings.Contains(line, "] sent ") {
			progress++
		}
	}
	require.LessOrEqual(t, progress, 6, "at most one line of progress in two seconds, and the last")
	require.NotContains(t, out.String(), "\x1b")
}

func TestLiveTerminal(t *testing.T) {
	live, out, clock := newTestLive(true, 100)
	live.Begin("kill-loader", "reference", 7, 5000)
	live.Phase("trial")
	clock.forward(83 * time.Second)
	live.Marks(marks(2500, 1250))
	live.Fault("kill", "load", "biting", "exit code 137")
	live.End(Run{Verdict: check.Valid, Reason: "Every operation is where it belongs.", Undo: Undo{OK: true}})
	require.Equal(t, strings.Join([]string{
		"kill-loader on reference, seed 7, 5000 records",
		"fault kill on load: biting (exit code 137)",
		"valid: Every operation is where it belongs.",
		"",
	}, "\n"), screen(out.String()), "what is redrawn is gone at the end")
}

func TestLiveTerminalBlock(t *testing.T) {
	live, out, clock := newTestLive(true, 100)
	live.Begin("kill-loader", "reference", 7, 5000)
	live.Fault("kill", "load", "biting", "")
	clock.forward(83 * time.Second)
	live.Phase("trial")
	live.Marks(marks(2500, 1250))
	clock.forward(time.Second)
	live.Marks(marks(5000, 6000))
	lines := strings.Split(screen(out.String()), "\n")
	require.Equal(t, "1:24  kill-loader  kill biting  trial", lines[2])
	require.Contains(t, lines[3], "sent 5000 ██████")
	require.Contains(t, lines[3], "visible -")
	live.Close()
	require.Len(t, strings.Split(screen(out.String()), "\n"), 3)
}

func TestLiveNeverWritesMoreThanTheTerminalIsWide(t *testing.T) {
	for width := range 130 {
		live, _, _ := newTestLive(true, width)
		live.run = Run{Scenario: "日本語 with a name that is rather long for a scenario", Records: 5000}
		live.phase = "trial"
		live.steps = []liveStep{{"kill", "load", "biting"}}
		live.marks = marks(5000, 12)
		lines := live.block(width)
		require.Len(t, lines, 2)
		for _, line := range lines {
			require.LessOrEqual(t, runewidth.StringWidth(line), max(width, 1))
		}
	}
}

func TestBarIsFullOnlyWhenAllIsThere(t *testing.T) {
	require.Equal(t, "░░░░", bar(-1, 10, 4))
	require.Equal(t, "░░░░", bar(5, 0, 4))
	require.Equal(t, "██░░", bar(5, 10, 4))
	require.Equal(t, "███░", bar(9999, 10000, 4))
	require.Equal(t, "████", bar(10000, 10000, 4))
	require.Equal(t, "████", bar(20000, 10000, 4), "control and sentinel come on top")
}

func TestLiveIsSafeForConcurrentUse(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		live, _, _ := newTestLive(terminal, 60)
		live.now = time.Now
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for n := range 50 {
					live.Begin("a", "reference", 1, 10)
					live.Phase("b")
					live.Marks(marks(n, n))
					live.Fault("kill", "load", "biting", "")
					live.Say("said")
					_ = live.Doing()
					live.End(Run{})
				}
			})
		}
		all.Wait()
		live.Close()
	}
}

// screen plays what Live wrote: text, line feeds, and the three sequences it
// uses (carriage return, one line up, clear to the end).
func screen(written string) string {
	lines, row, column := [][]rune{{}}, 0, 0
	for len(written) > 0 {
		switch {
		case strings.HasPrefix(written, "\x1b[A"):
			row, written = row-1, written[3:]
			continue
		case strings.HasPrefix(written, "\x1b[J"):
			lines, written = append(lines[:row], lines[row][:column]), written[3:]
			continue
		}
		r := []rune(written)[0]
		written = written[len(string(r)):]
		switch r {
		case '\r':
			column = 0
		case '\n':
			row, column = row+1, 0
			if row == len(lines) {
				lines = append(lines, []rune{})
			}
		default:
			lines[row] = append(lines[row][:column], r)
			column++
		}
	}
	var out []string
	for _, line := range lines {
		out = append(out, string(line))
	}
	return strings.Join(out, "\n")
}
