package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// fakeDay is a run with people in it and without a stack. It is its own deck.
type fakeDay struct {
	folder   string
	scenario harness.Scenario
	watch    harness.Watcher
	depth    func() int
	rehearse []bool // as it was asked to
	history  *history.Writer
}

func (d *fakeDay) Folder() string                              { return d.folder }
func (d *fakeDay) Truth(context.Context, string) (bool, error) { return false, nil }
func (d *fakeDay) Depth(context.Context, string) (int, error)  { return d.depth(), nil }
func (d *fakeDay) Addresses() map[string]string                { return nil }
func (d *fakeDay) Health(context.Context) []gameday.Check {
	return []gameday.Check{{Name: "postgres works", Status: gameday.Go, Why: "SELECT 1"}}
}
func (d *fakeDay) Leftovers(context.Context) []gameday.Check {
	return []gameday.Check{{Name: "nobody's data in rows", Status: gameday.Go, Why: "empty"}}
}
func (d *fakeDay) Rehearse(_ context.Context, inject bool) []gameday.Check {
	d.rehearse = append(d.rehearse, inject)
	return []gameday.Check{{Name: "undo of step 1", Status: gameday.Go, Why: "rehearsed in 1s"}}
}

// say has the watcher told of the first fault's state, once the history has it.
func (d *fakeDay) say(state string) {
	f := d.scenario.Plan[0].Fault
	if act, ok := map[string]history.Act{"injecting": history.Inject, "biting": history.Bite, "recovering": history.Recover, "healed": history.Heal}[state]; ok {
		known := history.FaultAct{Step: 1, Name: f.Name, Target: f.Target, Evidence: "exit code 137"}
		if pending, err := d.history.Invoke(act, f.Name, known); err == nil {
			_ = pending.OK(known) // what is missing in it, tests see
		}
	}
	d.watch.Fault(f.Name, f.Target, state, "exit code 137")
}

// plan is the scenario's, as a history tells it.
func (d *fakeDay) plan() (planned []history.PlannedFault) {
	for i, step := range d.scenario.Plan {
		planned = append(planned, history.PlannedFault{Step: i + 1, Name: step.Fault.Name, Target: step.Fault.Target, Trigger: step.When.Text})
	}
	return planned
}

// gameday is what harness.Run does with a crew, in short.
func (f *fake) gameday(ctx context.Context, scenario harness.Scenario, options harness.RunOptions) (reports.Run, error) {
	f.mu.Lock()
	opened := f.opened[len(f.opened)-1]
	f.mu.Unlock()
	dir := filepath.Join(opened.Out, "20260301-120000-"+scenario.Name+"-k3v9x2")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return reports.Run{}, err
	}
	f.planned = scenario.Plan
	day := &fakeDay{folder: dir, scenario: scenario, watch: opened.Watch, depth: func() int { return 0 }}
	begun := time.Now().UTC().Format(time.RFC3339Nano)
	var err error
	if day.history, err = history.Create(dir, history.Header{Scenario: scenario.Name, Pipeline: options.Pipeline, Seed: options.Seed, Started: begun, Plan: day.plan()}); err != nil {
		return reports.Run{}, err
	}
	day.watch.Begin(scenario.Name, options.Pipeline, options.Seed, 100)
	run := reports.Run{Verdict: check.Unknown, Exit: reports.ExitAborted, Undo: reports.Undo{OK: true}}
	err = options.Crew.GoNoGo(ctx, day)
	f.rehearsed = day.rehearse
	if err == nil {
		run = f.day(ctx, day)
		if cause := context.Cause(ctx); cause != nil {
			err, run.Exit, run.Verdict = cause, reports.ExitAborted, check.Unknown
		}
	}
	if err != nil {
		run.Reason = "not proved: " + err.Error()
	}
	options.Crew.PutBack(context.WithoutCancel(ctx), day, nil)
	run.Scenario, run.Pipeline, run.Seed, run.Folder = scenario.Name, options.Pipeline, options.Seed, dir
	for _, step := range scenario.Plan {
		run.Faults = append(run.Faults, check.FaultResult{Name: step.Fault.Name, Target: step.Fault.Target, Bit: true, Healed: true})
	}
	run.Started, run.Plan = begun, day.plan()
	if lost := errors.Join(day.history.Close(), reports.Write(dir, run, check.Result{})); lost != nil {
		return run, lost
	}
	day.watch.End(run)
	return run, err
}

