package harness

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/observe"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// handRun is a run that takes down what is broken by hand, and does no more:
// there are no services.
func handRun(t *testing.T) *run {
	t.Helper()
	cache, err := os.MkdirTemp("", "s") // the path of a socket must be short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(cache) })
	t.Setenv("XDG_CACHE_HOME", cache)
	wl, err := workload.New(workload.Default(1, "ABCD"))
	require.NoError(t, err)
	r := &run{dir: t.TempDir(), watch: nobody{}, stack: &stack.Stack{ID: "k3v9x2"}, spec: pipeline.Reference(nil, nil).Attach(), workload: wl, uploads: newUploads(wl),
		update: make(chan struct{}), latest: history.Marks{Taken: -1, Queued: -1, Committed: -1, Visible: -1, Confirmed: -1}}
	r.history, err = history.Create(r.dir, history.Header{Generator: workload.Generator})
	require.NoError(t, err)
	r.observer = observe.New(r.spec, stack.Endpoints{}, wl, r.history, nil)
	r.hands, err = r.openHands(t.Context())
	require.NoError(t, err)
	r.hands.listen()
	early, release, err := reachRun(t.Context(), r.stack)
	require.NoError(t, err)
	require.ErrorContains(t, early.tell(said{Act: history.Inject, Phase: history.Invoke}), "nothing may be broken before its first file has passed")
	release()
	r.hands.allow()
	return r
}

