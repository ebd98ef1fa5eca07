package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/reports"
)

// errStop ends a run early without anything being wrong with the harness.
var errStop = errors.New("the run ended early")

// judge puts everything back, closes the history, judges what was written and
// writes the reports. It does its work also when the run broke off, whatever
// the reason: cause is what the story ended with.
func (r *run) judge(ctx context.Context, h *Harness, cause error) (reports.Run, error) {
	after := context.WithoutCancel(ctx)
	r.hands.close()
	r.putBack(after)
	if crew := r.options.Crew; crew != nil && r.pipeline != nil {
		crew.PutBack(after, deck{r}, errors.Join(r.undoErrs...))
	}
	var logs, stopped error
	end := func() {
		logs = errors.Join(logs, r.saveLogs(after))
		stopped = r.stop(after, h)
	}
	if !r.options.Repair {
		end()
	}
	if r.crossing != nil {
		logs = errors.Join(logs, r.crossing.close(after, r.stack.Control))
	}
	result, judged := r.closeAndCheck(cause)
	if r.stored != nil {
		r.report.Repair = repairOf(r.stored, result)
	}
	if r.options.Repair { // on what still stands
		r.repair(ctx, result, cause)
		end()
	}
	r.report.Seconds["total"] = time.Since(r.begun).Seconds()
	r.report = r.report.With(result)
	err := errors.Join(cause, judged, logs, stopped)
	if err == nil || (errors.Is(err, errStop) && judged == nil && stopped == nil && logs == nil) {
		err = nil
	} else {
		err = r.brokeOff(ctx, err)
	}
	if len(r.undoErrs) > 0 {
		r.report.Undo = reports.Undo{Error: errors.Join(r.undoErrs...).Error()}
		r.report.Exit = reports.Worst(r.report.Exit, reports.ExitUndo)
	}
	if werr := reports.Write(r.dir, r.report, result); werr != nil {
		err = errors.Join(err, fmt.Errorf("%w: write the reports: %w", ErrInfra, werr))
	}
	return r.report, err
}

// brokeOff notes what ended a run that did not come to its end, and returns that.
// What is there for certain stands, whatever failed besides.
func (r *run) brokeOff(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, gameday.ErrAborted) {
		err = cause
	}
	switch {
	case errors.Is(err, gameday.ErrAborted):
		r.report.Exit = reports.ExitAborted
		if r.report.Verdict != check.Invalid {
			r.report.Verdict, r.report.Reason = check.Unknown, "not proved: "+err.Error()
		}
	case ctx.Err() != nil:
		err = fmt.Errorf("interrupted: %w", ctx.Err())
		r.report.Exit = reports.ExitInterrupted
		if r.report.Verdict != check.Invalid {
			r.report.Reason = "not proved: the run was interrupted"
		}
	default:
		switch {
		case errors.Is(err, syscall.ENOSPC):
			err = fmt.Errorf("%w: the disk under %s is full: make room on it, or name another folder for runs (%w)", ErrInfra, r.dir, err)
		case !errors.Is(err, ErrInfra):
			err = fmt.Errorf("%w: %w", ErrInfra, err)
		}
		if r.report.Verdict != check.Invalid {
			r.report.Verdict, r.report.Reason = check.Infra, err.Error()
		}
		r.report.Exit = reports.ExitOf(r.report.Verdict)
	}
	return err
}

// putBack takes back every fault that is still in force.
func (r *run) putBack(ctx context.Context) {
	if r.journal == nil {
		return
	}
	if err := r.journal.takeAll(ctx, r.world.undo); err != nil {
		r.undoFailed(err)
	}
	if err := r.journal.close(); err != nil {
		r.undoFailed(err)
	}
}

// stop removes the pipeline, unless it is to be kept.
func (r *run) stop(ctx context.Context, h *Harness) error {
	if r.sender != nil {
		r.sender.Close()
	}
	if r.pipeline == nil || h.options.Keep {
		return nil
	}
	return r.pipeline.Stop(ctx)
}