// mitigated breaks the first fault and heals it when somebody mitigated it.
func mitigated(run reports.Run) func(ctx context.Context, d *fakeDay) reports.Run {
	return func(ctx context.Context, d *fakeDay) reports.Run {
		d.watch.Phase("control")
		d.watch.Phase("trial")
		for _, state := range []string{"waiting", "injecting", "biting"} {
			d.say(state)
		}
		record := func() string { raw, _ := os.ReadFile(filepath.Join(d.folder, gameday.FileName)); return string(raw) }
		for !strings.Contains(record(), gameday.Mitigated) {
			select {
			case <-ctx.Done():
				d.say("recovering")
				return run
			case <-time.After(5 * time.Millisecond):
			}
		}
		d.say("recovering")
		d.say("healed")
		return run
	}
}

func valid() reports.Run {
	return reports.Run{Verdict: check.Valid, Reason: "Every operation is where it belongs.", Undo: reports.Undo{OK: true}}
}

// dayCall runs a game day. Each step waits until the command has said what it
// waits for, and then says its line.
func dayCall(t *testing.T, f *fake, signals chan os.Signal, steps [][2]string, args ...string) (outcome, string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	reader, writer := io.Pipe()
	var stdout bytes.Buffer
	stderr := &lockedBuffer{}
	a := newApp(f.world(), &stdout, stderr)
	a.stdin = reader
	done := make(chan int, 1)
	go func() { done <- a.execute(t.Context(), signals, append([]string{"gameday", "--out", out}, args...)) }()
	for _, step := range steps {
		require.Eventually(t, func() bool { return strings.Contains(stderr.String(), step[0]) }, 20*time.Second, 5*time.Millisecond, "it never says %q:\n%s", step[0], stderr)
		if step[1] == interrupt {
			signals <- os.Interrupt
		} else {
			_, err := io.WriteString(writer, step[1]+"\n")
			require.NoError(t, err)
		}
	}
	select {
	case code := <-done:
		require.NoError(t, writer.Close())
		return outcome{code, stdout.String(), stderr.String()}, out
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end:\n%s", stderr)
		return outcome{}, ""
	}
}

// interrupt is a step that strikes Ctrl-C in place of a line.
const interrupt = "\x03"

const led = "incident-commander=Ada"

func TestGamedayByLines(t *testing.T) {
	f := &fake{day: mitigated(valid())}
	got, out := dayCall(t, f, make(chan os.Signal), [][2]string{
		{"go on?", "maybe"},
		{`"maybe" is no command`, "yes"},
		{"kill on load: biting", "detected by Bob"},
		{"detected by Bob", "acknowledged"},
		{"acknowledged by Ada", "note the queue grows"},
		{"noted", "status"},
		{"running, ", "follow-up an alert on the queue's depth"},
		{"follow-up kept", "mitigated by Bob"},
	}, "loader-killed", "--role", led, "--seed", "7", "--alert", "command: exit 1")
	require.Equal(t, reports.ExitValid, got.code, got.stderr)
	for _, text := range []string{"go        postgres works: SELECT 1", "go        undo of step 1: rehearsed in 1s", "unproved  abort conditions", "everything that was broken is healed"} {
		require.Contains(t, got.stderr, text)
	}
	for _, text := range []string{"what broke           kill on load", "was it right         yes", "time to mitigate     0.", "alert                did not fire", "follow-up            an alert on the queue's depth", "scorecard.md"} {
		require.Contains(t, got.stdout, text)
	}
	require.Equal(t, 1, f.closed)
	require.Equal(t, "by hand, or 10m0s after it bit (after 1s at the earliest)", f.plan(t).Recover.Text)
	folders, err := filepath.Glob(filepath.Join(out, "*", gameday.ScoreFile))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	var score gameday.Score
	raw, err := os.ReadFile(folders[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &score))
	require.Equal(t, "yes", score.Held)
	require.NotNil(t, score.Seconds.Recover)
	require.Equal(t, "the queue grows", score.Notes[0].Text)
}