// written is the history's lines about faults: act, phase, step and, of bites, what was in flight.
func written(t *testing.T, r *run) []string {
	t.Helper()
	require.NoError(t, r.history.Close())
	stored, err := history.Load(r.dir)
	require.NoError(t, err)
	require.Empty(t, stored.Problem)
	var lines []string
	for _, event := range stored.Events {
		var act history.FaultAct
		require.NoError(t, event.Decode(&act))
		line := string(event.Act) + " " + string(event.Phase)
		if event.Act == history.Bite && event.Phase == history.OK {
			raw, err := json.Marshal([]int{act.Step, act.InFlight})
			require.NoError(t, err)
			line += " " + string(raw)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestByHandIsWrittenDown(t *testing.T) {
	for _, c := range []struct {
		name     string
		due      int // operations under way when it strikes
		lasting  bool
		later    int // operations under way while it holds
		inFlight int
	}{
		{"nothing met it", 0, true, 0, 0},
		{"work was under way", 7, false, 0, 7},
		{"work was under way when a lasting one began", 7, true, 0, 7},
		{"work met it later", 0, true, 3, 3},
		{"a moment is over when work comes", 0, false, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := handRun(t)
			r.latest.Committed, r.due = 0, c.due
			told, release, err := reachRun(t.Context(), r.stack)
			require.NoError(t, err)
			say := func(what history.Act, phase history.Phase) {
				t.Helper()
				require.NoError(t, told.tell(said{Act: what, Phase: phase, Fault: history.FaultAct{Name: "kill", Target: fault.RabbitMQ}, Lasting: c.lasting}))
			}
			say(history.Inject, history.Invoke)
			say(history.Inject, history.OK)
			say(history.Bite, history.Invoke)
			say(history.Bite, history.OK)
			waiting := make(chan error, 1)
			go func() { waiting <- r.byHand(t.Context()) }()
			if c.later > 0 {
				r.mu.Lock()
				r.due += c.later
				r.mu.Unlock()
				r.wake()
			}
			if c.lasting && c.later > 0 {
				require.Eventually(t, func() bool { return r.inFlight(fault.RabbitMQ) == c.later }, 10*time.Second, time.Millisecond)
			}
			say(history.Recover, history.Invoke)
			require.Equal(t, c.inFlight, told.inFlight)
			require.Equal(t, r.dir, told.run)
			say(history.Recover, history.OK)
			say(history.Heal, history.Invoke)
			say(history.Heal, history.OK)
			require.Empty(t, waiting, "it is not told to the end")
			release()
			require.NoError(t, <-waiting)

			late, release, err := reachRun(t.Context(), r.stack)
			require.NoError(t, err)
			defer release()
			require.ErrorContains(t, late.tell(said{Act: history.Inject, Phase: history.Invoke}), "is being judged: wait until it is over")
			r.hands.close()
			inFlight, err := json.Marshal([]int{1, c.inFlight})
			require.NoError(t, err)
			require.Equal(t, []string{"inject invoke", "inject ok", "bite invoke", "bite ok " + string(inFlight), "recover invoke", "recover ok", "heal invoke", "heal ok"}, written(t, r))
		})
	}
}

// Whoever dies in the middle has healed nothing, and the run knows.
func TestByHandThatBreaksOff(t *testing.T) {
	for _, c := range []struct {
		name    string
		tells   []history.Phase // of inject and bite, in turn
		written []string
	}{
		{"before anything", nil, nil},
		{"while it injects", []history.Phase{history.Invoke}, []string{"inject invoke", "inject fail", "heal invoke", "heal fail"}},
		{"while it bites", []history.Phase{history.Invoke, history.OK, history.Invoke}, []string{"inject invoke", "inject ok", "bite invoke", "bite fail", "heal invoke", "heal fail"}},
		{"while it holds", []history.Phase{history.Invoke, history.OK, history.Invoke, history.OK}, []string{"inject invoke", "inject ok", "bite invoke", "bite ok [1,0]", "heal invoke", "heal fail"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := handRun(t)
			r.latest.Committed = 0
			told, release, err := reachRun(t.Context(), r.stack)
			require.NoError(t, err)
			for i, phase := range c.tells {
				what := []history.Act{history.Inject, history.Bite}[i/2]
				require.NoError(t, told.tell(said{Act: what, Phase: phase, Fault: history.FaultAct{Name: "pause", Target: fault.Postgres}, Lasting: true}))
			}
			release()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, r.byHand(ctx))
			r.hands.close()
			require.Equal(t, c.written, written(t, r))
		})
	}
}

// No run begins on what it would not know to be broken, and none beside another.
func TestRunsAndFaultsExcludeEachOther(t *testing.T) {
	r := handRun(t)
	config := r.workload.Config
	config.FirstNumber = len(r.workload.Files)
	next, err := workload.New(config)
	require.NoError(t, err)
	other := &run{dir: t.TempDir(), stack: r.stack, watch: nobody{}, update: make(chan struct{}), workload: next}
	_, err = other.openHands(t.Context())
	require.ErrorIs(t, err, ErrInfra)
	require.ErrorContains(t, err, "another run or an injected fault is under way on stack k3v9x2")
	r.hands.close()

	told, release, err := reachRun(t.Context(), r.stack)
	require.NoError(t, err)
	require.NoError(t, told.tell(said{Act: history.Inject, Phase: history.Invoke}), "nobody is told")
	require.Empty(t, told.run)
	_, err = other.openHands(t.Context())
	require.ErrorIs(t, err, ErrInfra)
	release()
	h, err := other.openHands(t.Context())
	require.NoError(t, err)
	h.close()
	_, err = other.openHands(t.Context())
	require.ErrorContains(t, err, "another run went before it: try again", "its files would have numbers that were there already")
}

// A fault whose injection cannot be told is not injected; one that is under way
// is taken back all the same.
func TestInjectingTellsFirst(t *testing.T) {
	dir := t.TempDir()
	journal, err := openJournal(dir)
	require.NoError(t, err)
	defer journal.close()
	r := handRun(t)
	r.latest.Committed, r.due = 0, 5
	told, release, err := reachRun(t.Context(), r.stack)
	require.NoError(t, err)
	var done []string
	note := func(what string, err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { done = append(done, what); return what, err }
	}
	inject := func(bites error) Injected {
		i := &injecting{options: InjectOptions{Watch: nobody{}, For: time.Millisecond, Fault: fault.Kill(fault.RabbitMQ)}, journal: journal, told: told,
			act: history.FaultAct{Name: "kill", Target: fault.RabbitMQ}, receipt: Injected{}, injection: fault.Injection{
				Inject: func(context.Context) error { done = append(done, "injected"); return nil },
				Bites:  note("bitten", bites), Healed: note("healed", nil),
			}}
		i.receipt.Undo.OK = true
		if err := i.live(t.Context()); err != nil {
			i.receipt.Error = err.Error()
		}
		return i.receipt
	}
	receipt := inject(nil)
	require.True(t, receipt.Bit && receipt.Healed && receipt.Exit == 0, "%+v", receipt)
	require.Equal(t, []string{"injected", "bitten", "healed"}, done)

	receipt = inject(errors.New("it still runs"))
	require.False(t, receipt.Bit)
	require.True(t, receipt.Healed)
	require.Equal(t, 6, receipt.Exit)
	require.Contains(t, receipt.Error, "bite: it still runs")

	r.hands.close()
	done = nil
	receipt = inject(nil)
	require.Contains(t, receipt.Error, "tell the run that is under way")
	require.Empty(t, done, "the run is gone: nothing was injected that it would not know of")
	release()
}
