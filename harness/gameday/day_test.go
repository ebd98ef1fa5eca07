package gameday

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// stage is deck, desk and show of a game day without a stack.
type stage struct {
	sources
	folder  string
	health  []Check
	undo    []Check
	answer  bool
	unheard error

	mu    sync.Mutex
	lines []string
	shown []string
}

func (s *stage) Folder() string                 { return s.folder }
func (s *stage) Health(context.Context) []Check { return s.health }
func (s *stage) Leftovers(context.Context) []Check {
	return []Check{{"nobody's data in rows", Go, "empty"}}
}
func (s *stage) Rehearse(context.Context, bool) []Check        { return s.undo }
func (s *stage) Confirm(context.Context, string) (bool, error) { return s.answer, s.unheard }
func (s *stage) Asked() string                                 { return "go on?" }
func (s *stage) Hear(line string) (string, error) {
	if line == "no" {
		return "", errors.New("nothing is asked now")
	}
	return "heard " + line, nil
}
func (s *stage) Say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}
func (s *stage) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(append(append([]string{}, s.lines...), s.shown...), "\n")
}
func (s *stage) show(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = append(s.shown, fmt.Sprintf(format, args...))
}
func (s *stage) Begin(scenario, _ string, seed uint64, _ int) {
	s.show("begin %s seed %d", scenario, seed)
}
func (s *stage) Phase(text string)   { s.show("phase %s", text) }
func (s *stage) Marks(history.Marks) {}
func (s *stage) Fault(name, target, state, _ string) {
	s.show("fault %s on %s: %s", name, target, state)
}
func (s *stage) Operation(name, state, _ string) { s.show("operation %s: %s", name, state) }
func (s *stage) End(run reports.Run)             { s.show("end %s", run.Verdict) }

func staged(t *testing.T) *stage {
	t.Helper()
	return &stage{folder: t.TempDir(), answer: true, health: []Check{{"postgres works", Go, "SELECT 1"}}, undo: []Check{{"undo of step 1", Go, "rehearsed"}}}
}

func plan() Plan {
	return Plan{Header: Header{Scenario: "drill", Pipeline: "reference", Hypothesis: "it holds", Roles: map[string]string{Commander: "Ada"}, Faults: 1}, By: "Ada"}
}

// day returns a game day, and the context of its run.
func (s *stage) day(t *testing.T, p Plan) (*Day, context.Context) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	return NewDay(p, s, s, cancel, SystemClock()), ctx
}

func TestGoNoGo(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*stage, *Plan)
		says   string // of the refusal; empty: it begins
		shown  string
	}{
		"all go":        {func(*stage, *Plan) {}, "", "go        undo of step 1: rehearsed"},
		"said no":       {func(s *stage, _ *Plan) { s.answer = false }, "no-go by Ada", "unproved  abort conditions"},
		"nobody said":   {func(s *stage, _ *Plan) { s.answer, s.unheard = false, errors.New("standard input ended") }, "nobody said go: standard input ended", ""},
		"nobody asked":  {func(s *stage, p *Plan) { s.answer, p.Confirmed = false, true }, "", ""},
		"service down":  {func(s *stage, p *Plan) { s.health[0].Status, p.Confirmed = NoGo, true }, "no-go: nothing was broken", "no-go     postgres works"},
		"undo fails":    {func(s *stage, _ *Plan) { s.undo[0].Status = NoGo }, "no-go: nothing was broken", ""},
		"unproved":      {func(s *stage, _ *Plan) { s.undo[0].Status = Unproved }, "", "unproved  undo of step 1"},
		"nobody leads":  {func(_ *stage, p *Plan) { p.Header.Roles = nil }, "no-go: nothing was broken", "no-go     incident commander: nobody is"},
		"holds already": {func(s *stage, p *Plan) { s.depth = 9; p.AbortIf = []Condition{condition(t, "queue: x > 5")} }, "no-go: nothing was broken", "it holds already: 9 messages"},
		"holds not yet": {func(s *stage, p *Plan) { s.depth = 1; p.AbortIf = []Condition{condition(t, "queue: x > 5")} }, "", "go        abort if queue: x > 5: does not hold (1 messages); asked every 5s, within 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := staged(t), plan()
			test.change(s, &p)
			d, ctx := s.day(t, p)
			err := d.GoNoGo(ctx, s)
			defer d.stopGuard()
			require.Contains(t, s.said(), test.shown)
			record, rerr := Read(s.folder)
			require.NoError(t, rerr)
			if test.says == "" {
				require.NoError(t, err)
				require.Equal(t, Running, record.State)
				return
			}
			require.ErrorIs(t, err, ErrAborted)
			require.ErrorContains(t, err, test.says)
			require.Equal(t, Preflight, record.State)
			require.True(t, record.Aborted)
		})
	}
}

