package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/observe"
	"github.com/seatrial/seatrial/harness/internal/send"
	"github.com/seatrial/seatrial/harness/repair"
	"github.com/seatrial/seatrial/reports"
)

// PlanRepair returns what has to be done so that the data of a stored run is
// whole again, and what was found in it. Errors wrap ErrUsage where the folder
// holds no run that this version can judge and plan for.
func PlanRepair(dir string) (repair.Plan, error) {
	stored, err := history.Load(dir)
	if err != nil {
		return repair.Plan{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	result, err := check.Judge(stored)
	if err != nil {
		return repair.Plan{}, fmt.Errorf("%w: %s: %w", ErrUsage, dir, err)
	}
	plan, err := repair.Of(stored, result, meansOf(stored.Header))
	if err != nil {
		return plan, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return plan, nil
}

// repairOf returns the plan for a run that was judged; nil where nothing is to
// be mended, or where what was stored does not tell (the verdict says so then).
func repairOf(stored *history.Run, result check.Result) *repair.Plan {
	if len(result.Findings) == 0 {
		return nil
	}
	plan, err := repair.Of(stored, result, meansOf(stored.Header))
	if err != nil {
		return nil
	}
	return &plan
}

// repairedDir is the folder below a run's of what its repair plan came to.
const repairedDir = "repaired"

// repair carries out the plan for a run whose verdict is invalid, on what still
// stands, waits until all is in its place or nothing moves any more, and judges
// what is there then. It is a run of its own, without a plan and without time:
// what had been seen before it counts no more.
func (r *run) repair(ctx context.Context, result check.Result, cause error) {
	if result.Verdict != check.Invalid || ctx.Err() != nil || cause != nil && !errors.Is(cause, errStop) || len(r.undoErrs) > 0 {
		return
	}
	plan := r.report.Repair
	if plan == nil || !plan.Needed {
		return
	}
	begun := time.Now()
	r.watch.Phase("repair")
	repaired := reports.Repaired{Verdict: check.Infra, Folder: filepath.Join(r.dir, repairedDir)}
	judged, err := r.mend(ctx, *plan, &repaired)
	switch {
	case ctx.Err() != nil:
		repaired.Verdict, repaired.Reason = check.Unknown, "Interrupted while it was repaired."
	case err != nil:
		repaired.Reason = err.Error()
	default:
		repaired.Verdict, repaired.Reason, repaired.Counts = judged.Verdict, judged.Reason, judged.Counts
	}
	repaired.Seconds = time.Since(begun).Seconds()
	r.report.Seconds["repair"] = repaired.Seconds
	r.report.Repaired = &repaired
}

// mend does all of that; an error is the harness's or the machine's.
func (r *run) mend(ctx context.Context, plan repair.Plan, repaired *reports.Repaired) (check.Result, error) {
	// What live observers see while it goes on is not judged: they watch for quiet only.
	scratch, err := os.MkdirTemp("", "seatrial-repair-*")
	if err != nil {
		return check.Result{}, err
	}
	defer os.RemoveAll(scratch)
	header := repairedHeader(r.stored.Header)
	aside, err := history.Create(scratch, header)
	if err != nil {
		return check.Result{}, err
	}
	defer aside.Close()
	if err := os.Mkdir(repaired.Folder, 0o700); err != nil {
		return check.Result{}, err
	}
	w, err := history.Create(repaired.Folder, header)
	if err != nil {
		return check.Result{}, err
	}
	if err := sentBefore(w, r.stored); err != nil {
		return check.Result{}, errors.Join(err, w.Close())
	}
	r.history, r.observer = w, r.newObserver(aside)
	r.acknowledged(r.observer)
	r.sender.Close()
	r.sender = send.New(r.stack.Endpoints(), r.spec.Inbox, w, "")
	live, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.observer.Live(live, liveEvery, r.seenAside)
	}()
	err = r.mendAndWait(ctx, plan, repaired)
	stop()
	<-watched
	if err == nil {
		reading, cancel := context.WithTimeout(ctx, observeWithin)
		err = r.newObserver(w).Final(reading)
		cancel()
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return check.Result{}, err
	}
	return r.judgeRepaired(repaired.Folder)
}

// mendAndWait takes the steps and then waits as after a sentinel: the run's own
// is one of the files that everything waits for.
func (r *run) mendAndWait(ctx context.Context, plan repair.Plan, repaired *reports.Repaired) error {
	for _, step := range plan.Steps {
		done, err := r.step(ctx, plan, step)
		repaired.Steps = append(repaired.Steps, done)
		if err != nil {
			return err
		}
		// The next step meets what this one brought about.
		if _, err := r.wait(ctx, r.scenario.deadline(), func() (bool, string) { return r.observer.Quiet(r.spec.LongestInterval) }); err != nil {
			return err
		}
	}
	pending, err := r.history.Invoke(history.Sentinel, "", nil)
	if err != nil {
		return err
	}
	if err := r.arrival(ctx, pending); err != nil {
		return err
	}
	return r.quiet(ctx)
}

// step takes one step of a plan. That it fails is told, in the history too:
// nothing missing is proved then. The error is the history's or the context's.
func (r *run) step(ctx context.Context, plan repair.Plan, step repair.Step) (done reports.RepairedStep, err error) {
	begun := time.Now()
	act := history.RoleAct{Role: step.Role}
	r.watch.Operation(string(step.Do), "under way", step.Text)
	pending, err := r.history.Invoke(history.Operate, string(step.Do), act)
	if err != nil {
		return done, err
	}
	limit, cancel := context.WithTimeout(ctx, operateWithin+time.Duration(len(plan.Files))*time.Second)
	defer cancel()
	said, cause := r.doStep(limit, plan, step, &act)
	act.Detail = said
	done = reports.RepairedStep{Do: step.Do, Text: step.Text, Done: cause == nil, Evidence: said, Seconds: time.Since(begun).Seconds()}
	if cause != nil {
		done.Evidence = strings.TrimSuffix(cause.Error()+": "+said, ": ")
		r.watch.Operation(string(step.Do), "failed", cause.Error())
		return done, errors.Join(pending.Fail(cause, act), ctx.Err())
	}
	r.watch.Operation(string(step.Do), "done", said)
	return done, pending.OK(act)
}

func (r *run) doStep(ctx context.Context, plan repair.Plan, step repair.Step, act *history.RoleAct) (said string, err error) {
	switch {
	case step.ByHand:
		return "", errors.New("it is left to people: the pipeline declares nothing that does it")
	case step.Operation != "":
		act.Role, said, err = r.pipeline.Operate(ctx, step.Operation, r.withFile(step.Args))
		return said, err
	case step.Do == repair.Remove:
		return r.removeRows(ctx, step)
	case step.Do == repair.Resume:
		return r.restart(ctx, step.Role)
	case step.Do == repair.Drop:
		for i, file := range plan.Files {
			if err := r.sender.Again(ctx, r.workload, r.workload.Files[file.Index], file.As); err != nil {
				return fmt.Sprintf("%d of %d files were dropped", i, len(plan.Files)), err
			}
		}
		return fmt.Sprintf("%d files were dropped, and taken one after the other", len(plan.Files)), nil
	}
	return "", fmt.Errorf("nothing is known that does the step %q", step.Do)
}

// removeRows does so exactly as planned, or not at all.
func (r *run) removeRows(ctx context.Context, step repair.Step) (said string, err error) {
	err = r.world.onPostgres(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			removed := int64(0)
			for _, statement := range step.SQL {
				done, err := tx.Exec(ctx, statement)
				if err != nil {
					return err
				}
				removed += done.RowsAffected()
			}
			if removed != int64(step.Rows) {
				return fmt.Errorf("%d rows stand where %d were to be removed: somebody has written to the table, and nothing was removed", removed, step.Rows)
			}
			return nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("remove rows: %w", err)
	}
	return fmt.Sprintf("%d rows removed", step.Rows), nil
}

// restart stops and starts the containers of a role, one after the other.
func (r *run) restart(ctx context.Context, role string) (said string, err error) {
	containers := r.pipeline.Doing(role)
	if len(containers) == 0 {
		return "", fmt.Errorf("pipeline %s has no role %q", r.spec.Name, role)
	}
	for _, c := range containers {
		if err := c.StopGently(ctx, restartGrace); err != nil {
			return "", err
		}
		if err := c.StartAgain(ctx); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d containers of %s were started again", len(containers), role), nil
}

// restartGrace is how long a role may take to end before it is killed.
const restartGrace = 2 * time.Second

// seenAside takes the marks of live reads that are not judged.
func (r *run) seenAside(marks history.Marks) {
	r.mu.Lock()
	r.latest = marks
	r.mu.Unlock()
	r.wake()
	r.watch.Marks(r.marks())
}

// acknowledged tells an observer what became of every drop of the run.
func (r *run) acknowledged(o *observe.Observer) {
	for _, event := range r.stored.Events {
		var sent history.Sent
		if event.Act != history.Send || event.Phase == history.Invoke || event.Phase == history.Note || event.Decode(&sent) != nil ||
			sent.File < 0 || sent.File >= len(r.workload.Files) {
			continue
		}
		o.Acknowledged(r.workload.Files[sent.File], event.Phase)
	}
}

// repairedHeader is the header of what is judged after a repair: the same
// records and the same places, nothing broken, and no deadline.
func repairedHeader(of history.Header) history.Header {
	var expect check.Expectations
	if json.Unmarshal(of.Expect, &expect) == nil {
		expect.DeadlineSeconds = 0
		if raw, err := json.Marshal(expect); err == nil {
			of.Expect = raw
		}
	}
	of.Plan, of.NoFault, of.Started = []history.PlannedFault{}, false, ""
	return of
}

// sentBefore writes to a history what was sent in the run before it, each with
// its outcome, and that its control records had passed.
func sentBefore(w *history.Writer, before *history.Run) error {
	begun := map[int]*history.Pending{}
	for _, event := range before.Events {
		if event.Act != history.Send && event.Act != history.Control {
			continue
		}
		if event.Phase == history.Invoke {
			pending, err := w.Invoke(event.Act, event.Name, rawOrNil(event.Data))
			if err != nil {
				return err
			}
			begun[event.Seq] = pending
			continue
		}
		pending := begun[event.Of]
		if pending == nil {
			continue
		}
		var err error
		switch event.Phase {
		case history.OK:
			err = pending.OK(rawOrNil(event.Data))
		case history.Fail:
			err = pending.Fail(errors.New(event.Error), rawOrNil(event.Data))
		default:
			err = pending.Info(errors.New(event.Error), rawOrNil(event.Data))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func rawOrNil(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// judgeRepaired judges what was observed after a repair, and reports it in its folder.
func (r *run) judgeRepaired(dir string) (check.Result, error) {
	stored, err := history.Load(dir)
	if err != nil {
		return check.Result{}, err
	}
	result, err := check.Judge(stored)
	if err != nil {
		return check.Result{}, err
	}
	report := r.report
	report.Folder, report.Plan, report.NoFault, report.Started = dir, nil, false, stored.Header.Started
	report.Seconds, report.Repair, report.Repaired = map[string]float64{"total": 0}, repairOf(stored, result), nil
	report.Verdict, report.Exit = "", 0
	return result, reports.Write(dir, report.With(result), result)
}