// closeAndCheck ends the history and judges it as it was written: from disk.
func (r *run) closeAndCheck(cause error) (check.Result, error) {
	if r.history == nil {
		return check.Result{}, nil
	}
	if cause != nil && !errors.Is(cause, errStop) {
		pending, err := r.history.Invoke(history.Abort, "", nil)
		if err == nil {
			err = pending.Fail(cause, nil)
		}
		if err != nil {
			return check.Result{}, err
		}
	}
	if err := r.history.Close(); err != nil {
		return check.Result{}, err
	}
	stored, err := history.Load(r.dir)
	if err != nil {
		return check.Result{}, err
	}
	r.stored = stored
	return check.Judge(stored)
}

// saveLogs dumps what every container printed during the run.
func (r *run) saveLogs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	containers := append(r.stack.Services(), r.stack.Proxy)
	if r.pipeline != nil {
		containers = append(containers, r.pipeline.Containers()...)
	}
	var group errgroup.Group
	for _, c := range containers {
		group.Go(func() error { return r.saveLog(ctx, c) })
	}
	return group.Wait()
}

// saveLog adds what one container printed since the run began to its log file.
func (r *run) saveLog(ctx context.Context, c *stack.Container) error {
	state, err := c.Inspect(ctx)
	if err != nil || state.ID == "" {
		return err
	}
	return c.SaveLogs(ctx, filepath.Join(r.dir, "logs", c.Part()+".log"), r.begun)
}

// Recheck judges a stored run again, without Docker, and rewrites its reports.
// Errors wrap ErrUsage where the folder holds no run that this version can judge.
func Recheck(dir string) (reports.Run, error) {
	stored, err := history.Load(dir)
	if err != nil {
		return reports.Run{}, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	result, err := check.Judge(stored)
	if err != nil {
		return reports.Run{}, fmt.Errorf("%w: %s: %w", ErrUsage, dir, err)
	}
	report, err := storedReport(dir, stored)
	if err != nil {
		return reports.Run{}, err
	}
	was := report
	report = report.With(result)
	if was.Verdict == check.Infra && report.Verdict != check.Invalid {
		// No judge can know that the machine failed.
		report.Verdict, report.Reason = was.Verdict, was.Reason
	}
	report.Exit = reports.ExitOf(report.Verdict)
	// A harness that died has not failed to undo: the verdict says what is known.
	if !report.Undo.OK && report.Undo.Error != harnessDied {
		report.Exit = reports.Worst(report.Exit, reports.ExitUndo)
	}
	report.Repair = repairOf(stored, result)
	if err := reports.Write(dir, report, result); err != nil {
		return report, fmt.Errorf("%w: write the reports: %w", ErrInfra, err)
	}
	return report, nil
}

// harnessDied is what stands for the undo of a run that never came to write its reports.
const harnessDied = "the harness died before it had put everything back: run `seatrial rollback` with this folder, or `seatrial clean`"

// storedReport returns the run.json of a stored run, or, for a run that never
// came to write one, what its history says.
func storedReport(dir string, stored *history.Run) (reports.Run, error) {
	var report reports.Run
	raw, err := os.ReadFile(filepath.Join(dir, "run.json"))
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &report); err != nil {
			return report, fmt.Errorf("%w: read %s/run.json: %w", ErrUsage, dir, err)
		}
	case errors.Is(err, os.ErrNotExist):
		head := stored.Header
		report = reports.Run{
			Scenario: head.Scenario, Pipeline: head.Pipeline, Seed: head.Seed, Plan: head.Plan, NoFault: head.NoFault, Tag: head.Tag,
			Started: head.Started, Workload: head.Workload, Undo: reports.Undo{OK: len(head.Plan) == 0 || head.NoFault},
		}
		if !report.Undo.OK {
			report.Undo.Error = harnessDied
		}
	default:
		return report, fmt.Errorf("%w: read %s/run.json: %w", ErrInfra, dir, err)
	}
	report.Folder = dir
	return report, nil
}