// The whole way, in surprise mode: nothing tells what breaks before the debrief.
func TestSurprisedFromPreflightToScorecard(t *testing.T) {
	s, p := staged(t), plan()
	p.Header.Surprise = true
	p.Header.Alert = "command: true"
	alert := condition(t, "command every 100ms: test -e "+filepath.Join(s.folder, "alarm"))
	p.Alert = &alert
	s.undo[0].Why = "kill on load: exit code 137"
	d, ctx := s.day(t, p)
	d.Begin("calm-surprise", "reference", 7, 100)
	require.NoError(t, d.GoNoGo(ctx, s))
	d.Phase("control")
	for _, mark := range []string{Detected, Mitigated} {
		_, err := d.Do(Command{Do: mark})
		require.NoError(t, err, "a false alarm")
	}
	select {
	case <-d.Mitigated():
		t.Fatal("what is not broken yet is not taken back")
	default:
	}
	for _, state := range []string{"waiting", "injecting", "biting"} {
		d.Fault("kill", "load", state, "exit code 137")
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "alarm"), nil, 0o600))
	require.Eventually(t, func() bool { return strings.Contains(s.said(), "the alert fires") }, 10*time.Second, 10*time.Millisecond)
	for _, said := range []Command{{Do: Detected, By: "Bob"}, {Do: Acknowledged}, {Do: Note, Text: "the queue grows"}, {Do: Mitigated}, {Do: Mitigated}} {
		_, err := d.Do(said)
		require.NoError(t, err)
	}
	select {
	case <-d.Mitigated():
	default:
		t.Fatal("what is broken is taken back when it is marked mitigated")
	}
	d.Fault("kill", "load", "healed", "up")
	require.Contains(t, d.Status(), "recovered")
	d.PutBack(ctx, s, errors.New("undo start loader: no such container"))

	raw, err := os.ReadFile(filepath.Join(s.folder, FileName))
	require.NoError(t, err)
	for what, text := range map[string]string{"the desk": s.said(), "the timeline": string(raw)} {
		require.NotContains(t, text, "kill", what)
		require.NotContains(t, text, "load", what)
		require.NotContains(t, text, "exit code", what)
		require.NotContains(t, text, "seed 7", what)
	}
	writeHistory(t, s.folder)
	run := reports.Run{Verdict: check.Invalid, Reason: "3 lost.", Exit: 1, Seed: 7, Folder: s.folder, Undo: reports.Undo{OK: true},
		Counts: map[check.Class]int{check.Lost: 3, check.Duplicated: 2, check.Invisible: 1, check.Stalled: 4, check.Stale: 5, check.OK: 90},
		Faults: []check.FaultResult{{Name: "kill", Target: "load", Bit: true, Healed: true}}}
	d.End(run)
	require.Contains(t, s.said(), "fault kill on load: biting")
	_, err = d.Do(Command{Do: Follow, Text: "an alert on *depth*"})
	require.NoError(t, err)
	score, err := d.Finish()
	require.NoError(t, err)

	require.Equal(t, "no", score.Held)
	require.Equal(t, Records{Lost: 3, Doubled: 2, Late: 5, Other: 5}, score.Records)
	require.Equal(t, 1, score.FalseAlarms, "the mark counts once something is broken")
	require.True(t, score.Alert.Fired)
	require.False(t, score.Alert.Early)
	for name, seconds := range map[string]*float64{"detect": score.Seconds.Detect, "acknowledge": score.Seconds.Acknowledge, "mitigate": score.Seconds.Mitigate, "recover": score.Seconds.Recover, "reconcile": score.Seconds.Reconcile} {
		require.NotNil(t, seconds, name)
	}
	require.Nil(t, score.Seconds.Undo)
	require.LessOrEqual(t, *score.Seconds.Detect, *score.Seconds.Mitigate)
	require.LessOrEqual(t, *score.Seconds.Mitigate, *score.Seconds.Recover)
	require.Equal(t, []Said{{score.Notes[0].Seconds, "Ada", "the queue grows"}}, score.Notes)
	require.Equal(t, "an alert on *depth*", score.FollowUps[0])
	require.Contains(t, score.FollowUps[1], "3 lost: the records are in ")
	markdown, err := os.ReadFile(filepath.Join(s.folder, ScoreMarkdown))
	require.NoError(t, err)
	require.Contains(t, string(markdown), "| what broke | kill on load |")
	require.Contains(t, string(markdown), `- an alert on \*depth\*`)
	require.FileExists(t, filepath.Join(s.folder, ScoreFile))
	record, err := Read(s.folder)
	require.NoError(t, err)
	require.Equal(t, Over, record.State)
}

