package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// InjectOptions of one fault that is injected by hand.
type InjectOptions struct {
	Stack string // id of a stack that was opened with Attach
	Fault fault.Fault
	For   time.Duration // how long it stays broken; 0: until the context ends
	Out   string        // folder in which its own is made; empty: DefaultOut
	Watch Watcher       // may be nil
}

// Injected is the receipt of a fault that was injected by hand.
type Injected struct {
	Name     string       `json:"name"`
	Target   string       `json:"target"`
	Detail   string       `json:"detail,omitempty"`
	Stack    string       `json:"stack"`
	Folder   string       `json:"folder"`        // with undo.jsonl, for Rollback
	Run      string       `json:"run,omitempty"` // folder of the run that it is part of; empty: none was under way
	Bit      bool         `json:"bit"`
	Evidence string       `json:"evidence,omitempty"`
	Seconds  float64      `json:"seconds"` // from the proof that it bit until it was taken back
	Healed   bool         `json:"healed"`
	HealedBy string       `json:"healed_evidence,omitempty"`
	InFlight int          `json:"in_flight"` // operations of the run that it met; -1: not counted
	Undo     reports.Undo `json:"undo"`
	Error    string       `json:"error,omitempty"` // what could not be done, or proved
	Exit     int          `json:"exit"`
}

