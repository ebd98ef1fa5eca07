package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

const (
	bytesPerStack = 1_500_000_000 // of memory that a stack and its pipeline take, with room
	mostStacks    = 4             // at once, unless asked for more
)

// stacksAtOnce is how many stacks this machine carries: two per core, as half of
// a run is waiting, if there is memory for them.
func stacksAtOnce(cores int, memory int64) int {
	return max(1, min(2*cores, int(memory/bytesPerStack), mostStacks))
}

const parallelFlagText = "stacks at once (default: two per core, if there is memory for them)"

// stacks returns how many stacks to use at once: what was asked for, or what
// the engine's machine carries.
func (a *app) stacks(ctx context.Context, asked int) int {
	if asked > 0 {
		return asked
	}
	engine := a.world.examine(ctx).Engine
	return stacksAtOnce(engine.Cores, engine.MemoryBytes)
}

// lanes makes runs on several stacks at once. Each lane takes the next trial
// when it is done with one; done is called with every trial that was begun,
// one call at a time. A stack on which the harness failed is not used again:
// what it would answer next says nothing.
type lanes struct {
	app     *app
	n       int
	options harness.Options
	watch   func() harness.Watcher // of one lane; nil: nobody watches
	done    func(i int, run reports.Run)
}

func (l *lanes) run(ctx context.Context, trials []trial) error {
	return l.runEach(ctx, func(i int) (trial, bool) {
		if i >= len(trials) {
			return trial{}, false
		}
		return trials[i], true
	})
}

// runEach makes the runs that the ith call of plan returns, until there is no
// more or ctx ends. No two calls of plan and done overlap.
func (l *lanes) runEach(ctx context.Context, plan func(i int) (trial, bool)) error {
	var (
		mu    sync.Mutex
		next  int
		errs  []error
		group sync.WaitGroup
	)
	take := func() (i int, t trial, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if interrupted(ctx) {
			return 0, t, false
		}
		t, ok = plan(next)
		next++
		return next - 1, t, ok
	}
	for range l.n {
		group.Go(func() {
			lane := &lane{lanes: l}
			for {
				i, t, ok := take()
				if !ok {
					break
				}
				run := lane.try(ctx, t)
				mu.Lock()
				l.done(i, run)
				mu.Unlock()
			}
			err := lane.close(ctx)
			mu.Lock()
			errs = append(errs, err)
			mu.Unlock()
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// lane is one warm stack.
type lane struct {
	*lanes
	warm session
	errs []error // of closing
}

// try makes one run and returns what came of it, whatever happened.
func (l *lane) try(ctx context.Context, t trial) reports.Run {
	if l.warm == nil {
		options := l.options
		if l.watch != nil {
			options.Watch = l.watch()
		}
		warm, err := l.app.world.open(ctx, options)
		if err != nil {
			return l.app.notRun(ctx, t, err)
		}
		l.warm = warm
	}
	began := time.Now()
	run, err := l.warm.Run(ctx, t.scenario, t.options)
	run = l.app.settled(ctx, t, run, err)
	if run.Seconds["total"] == 0 {
		run.Seconds = map[string]float64{"total": time.Since(began).Seconds()}
	}
	if run.Verdict == check.Infra || !run.Undo.OK {
		l.shut(ctx)
	}
	return run
}

func (l *lane) shut(ctx context.Context) {
	if l.warm == nil {
		return
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	if err := l.warm.Close(closing); err != nil {
		l.errs = append(l.errs, err)
	}
	l.warm = nil
}

func (l *lane) close(ctx context.Context) error {
	l.shut(ctx)
	return errors.Join(l.errs...)
}

// faultLines says what happens to each run of a lane in lines of their own,
// with the run's name before them: several lanes write at once.
type faultLines struct {
	live *reports.Live
	mu   sync.Mutex
	name string
}

func (f *faultLines) say(text string) {
	f.mu.Lock()
	name := f.name
	f.mu.Unlock()
	f.live.Say(name + ": " + text)
}

func (f *faultLines) Begin(scenario, pipeline string, seed uint64, records int) {
	f.mu.Lock()
	f.name = scenario + " on " + pipeline
	f.mu.Unlock()
	f.say(fmt.Sprintf("seed %d, %d records", seed, records))
}

func (f *faultLines) Phase(string)        {}
func (f *faultLines) Marks(history.Marks) {}

func (f *faultLines) Fault(name, target, state, evidence string) {
	switch state {
	case "waiting", "injecting", "recovering":
		return
	}
	f.say(name + " on " + target + ": " + state)
}

func (f *faultLines) Operation(name, state, evidence string) {
	switch state {
	case "waiting":
		return
	case "under way":
		state = "begun"
	}
	f.say(name + ": " + state)
}

func (f *faultLines) End(run reports.Run) {
	f.say(fmt.Sprintf("%s (%.1f s)", run.Verdict, run.Seconds["total"]))
}