// writeHistory leaves what a run leaves whose records all came to their places.
func writeHistory(t *testing.T, dir string) {
	t.Helper()
	w, err := history.Create(dir, history.Header{})
	require.NoError(t, err)
	for _, act := range []history.Act{history.Sentinel, history.Quiet} {
		pending, err := w.Invoke(act, "", nil)
		require.NoError(t, err)
		require.NoError(t, pending.OK(nil))
	}
	require.NoError(t, w.Close())
}

func TestAbortedInMidFault(t *testing.T) {
	s, p := staged(t), plan()
	p.AbortIf = []Condition{condition(t, "queue every 100ms: x > 5")}
	d, ctx := s.day(t, p)
	_, err := d.Do(Command{Do: Abort})
	require.ErrorContains(t, err, "has not begun")
	require.NoError(t, d.GoNoGo(ctx, s))
	d.Fault("kill", "load", "injecting", "")
	d.Fault("kill", "load", "biting", "")
	_, err = d.Do(Command{Do: Abort, By: "Bob", Text: "customers see it"})
	require.NoError(t, err)
	require.ErrorIs(t, context.Cause(ctx), ErrAborted)
	require.ErrorContains(t, context.Cause(ctx), "by Bob: customers see it")
	_, err = d.Do(Command{Do: Abort})
	require.ErrorContains(t, err, "aborted already")
	d.Fault("kill", "load", "healed", "")
	s.health[0] = Check{"postgres works", NoGo, "refused"}
	d.PutBack(context.WithoutCancel(ctx), s, nil)
	require.Contains(t, s.said(), "after the abort this does not work: postgres works: refused")
	d.End(reports.Run{Verdict: check.Unknown, Exit: reports.ExitAborted, Folder: s.folder, Undo: reports.Undo{OK: true}})
	score, err := d.Finish()
	require.NoError(t, err)
	require.Equal(t, "by Bob: customers see it", score.Aborted)
	require.NotNil(t, score.Seconds.Undo)
	require.Nil(t, score.Seconds.Recover, "what was put back for an abort is not recovered")
	require.Equal(t, "not decided", score.Held)
}

func TestAbortedByACondition(t *testing.T) {
	for name, test := range map[string]struct {
		text, says string
	}{
		"met":         {"command every 100ms: test -e DIR/bad", "is met"},
		"not checked": {"command every 100ms: test ! -e DIR/bad || exit 3; exit 1", "could not be checked 3 times in a row"},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := staged(t), plan()
			p.AbortIf = []Condition{condition(t, strings.ReplaceAll(test.text, "DIR", s.folder))}
			d, ctx := s.day(t, p)
			require.NoError(t, d.GoNoGo(ctx, s))
			require.NoError(t, os.WriteFile(filepath.Join(s.folder, "bad"), nil, 0o600))
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Second):
				t.Fatal("it goes on")
			}
			require.ErrorContains(t, context.Cause(ctx), test.says)
			d.PutBack(context.WithoutCancel(ctx), s, nil)
			record, err := Read(s.folder)
			require.NoError(t, err)
			require.True(t, record.Aborted)
		})
	}
}

// A game day that cannot be written down is ended: nobody could read it afterwards.
func TestATimelineThatCannotBeWrittenAborts(t *testing.T) {
	s := staged(t)
	d, ctx := s.day(t, plan())
	require.NoError(t, d.GoNoGo(ctx, s))
	require.NoError(t, d.log.Close())
	_, err := d.Do(Command{Do: Note, Text: "x"})
	require.Error(t, err)
	require.ErrorContains(t, context.Cause(ctx), "the timeline cannot be written")
	d.PutBack(context.WithoutCancel(ctx), s, nil)
}