// Inject breaks something on a stack that stands, and takes it back: after a
// time, or once the context ends. How it is taken back is on disk before, so
// that Rollback can do it where this process is killed. A run that is under way
// on the stack has the fault in its history; a fault that is injected without one
// keeps any from beginning before it is healed.
//
// Errors wrap ErrUsage or ErrInfra, and mean that nothing was broken; all else
// stands in the receipt.
func Inject(ctx context.Context, options InjectOptions) (receipt Injected, err error) {
	if options.Watch == nil {
		options.Watch = nobody{}
	}
	w, of, err := attach(ctx, options.Stack)
	if err != nil {
		return Injected{}, err
	}
	defer func() { err = errors.Join(err, w.stack.Detach()) }()
	f := options.Fault
	if err := of.canBreak(f); err != nil {
		return Injected{}, err
	}
	told, release, err := reachRun(ctx, w.stack)
	if err != nil {
		return Injected{}, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	defer release()
	preparing, cancel := context.WithTimeout(ctx, injectWithin)
	defer cancel()
	injection, err := f.Prepare(preparing, w)
	if err != nil {
		return Injected{}, fmt.Errorf("%w: %s on %s: %w", ErrInfra, f.Name, f.Target, err)
	}
	h := &Harness{options: Options{Out: cmp.Or(options.Out, DefaultOut)}}
	dir, err := h.folder("inject", strings.ReplaceAll(f.Name+"-"+f.Target, "/", "-"))
	if err != nil {
		return Injected{}, err
	}
	journal, err := openJournal(dir)
	if err == nil {
		err = journal.on(w.stack.ID)
	}
	if err != nil {
		return Injected{}, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	i := &injecting{
		options: options, world: w, journal: journal, injection: injection, told: told,
		act:     history.FaultAct{Name: f.Name, Target: f.Target, Destroys: f.Destroys != "", InFlight: -1},
		receipt: Injected{Name: f.Name, Target: f.Target, Detail: f.Detail, Stack: w.stack.ID, Folder: dir, InFlight: -1, Undo: reports.Undo{OK: true}},
	}
	err = i.live(ctx)
	i.receipt.Run, i.receipt.InFlight = told.run, told.inFlight
	if err := errors.Join(err, i.keep(), journal.close()); err != nil {
		return i.receipt, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	return i.receipt, nil
}

// receiptFile is what the receipt is called in the folder of a fault that was
// injected by hand.
const receiptFile = "injected.json"

func (i *injecting) keep() error {
	raw, err := json.MarshalIndent(i.receipt, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(i.receipt.Folder, receiptFile), append(raw, '\n'), 0o600)
}

// canBreak says why a fault cannot be injected by hand; nil: it can. Errors wrap ErrUsage.
func (p Pipeline) canBreak(f fault.Fault) error {
	if isRole(f.Target) || f.Consumer != "" || f.Data != nil || f.Holds {
		why := lacks(p.spec(Deployment{}, 1), Step{Fault: f})
		if why == "" {
			why = fmt.Sprintf("it is %s, which comes with the files that are sent", f.Name)
		}
		return fmt.Errorf("%w: it cannot be injected by hand: %s", ErrUsage, why)
	}
	return nil
}

// injecting is a fault under way that is injected by hand.
type injecting struct {
	options   InjectOptions
	world     world
	journal   *journal
	injection fault.Injection
	told      *teller
	act       history.FaultAct
	receipt   Injected
	ids       []int // of its steps in the journal
}

// live takes the fault through its life. An error means that nothing was broken.
func (i *injecting) live(ctx context.Context) error {
	if err := i.say(history.Inject, history.Invoke, nil); err != nil {
		return err
	}
	var err error
	if i.ids, err = i.journal.add(i.injection.Undo); err != nil {
		return errors.Join(err, i.say(history.Inject, history.Fail, err))
	}
	after := context.WithoutCancel(ctx)
	i.watch("injecting", i.options.Fault.Detail)
	if _, ok := i.moment(after, history.Inject, injectWithin, func(ctx context.Context) (string, error) { return "", i.injection.Inject(ctx) }); ok {
		var bit bool
		if i.receipt.Evidence, bit = i.moment(ctx, history.Bite, biteWithin, i.injection.Bites); bit {
			i.receipt.Bit = true
			i.watch("biting", i.receipt.Evidence)
			i.stay(ctx)
		}
	}
	i.moment(after, history.Recover, time.Duration(len(i.ids)+1)*undoWithin, func(ctx context.Context) (string, error) {
		err := i.journal.take(ctx, i.ids, i.world.undo)
		if err != nil {
			i.receipt.Undo = reports.Undo{Error: err.Error()}
		}
		return "", err
	})
	if i.receipt.HealedBy, i.receipt.Healed = i.moment(after, history.Heal, healWithin, i.injection.Healed); i.receipt.Healed {
		i.watch("healed", i.receipt.HealedBy)
	}
	switch {
	case !i.receipt.Undo.OK:
		i.receipt.Exit = reports.ExitUndo
	case !i.receipt.Bit || !i.receipt.Healed || i.receipt.Error != "":
		i.receipt.Exit = reports.ExitUnknown
	}
	return nil
}

// stay leaves things broken for as long as was asked for.
func (i *injecting) stay(ctx context.Context) {
	begun := time.Now()
	var over <-chan time.Time
	until := "until Ctrl-C"
	if i.options.For > 0 {
		until = "for " + i.options.For.String() + ", or " + until
		timer := time.NewTimer(i.options.For)
		defer timer.Stop()
		over = timer.C
	}
	i.options.Watch.Phase("it stays broken " + until)
	select {
	case <-ctx.Done():
	case <-over:
	}
	i.receipt.Seconds = time.Since(begun).Seconds()
}

// moment proves one moment of the fault's life, and tells of it.
func (i *injecting) moment(ctx context.Context, what history.Act, within time.Duration, prove func(context.Context) (string, error)) (evidence string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var untold error
	if what != history.Inject { // that was told before anything was written down
		untold = i.say(what, history.Invoke, nil)
	}
	evidence, err := prove(ctx)
	if err != nil {
		i.wrong(fmt.Errorf("%s: %w", what, err))
		i.watch("not "+map[history.Act]string{history.Inject: "injected", history.Bite: "biting", history.Recover: "recovered", history.Heal: "healed"}[what], err.Error())
		untold = errors.Join(untold, i.say(what, history.Fail, err))
	} else {
		i.act.Evidence = evidence
		untold = errors.Join(untold, i.say(what, history.OK, nil))
	}
	if untold != nil {
		i.wrong(untold)
	}
	return evidence, err == nil
}

func (i *injecting) say(what history.Act, phase history.Phase, cause error) error {
	line := said{Act: what, Phase: phase, Fault: i.act, Lasting: i.options.Fault.Lasting}
	if cause != nil {
		line.Error = cause.Error()
	}
	return i.told.tell(line)
}

// wrong adds to what could not be done, or proved.
func (i *injecting) wrong(err error) {
	if i.receipt.Error != "" {
		i.receipt.Error += "; "
	}
	i.receipt.Error += err.Error()
}

func (i *injecting) watch(state, evidence string) {
	i.options.Watch.Fault(i.act.Name, i.act.Target, state, evidence)
}
