package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
)

const (
	// triggerWithin is how long a trigger may take: one that never comes ends
	// the plan, and the run proves nothing.
	triggerWithin = 3 * time.Minute
	biteWithin    = time.Minute
	healWithin    = 2 * time.Minute
	injectWithin  = time.Minute
	operateWithin = 2 * time.Minute
)

// errPlanBroken ends a plan whose operation failed; why stands in the history.
var errPlanBroken = errors.New("an operation of the plan failed")

// planned returns the plan as it stands in histories and reports, of a run that
// takes place pace times as fast as written.
func planned(steps []Step, pace float64) []history.PlannedFault {
	list := []history.PlannedFault{}
	for i, step := range steps {
		planned := history.PlannedFault{Step: i + 1, Name: step.Fault.Name, Target: step.Fault.Target, Trigger: step.When.Text + "; taken back " + step.Recover.Text}
		if step.Operation.Name != "" {
			planned = history.PlannedFault{Step: i + 1, Name: step.Operation.Name, Trigger: step.When.Text, Operation: true}
		}
		if pace > 1 {
			planned.Trigger += fmt.Sprintf(" (time runs %g times as fast)", pace)
		}
		list = append(list, planned)
	}
	return list
}

// carryOut injects the plan's faults in order, each when its trigger comes,
// and lives each to its end: proof that it bites, recovery, proof that it
// healed. It returns when all are healed or the plan broke off. What went
// wrong stands in the history; an error means that the history could not be
// written or the run was interrupted.
func (r *run) carryOut(ctx context.Context, steps []Step) error {
	// Where the plan breaks off, what waits for later steps waits no more, and
	// is taken back.
	going, breakOff := context.WithCancel(ctx)
	var lives sync.WaitGroup
	defer func() { breakOff(); lives.Wait() }()
	errs := make(chan error, len(steps))
	begun := time.Now()
	for i, step := range steps {
		if step.Operation.Name != "" {
			ended, err := r.operate(ctx, going, i, step, begun)
			if err != nil {
				return notBroken(err)
			}
			begun = time.Now()
			lives.Add(1)
			go func() {
				defer lives.Done()
				if err := ended(); err != nil {
					breakOff()
					errs <- notBroken(err)
				}
			}()
			continue
		}
		act := history.FaultAct{Step: i + 1, Name: step.Fault.Name, Target: step.Fault.Target, Destroys: step.Fault.Destroys != "", InFlight: -1}
		r.watch.Fault(act.Name, act.Target, "waiting", step.When.Text)
		stop, triggered := r.reached(going, i, step.When, begun)
		stop.describe(&act)
		pending, err := r.history.Invoke(history.Inject, act.Name, act)
		if err != nil {
			stop.close()
			return err
		}
		if triggered != nil {
			r.watch.Fault(act.Name, act.Target, "not injected", triggered.Error())
			return pending.Fail(triggered, act)
		}
		if step.Fault.Destroys != "" {
			r.setCheckpoint()
		}
		due, struck := r.mustArrive(), r.inFlight(act.Target)
		injection, ids, err := r.inject(ctx, step.Fault)
		// Reads that ended while it was injected know better what was done before.
		if left := r.inFlight(act.Target); left >= 0 {
			struck = min(struck, max(left-(r.mustArrive()-due), 0))
		}
		if err != nil {
			r.watch.Fault(act.Name, act.Target, "not injected", err.Error())
			stop.close()
			return errors.Join(pending.Fail(err, act), r.takeBack(ctx, ids))
		}
		if err := pending.OK(act); err != nil {
			stop.close()
			return err
		}
		begun = time.Now()
		act.InFlight = max(struck, stop.inFlight())
		lives.Add(1)
		go func() {
			defer lives.Done()
			defer stop.close()
			errs <- r.live(ctx, going, breakOff, i, step, act, injection, ids, stop)
		}()
	}
	lives.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// inject journals how the fault is taken back and then injects it.
func (r *run) inject(ctx context.Context, f fault.Fault) (fault.Injection, []int, error) {
	ctx, cancel := context.WithTimeout(ctx, injectWithin)
	defer cancel()
	injection, err := f.Prepare(ctx, r.world)
	if err != nil {
		return injection, nil, err
	}
	ids, err := r.journal.add(injection.Undo)
	if err != nil {
		return injection, ids, err
	}
	r.watch.Fault(f.Name, f.Target, "injecting", f.Detail)
	return injection, ids, injection.Inject(ctx)
}

// live takes one injected fault through the rest of its life. Going ends when
// the plan breaks off, which it does when a moment could not be proved: the
// run proves nothing then, and later steps would wait in vain.
func (r *run) live(ctx, going context.Context, breakOff func(), i int, step Step, act history.FaultAct, injection fault.Injection, ids []int, stop *stopped) error {
	bites := injection.Bites
	// What a breakpoint holds meets it already, and more may not come while it does.
	if step.Fault.Lasting && stop.inFlight() <= 0 {
		bites = func(ctx context.Context) (string, error) {
			evidence, err := injection.Bites(ctx)
			if err != nil {
				return "", err
			}
			return evidence, r.meets(ctx, &act)
		}
	}
	within := biteWithin
	healed := healWithin
	if step.Fault.Lasting {
		within += triggerWithin // the work, or the step, that meets it is still to come
	}
	if step.Fault.Data != nil { // it comes and goes with the files
		within, healed = within+sendWithin, healed+sendWithin
	}
	if injection.InFlight != nil {
		bites = func(ctx context.Context) (string, error) {
			evidence, err := injection.Bites(ctx)
			act.InFlight = injection.InFlight()
			return evidence, err
		}
	}
	if stop != nil {
		struck := bites
		bites = func(ctx context.Context) (string, error) {
			return stop.bites(ctx, &act, step.Release, r.parts(step.Fault, stop.event), struck)
		}
	}
	bit, err := r.moment(going, history.Bite, &act, within, "biting", bites)
	if err != nil || !bit {
		breakOff()
		return errors.Join(err, r.takeBack(ctx, ids))
	}
	r.reach(r.bit, i)
	never := r.await(going, step.Recover, time.Now())
	_, recovered := r.moment(ctx, history.Recover, &act, undoWithin, "recovering", func(ctx context.Context) (string, error) {
		return "", errors.Join(never, r.takeBack(ctx, ids))
	})
	over, err := r.moment(ctx, history.Heal, &act, healed, "healed", injection.Healed)
	if !over {
		breakOff()
		return errors.Join(recovered, err)
	}
	r.reach(r.healed, i)
	return errors.Join(recovered, err)
}

// moment writes one moment of a fault's life to the history, and returns
// whether it could be proved. The error is the history's.
func (r *run) moment(ctx context.Context, what history.Act, act *history.FaultAct, within time.Duration, state string, prove func(context.Context) (string, error)) (bool, error) {
	pending, err := r.history.Invoke(what, act.Name, act)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	evidence, err := prove(ctx)
	if err != nil {
		r.watch.Fault(act.Name, act.Target, "not "+state, err.Error())
		return false, pending.Fail(err, act)
	}
	act.Evidence = evidence
	r.watch.Fault(act.Name, act.Target, state, evidence)
	return true, pending.OK(act)
}

// meets waits until work is under way at the target of a lasting fault.
func (r *run) meets(ctx context.Context, act *history.FaultAct) error {
	for {
		changed := r.changed()
		if act.InFlight = r.inFlight(act.Target); act.InFlight != 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no work met it: %w", ctx.Err())
		case <-changed:
		}
	}
}