// plan returns the first step of the plan that the last run was given.
func (f *fake) plan(t *testing.T) harness.Step {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(t, f.planned)
	return f.planned[0]
}

func TestGamedayEnds(t *testing.T) {
	for name, test := range map[string]struct {
		steps  [][2]string
		args   []string
		signal bool // once the last step was said
		code   int
		says   string
	}{
		"no":              {[][2]string{{"go on?", "no"}}, nil, false, reports.ExitAborted, "no-go by Ada"},
		"nobody leads":    {nil, []string{"--role", "scribe=Bob", "--yes"}, false, reports.ExitAborted, "no-go: nothing was broken"},
		"aborted":         {[][2]string{{"go on?", "go"}, {"biting", "abort customers see it"}}, nil, false, reports.ExitAborted, "by Ada: customers see it"},
		"Ctrl-C":          {[][2]string{{"go on?", "go"}, {"biting", ""}}, nil, true, reports.ExitAborted, "Ctrl-C"},
		"Ctrl-C at first": {[][2]string{{"go on?", ""}}, nil, true, reports.ExitAborted, "Ctrl-C"},
		"a condition":     {[][2]string{{"go on?", "go"}}, []string{"--abort-if", "command every 100ms: grep -q 'b[i]ting' DIR/*/gameday.jsonl"}, false, reports.ExitAborted, "is met"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{day: mitigated(valid())}
			args := []string{"loader-killed"}
			if !strings.Contains(strings.Join(test.args, " "), "--role") {
				args = append(args, "--role", led)
			}
			dir := t.TempDir()
			for _, arg := range test.args {
				args = append(args, strings.ReplaceAll(arg, "DIR", dir))
			}
			args = append(args, "--out", dir)
			signals := make(chan os.Signal, 1)
			steps := test.steps
			if test.signal {
				steps[len(steps)-1][1] = interrupt
			}
			got, _ := dayCall(t, f, signals, steps, args...)
			require.Equal(t, test.code, got.code, got.stderr)
			require.Contains(t, got.stdout, test.says, got.stderr)
			require.Equal(t, 1, f.closed, "nothing stands any more")
			if strings.Contains(got.stderr, "biting") {
				require.Contains(t, got.stderr, "everything works after the abort")
			}
		})
	}
}

func TestGamedaySurprise(t *testing.T) {
	found := valid()
	found.Verdict, found.Exit, found.Reason, found.Counts = check.Invalid, reports.ExitInvalid, "3 lost.", map[check.Class]int{check.Lost: 3}
	f := &fake{day: mitigated(found)}
	chosen := gameday.Choose(possibleSurprises(), 11).Fault
	got, out := dayCall(t, f, make(chan os.Signal), [][2]string{{"go on?", "yes"}, {"trial", "detected"}, {"detected by Ada", "mitigated"}},
		"calm", "--surprise", "--seed", "11", "--role", led)
	require.Equal(t, reports.ExitInvalid, got.code, got.stderr)
	told := "fault " + chosen.Name + " on " + chosen.Target
	before, after, revealed := strings.Cut(got.stderr, told)
	require.True(t, revealed, "the debrief tells it: %s", got.stderr)
	require.Contains(t, before, "mitigated by Ada")
	require.NotContains(t, before, chosen.Name+" ")
	require.NotContains(t, before, "exit code 137")
	require.NotContains(t, before, "seed")
	require.Contains(t, after, "invalid")
	require.Contains(t, got.stdout, "what broke           "+chosen.Name+" on "+chosen.Target)
	require.Contains(t, got.stdout, "3 lost, 0 doubled")
	require.Equal(t, []bool{false}, f.rehearsed, "a rehearsal would be seen")
	folders, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Equal(t, "20260301-120000-calm-surprise-k3v9x2", folders[0].Name())
}