func (r *run) takeBack(ctx context.Context, ids []int) error {
	err := r.journal.take(context.WithoutCancel(ctx), ids, r.world.undo)
	if err != nil {
		r.undoFailed(err)
	}
	return err
}

// await waits until a trigger is met. An error says which never came.
func (r *run) await(ctx context.Context, trigger Trigger, since time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, triggerWithin+byHand(r.plan))
	defer cancel()
	for {
		changed := r.changed()
		situation := r.situation(since)
		if trigger.probe != "" {
			var err error
			if situation.Probed, err = r.world.probe(ctx, trigger.probe); err != nil {
				return fmt.Errorf("the trigger %q cannot be told: %w", trigger.Text, err)
			}
		}
		if trigger.waiting {
			situation.Waiting = r.waiting(ctx)
		}
		if trigger.settled {
			situation.Settled, _ = r.settled()
		}
		if trigger.met(situation) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the trigger %q never came: %w (at %+v)", trigger.Text, ctx.Err(), situation.Marks)
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// inFlight counts the operations that had not reached the far side of the
// target when it was struck. -1: not known.
func (r *run) inFlight(target string) int {
	marks := r.marks()
	if r.spec.Rows == nil { // search is the far side of everything
		marks.Committed, marks.Queued = marks.Visible, -1
	}
	var done int
	switch does, _ := fault.SplitReplica(target); does {
	case fault.Elasticsearch, fault.Indexer:
		done = marks.Visible
	case fault.Exporter:
		done = marks.Confirmed
	case fault.Collector, fault.SFTP:
		// What is queued has left the collector; what a consumer holds counts
		// for neither, so this is a little too low at most.
		done = marks.Committed
		if marks.Queued > 0 {
			done += marks.Queued
		}
	default:
		done = marks.Committed
	}
	if done < 0 {
		return -1
	}
	return max(r.mustArrive()-done, 0)
}

// mustArrive counts the acknowledged operations that a good pipeline applies.
func (r *run) mustArrive() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.due
}