// By keys, on a terminal, from the preflight to the follow-ups.
func TestGamedayOnATerminal(t *testing.T) {
	master, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("there is no pseudo-terminal: %v", err)
	}
	defer master.Close()
	defer terminal.Close()
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 200}))
	t.Setenv("TERM", "xterm")
	screen := &lockedBuffer{}
	go func() { _, _ = io.Copy(screen, master) }() // until it is closed
	f := &fake{day: mitigated(valid())}
	var stdout bytes.Buffer
	a := newApp(f.world(), &stdout, terminal)
	a.stdin = terminal
	done := make(chan int, 1)
	dir := t.TempDir()
	go func() {
		done <- a.execute(t.Context(), make(chan os.Signal), []string{"gameday", "loader-killed", "--role", led, "--out", dir})
	}()
	for _, step := range [][2]string{
		{"go on? (y or n)", "y"},
		{"kill on load: biting", "d"},
		{"detected by Ada", "k"},
		{"acknowledged by Ada", "n"},
		{"note (Enter keeps it, Esc drops it):", "the qüeux\x7fe\n"},
		{"noted", "n"},
		{"note (Enter keeps it", "nonsense\x1b"},
		{"dropped", "a"},
		{"y aborts, any other key goes on", "x"},
		{"not aborted", "s"},
		{"running, ", "m"},
		{"follow-ups, one a line", "an alert\n\n"},
	} {
		require.Eventually(t, func() bool { return strings.Contains(screen.String(), step[0]) }, 20*time.Second, 5*time.Millisecond, "%q is not on the screen:\n%s", step[0], screen)
		_, err := io.WriteString(master, step[1])
		require.NoError(t, err)
	}
	select {
	case code := <-done:
		require.Equal(t, reports.ExitValid, code, screen.String())
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not end:\n%s", screen)
	}
	require.Contains(t, stdout.String(), "follow-up            an alert")
	records, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	record, err := gameday.Read(records[0])
	require.NoError(t, err)
	var notes []string
	for _, event := range record.Events {
		if event.Kind == gameday.Noted {
			notes = append(notes, event.Text)
		}
	}
	require.Equal(t, []string{"the qüeue"}, notes)
}

func TestKeyboard(t *testing.T) {
	k := &keyboard{}
	press := func(asked bool, keys string) (commands []gameday.Command) {
		for i := range len(keys) {
			if command, _ := k.press(keys[i], asked); command != nil {
				commands = append(commands, *command)
			}
		}
		return commands
	}
	require.Equal(t, []gameday.Command{{Do: gameday.Yes}, {Do: gameday.No}}, press(true, "yn"), "while something is asked")
	require.Empty(t, press(false, "y"))
	require.Equal(t, []gameday.Command{{Do: gameday.Note, Text: "dam"}}, press(false, "ndam\n"), "keys of a text are no commands")
	require.Empty(t, press(false, "n\n"), "an empty note is none")
	require.Equal(t, []gameday.Command{{Do: gameday.Follow, Text: "ü"}}, press(false, "fxü\x7f\x7fü\r"))
	require.Equal(t, []gameday.Command{{Do: gameday.Abort}}, press(false, "ay"))
	require.Equal(t, []gameday.Command{{Do: gameday.Detected}}, press(false, "aad"), "another key does not abort, and does nothing else")
	require.Empty(t, press(false, "\x1b[A"), "an arrow key")
}

func TestGamedayDryRun(t *testing.T) {
	f := &fake{}
	got := call(t, f, "gameday", "loader-killed", "--dry-run", "--role", "incident-commander=Ada,scribe=Bob", "--abort-if", "queue every 2s: records > 5000")
	require.Equal(t, reports.ExitValid, got.code, got.stderr)
	for _, text := range []string{"kill on load: 20 % committed, taken back by hand, or 10m0s after it bit", "scribe: Bob", "queue every 2s: records > 5000 (every 2s, within 2s)", "injected once before it begins"} {
		require.Contains(t, got.stdout, text)
	}
	got = call(t, f, "gameday", "calm", "--surprise", "--seed", "11", "--dry-run")
	require.Contains(t, got.stdout, "one of 22 faults, chosen by the seed")
	require.Contains(t, got.stdout, "nobody leads")
	require.NotContains(t, got.stdout, gameday.Choose(possibleSurprises(), 11).Fault.Name)
	require.Empty(t, f.opened, "nothing was started")
}

func TestGamedayPlan(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "plan.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	path := write(`{"scenario":"loader-killed","hypothesis":"It holds.","roles":{"incident-commander":"Ada"},"abort_if":["queue: a > 1"],"alert":"command: true","latest":"3m","seed":5}`)
	got := call(t, &fake{}, "gameday", path, "--dry-run", "--role", "scribe=Bob", "--abort-if", "queue: b > 1", "--latest", "2m")
	require.Equal(t, reports.ExitValid, got.code, got.stderr)
	for _, text := range []string{"It holds.", "incident-commander: Ada", "scribe: Bob", "queue: a > 1", "queue: b > 1", "alert ", "or 2m0s after it bit"} {
		require.Contains(t, got.stdout, text)
	}
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"loader-kiled"}, `did you mean "loader-killed"?`},
		{nil, "name one scenario, or the file of a plan"},
		{[]string{write(`{"scenario":"calm","rolls":{}}`)}, `unknown field "rolls"`},
		{[]string{write(`{}`)}, "names no scenario"},
		{[]string{write(`{"scenario":"calm","latest":"soon"}`)}, "latest: "},
		{[]string{"missing.json"}, "read the plan"},
		{[]string{"calm", "--abort-if", "slq: x"}, `condition "slq: x", at 1: it begins with "slq"`},
		{[]string{"calm", "--alert", "http: x"}, "--alert: "},
		{[]string{"calm", "--role", "scribe="}, "give a role and a name"},
		{[]string{"calm", "--latest", "0s"}, "--latest 0s"},
		{[]string{"calm", "--pipeline", "reference:ack-before-comit"}, `did you mean "ack-before-commit"?`},
		{[]string{"--resume", "x", "calm"}, "leave \"calm\" out"},
		{[]string{"--resume", t.TempDir()}, "read timeline"},
		{[]string{"--scenario-from", "x"}, "wants the new scenario's name"},
		{[]string{"--scenario-from", t.TempDir(), "kept"}, "run.json"},
	} {
		got := call(t, &fake{}, append([]string{"gameday"}, wrong.args...)...)
		require.Equal(t, reports.ExitUsage, got.code, "%v: %s", wrong.args, got.stderr)
		require.Contains(t, got.stderr, wrong.says)
	}
}