// notBroken leaves the errors that end a run: a broken plan is told by the history.
func notBroken(err error) error {
	if errors.Is(err, errPlanBroken) {
		return nil
	}
	return err
}

// operate begins an operation when its trigger comes. Ended waits for its end
// and returns why nothing can be proved any more, or nil.
func (r *run) operate(ctx, going context.Context, i int, step Step, begun time.Time) (ended func() error, err error) {
	operation := step.Operation
	act := history.RoleAct{Step: i + 1}
	r.watch.Operation(operation.Name, "waiting", step.When.Text)
	triggered := r.await(going, step.When, begun)
	pending, err := r.history.Invoke(history.Operate, operation.Name, act)
	if err != nil {
		return nil, err
	}
	if triggered != nil {
		r.watch.Operation(operation.Name, "not begun", triggered.Error())
		return nil, cmp.Or(pending.Fail(triggered, act), errPlanBroken)
	}
	r.watch.Operation(operation.Name, "under way", "")
	r.reach(r.bit, i)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, operateWithin)
		defer cancel()
		role, said, err := r.perform(ctx, operation)
		act.Role, act.Detail = role, said
		done <- err
	}()
	return func() error {
		if err := <-done; err != nil {
			r.watch.Operation(operation.Name, "failed", err.Error())
			return cmp.Or(pending.Fail(err, act), errPlanBroken)
		}
		r.watch.Operation(operation.Name, "done", act.Detail)
		r.reach(r.healed, i)
		return pending.OK(act)
	}, nil
}

// perform does one operation: the harness's own, or the pipeline's.
func (r *run) perform(ctx context.Context, operation Operation) (role, said string, err error) {
	if operation.Name == NewBroker {
		said, err = r.stack.StartSuccessor(ctx)
		return fault.Successor, said, err
	}
	return r.pipeline.Operate(ctx, operation.Name, r.arguments(operation))
}

// replayMargin is how many files before the first one that may be incomplete
// a replay begins: nobody knows to the file when a failure began.
const replayMargin = 2

// setCheckpoint notes, once, from which file on a replay brings back all that
// is about to be destroyed.
func (r *run) setCheckpoint() {
	first, ok := r.observer.Unfinished()
	if !ok {
		first = r.workload.Files[len(r.workload.Files)-1]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.checkpoint == 0 {
		r.checkpoint = max(first.Seq-replayMargin, 1)
	}
}

// arguments returns what an operation is given: what its step says, and
// "from", the number of the file to replay from, unless it says that.
func (r *run) arguments(operation Operation) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	args := map[string]string{"from": strconv.Itoa(max(r.checkpoint, 1))}
	maps.Copy(args, operation.Args)
	return r.withFile(args)
}

// withFile adds to "from" the name of that file, for pipelines that go by names.
func (r *run) withFile(args map[string]string) map[string]string {
	from, err := strconv.Atoi(args["from"])
	if err != nil {
		return args
	}
	with := map[string]string{}
	for _, file := range r.workload.Files {
		if file.Seq == from {
			with["from_file"] = file.Name
			break
		}
	}
	maps.Copy(with, args)
	return with
}