// The harness died in mid-fault: what it owed is put back, people say what they
// know, and there is a scorecard.
func TestGamedayResume(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "20260301-120000-calm-surprise-k3v9x2")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	log, err := gameday.Create(dir)
	require.NoError(t, err)
	session, err := gameday.Open(gameday.Header{Scenario: "calm", Surprise: true, Faults: 1}, log, gameday.SystemClock())
	require.NoError(t, err)
	require.NoError(t, session.Enter(gameday.Running))
	require.NoError(t, session.Add(gameday.Event{Kind: gameday.Broke, Status: "injecting"}))
	require.NoError(t, log.Close())

	name := filepath.Base(dir)
	run := reports.Run{Verdict: check.Unknown, Exit: reports.ExitUnknown, Reason: "the harness died", Faults: []check.FaultResult{{Name: "kill", Target: "load", Bit: true}}}
	f := &fake{verdicts: map[string]reports.Run{name: run},
		rolledBack: harness.RolledBack{Stack: "abc", Standing: true, Steps: []harness.RolledStep{{Do: "start", Target: "loader"}}, Healthy: []harness.Health{{Part: "postgres", OK: true}}}}
	var stdout bytes.Buffer
	stderr := &lockedBuffer{}
	a := newApp(f.world(), &stdout, stderr)
	a.stdin = strings.NewReader("detected by Bob\nstatus\nnote it went dark\nfollow-up a bigger disk\n")
	require.Equal(t, reports.ExitUnknown, a.execute(t.Context(), make(chan os.Signal), []string{"gameday", "--resume", dir}), stderr.String())
	for _, text := range []string{"aborted", "the harness died in state running", "kill on load", "follow-up", "a bigger disk", "time to detect"} {
		require.Contains(t, stdout.String(), text)
	}
	require.Contains(t, stderr.String(), "status is not due now")
	require.NotContains(t, stdout.String(), "not everything was put back")
	require.FileExists(t, filepath.Join(dir, gameday.ScoreMarkdown))
	record, err := gameday.Read(dir)
	require.NoError(t, err)
	require.Equal(t, gameday.Over, record.State)
	got := call(t, f, "gameday", "--resume", dir)
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stderr, "is over: its scorecard is")
}

func TestGamedayResumeOfWhatIsNotPutBack(t *testing.T) {
	dir := t.TempDir()
	log, err := gameday.Create(dir)
	require.NoError(t, err)
	_, err = gameday.Open(gameday.Header{Scenario: "calm"}, log, gameday.SystemClock())
	require.NoError(t, err)
	require.NoError(t, log.Close())
	f := &fake{rollBackErr: errors.Join(harness.ErrUsage, errors.New("it is under way"))}
	require.Equal(t, reports.ExitUsage, call(t, f, "gameday", "--resume", dir).code)
	f = &fake{verdicts: map[string]reports.Run{filepath.Base(dir): {Verdict: check.Unknown, Exit: reports.ExitUnknown}},
		rolledBack: harness.RolledBack{Stack: "abc", Standing: true, Steps: []harness.RolledStep{{Do: "start", Target: "loader", Error: "no"}}}}
	var stdout bytes.Buffer
	a := newApp(f.world(), &stdout, io.Discard)
	a.stdin = strings.NewReader("")
	require.Equal(t, reports.ExitUndo, a.execute(t.Context(), make(chan os.Signal), []string{"gameday", "--resume", dir}))
}

func TestGamedayKeepsAScenario(t *testing.T) {
	into, dir := t.TempDir(), t.TempDir()
	raw, err := os.ReadFile("../../../scenarios/loader_killed.go")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(into, "loader_killed.go"), raw, 0o600))
	found := reports.Run{Scenario: "loader-killed", Pipeline: "reference", Seed: 7, Verdict: check.Invalid, Exit: 1, Counts: map[check.Class]int{check.Lost: 3}, Undo: reports.Undo{OK: true}, Plan: []history.PlannedFault{}}
	require.NoError(t, reports.Write(dir, found, check.Result{}))
	got := call(t, &fake{}, "gameday", "--scenario-from", dir, "--into", into, "loader-killed-twice")
	require.Equal(t, reports.ExitValid, got.code, got.stderr)
	require.Contains(t, got.stdout, "add LoaderKilledTwice() to All")
	require.FileExists(t, filepath.Join(into, "loader_killed_twice.go"))
	got = call(t, &fake{}, "gameday", "--scenario-from", dir, "--into", into, "loader-killed-twice")
	require.Equal(t, reports.ExitUsage, got.code, "it is there already")
}

// possibleSurprises are those that fit the reference pipeline, which has every role.
func possibleSurprises() []gameday.Surprise {
	return gameday.Surprises([]string{fault.Collector, fault.Loader, fault.Indexer, fault.Exporter})
}
