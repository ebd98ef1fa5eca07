package harness

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/observe"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/send"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/reports"
)

const (
	controlWithin = time.Minute            // the control records must pass within this
	sendWithin    = 5 * time.Minute        // the whole workload, server out of reach included
	observeWithin = 2 * time.Minute        // the last reads
	liveEvery     = 300 * time.Millisecond // the shortest pause between live reads of a place
	resetWithin   = time.Minute

	usualOperations = 5000                  // that a scenario's deadline is made for
	moreTime        = 10 * time.Millisecond // for each operation beyond
)

// RunOptions of one run.
type RunOptions struct {
	Pipeline string // "reference", "reference:<defect>[,…]" or the path of a seatrial.yaml; empty: reference
	Seed     uint64 // 0: drawn
	Tag      string // of the records' keys, as in an earlier run's report; empty: drawn
	Records  int    // operations to send, about; 0: what the scenario says
	NoFault  bool   // leave the plan out
	RealTime bool   // take the time that the scenario's incident took, however long
	Repair   bool   // where the verdict is invalid, carry the repair plan out and judge again
	Crew     Crew   // of a game day; nil: a run without people
}

// run is one run under way.
type run struct {
	scenario Scenario
	options  RunOptions
	watch    Watcher
	stack    *stack.Stack
	spec     pipeline.Spec
	plan     []Step
	left     []string // what of the scenario the pipeline's records cannot say
	pace     float64  // how many times as fast as written the plan is carried out
	workload *workload.Workload
	report   reports.Run
	dir      string

	stored   *history.Run // as it was judged; nil until then
	history  *history.Writer
	journal  *journal
	pipeline *pipeline.Running
	sender   *send.Sender
	uploads  *uploads
	observer *observe.Observer
	hands    *hands // nil: nobody can break anything beside the plan
	world    world
	begun    time.Time

	mu     sync.Mutex
	latest history.Marks // of the live observers
	update chan struct{} // closed and replaced when latest or healed changes
	due    int           // acknowledged operations that must arrive: what is to be rejected never does
	bit    []time.Time   // by step: proved to bite
	healed []time.Time   // by step: proved healed
	// marksAtBit is how far the run was when a step was proved to bite, by step.
	marksAtBit []history.Marks
	undoErrs   []error

	planEnded  chan struct{}   // closed when the plan is carried out or broke off
	sentAll    chan struct{}   // closed when every file of the trial was sent
	armed      chan *tap.Armed // the breakpoint that the plan begins with, once it is in force
	crossing   *crossing       // what crosses the wire, into the history
	checkpoint int             // file number to replay from; 0: nothing was destroyed yet
}

// Run takes one scenario through the stack and returns what it proved. The
// error is for what kept the run from being judged: it wraps ErrUsage,
// ErrInfra or the context's error; the returned run says the same.
func (h *Harness) Run(ctx context.Context, scenario Scenario, options RunOptions) (reports.Run, error) {
	r, err := h.newRun(scenario, options)
	if err != nil {
		return reports.Run{}, err
	}
	h.options.Watch.Begin(scenario.Name, r.spec.Name, r.options.Seed, r.report.Records)
	err = r.story(ctx, h)
	report, err := r.judge(ctx, h, err)
	h.options.Watch.End(report)
	return report, err
}

// story is one run, from the empty stack to the closed history.
func (r *run) story(ctx context.Context, h *Harness) error {
	type part struct {
		name string
		do   func(context.Context) error
	}
	steps := []part{
		{"prepare", func(ctx context.Context) error { return r.prepare(ctx, h) }},
		{"control", r.control},
		{"trial", r.trial},
		{"sentinel", r.sentinel},
		{"quiet", r.quiet},
		{"observe", r.observe},
	}
	if r.options.Crew != nil {
		steps = slices.Insert(steps, 1, part{"preflight", r.preflight})
	}
	if r.spec.Attached { // others may break something, too
		steps = slices.Insert(steps, len(steps)-3, part{"by hand", r.byHand})
	}
	live, stop := context.WithCancel(ctx)
	defer func() { stop() }()
	for _, step := range steps {
		begun := time.Now()
		r.watch.Phase(step.name)
		if step.name == "control" {
			stop = r.watchLive(live, stop)
		}
		if step.name == "observe" {
			stop()
		}
		err := step.do(ctx)
		r.report.Seconds[step.name] = time.Since(begun).Seconds()
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func (h *Harness) newRun(scenario Scenario, options RunOptions) (*run, error) {
	if options.Pipeline == "" {
		options.Pipeline = Reference
	}
	if options.Seed == 0 {
		options.Seed = rand.Uint64()>>11 + 1 // fits a JSON number
	}
	pace := scenario.pace(options.RealTime)
	found, err := FindPipeline(options.Pipeline)
	if err != nil {
		return nil, err
	}
	if h.options.Attach {
		found = found.Attach()
	}
	spec := found.spec(scenario.Deployment, pace)
	if err := h.carries(spec); err != nil {
		return nil, err
	}
	if err := scenario.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	scenario.Deadline = max(scenario.Deadline, spec.Deadline)
	if options.RealTime {
		scenario.Deadline = scenario.deadline() + 4*spec.LongestInterval
	}
	planned := planned(scenario.Plan, pace)
	plan := scenario.Plan
	if options.NoFault {
		plan = nil
	}
	if err := found.fits(scenario, plan); err != nil {
		return nil, err
	}
	config := scenario.config(options.Seed, options.Records, plan)
	left := asRecorded(spec, &config)
	config.Tag = cmp.Or(options.Tag, config.Tag)
	config.FilesPerSecond *= pace
	if h.options.Attach { // the pipeline goes on from run to run, and what has a lower number came before
		if config.FirstNumber, err = h.stack.NextNumber(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInfra, err)
		}
	}
	files, err := workload.New(config)
	if err != nil {
		return nil, fmt.Errorf("%w: scenario %s: %w", ErrUsage, scenario.Name, err)
	}
	dir, err := h.folder(scenario.Name, config.Tag)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	r := &run{
		left: left, scenario: scenario, options: options, watch: h.options.Watch, stack: h.stack, spec: spec, plan: plan, workload: files, dir: dir,
		uploads: newUploads(files), begun: time.Now(), update: make(chan struct{}), planEnded: make(chan struct{}), sentAll: make(chan struct{}), armed: make(chan *tap.Armed, 1), bit: make([]time.Time, len(plan)), healed: make([]time.Time, len(plan)),
		marksAtBit: make([]history.Marks, len(plan)), pace: pace,
		latest: history.Marks{Taken: -1, Queued: -1, Committed: -1, Visible: -1, Confirmed: -1},
	}
	r.report = reports.Run{
		Scenario: scenario.Name, Pipeline: spec.Name, Seed: options.Seed, RecordsAsked: options.Records, Records: r.trialOperations(), Seconds: map[string]float64{},
		Images: h.images(spec), Plan: planned, NoFault: options.NoFault && len(planned) > 0, Tag: config.Tag,
		Started: r.begun.UTC().Format(time.RFC3339), Folder: dir, Workload: raw, Undo: reports.Undo{OK: true},
	}
	// The deadline is that of a trial of usual size; more work gets more time.
	if more := r.report.Records - usualOperations; more > 0 {
		r.scenario.Deadline = r.scenario.deadline() + time.Duration(more)*moreTime
	}
	return r, nil
}

// prepare empties the stack, starts the pipeline and opens history and journal.
func (r *run) prepare(ctx context.Context, h *Harness) (err error) {
	if err := h.ready(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	h.dirty = true
	expect, err := json.Marshal(expectations(r.spec, r.scenario.deadline(), r.left))
	if err != nil {
		return err
	}
	config := r.workload.Config
	r.history, err = history.Create(r.dir, history.Header{
		Generator: config.Generator, Tag: config.Tag, Seed: config.Seed, Scenario: r.scenario.Name, Pipeline: r.spec.Name,
		Workload: r.report.Workload, Expect: expect, Plan: r.report.Plan, NoFault: r.report.NoFault, Means: means(r.spec),
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	if r.journal, err = openJournal(r.dir); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	if err := r.journal.on(r.stack.ID); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	if r.spec.Attached {
		if r.hands, err = r.openHands(ctx); err != nil {
			return err
		}
	} else if err := r.deploy(ctx, h); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	if err := r.tapWire(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	if r.pipeline, err = pipeline.Start(ctx, r.stack, r.spec); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	h.last = r.pipeline
	r.pipeline.Removing = r.saveLog
	r.world = world{stack: r.stack, pipeline: r.pipeline, uploads: r.uploads, logs: r.saveLog}
	r.observer = r.newObserver(r.history)
	r.sender = send.New(r.stack.Endpoints(), r.spec.Inbox, r.history, filepath.Join(r.dir, "input"))
	r.sender.Told = r.told
	if r.spec.Attached {
		r.hands.listen()
	}
	return nil
}

// deploy makes the services those that the pipeline finds when it starts, and the
// images that it runs in.
func (r *run) deploy(ctx context.Context, h *Harness) error {
	if err := r.stack.DeployBroker(ctx, r.spec.EphemeralBroker); err != nil {
		return err
	}
	if err := h.provide(ctx, &r.spec); err != nil {
		return err
	}
	r.report.Images = h.images(r.spec)
	return pipeline.Prepare(ctx, r.stack, r.spec.Setup)
}

// newObserver returns an observer that writes what it sees to w.
func (r *run) newObserver(w *history.Writer) *observe.Observer {
	o := observe.New(r.spec, r.stack.Endpoints(), r.workload, w, func(ctx context.Context, command ...string) (string, error) {
		return r.stack.RabbitMQ.Exec(ctx, "root", command...)
	})
	o.Staged, o.Brokers = r.pipeline.Staged, r.brokers
	return o
}

// told learns what became of a drop.
func (r *run) told(drop workload.Drop, how history.Phase) {
	file := r.workload.Files[drop.File]
	if how != history.Note {
		r.observer.Acknowledged(file, how)
	}
	if first := r.uploads.dealt(drop, how); first {
		r.mu.Lock()
		for _, op := range file.Ops {
			if op.Accept == workload.Acceptable {
				r.due++
			}
		}
		r.mu.Unlock()
	}
	r.wake()
}

// watchLive starts the live observers; the returned function ends them and
// waits until they are done.
func (r *run) watchLive(ctx context.Context, cancel context.CancelFunc) context.CancelFunc {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.observer.Live(ctx, liveEvery, r.seen)
	}()
	return func() {
		cancel()
		<-done
	}
}

// seen takes the marks of a live read.
func (r *run) seen(marks history.Marks) {
	r.mu.Lock()
	r.latest = marks
	r.mu.Unlock()
	r.wake()
	current := r.marks()
	r.watch.Marks(current)
	// A history that cannot be written is noticed by whoever writes next.
	_ = r.history.Note(history.Progress, "", current)
}

// control sends a few records and waits until they are everywhere: the proof
// that the pipeline works while nothing is broken.
func (r *run) control(ctx context.Context) error {
	pending, err := r.history.Invoke(history.Control, "", nil)
	if err != nil {
		return err
	}
	sending, cancel := context.WithTimeout(ctx, controlWithin)
	defer cancel()
	if _, err := r.sender.Send(sending, r.workload, r.workload.Files[0]); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrInfra, err), pending.Fail(err, nil))
	}
	if r.spec.Attached {
		if err := r.awaitPipeline(ctx); err != nil {
			return errors.Join(err, pending.Info(err, nil))
		}
	}
	if missing, err := r.accounted(ctx, controlWithin); err != nil {
		return errors.Join(err, pending.Info(err, nil))
	} else if missing != "" {
		if r.marks().Taken == 0 {
			missing = path.Join(r.spec.Inbox, r.workload.Files[0].Name) + " still lies on the server; " + missing
		}
		if !r.spec.Attached {
			missing += "; logs/ has what the pipeline printed"
		}
		cause := fmt.Errorf("the control records did not pass within %s: %s", controlWithin, missing)
		return errors.Join(errStop, pending.Fail(cause, nil))
	}
	// Where the trial's events are counted, late ones of the control's must not be
	// taken for them.
	if r.scenario.Settles || len(r.plan) > 0 && r.plan[0].When.at.Kind != "" {
		if waiting, err := r.wait(ctx, controlWithin, r.settled); err != nil {
			return errors.Join(err, pending.Info(err, nil))
		} else if waiting != "" {
			cause := fmt.Errorf("the pipeline was not quiet %s after the control records had passed: %s", controlWithin, waiting)
			return errors.Join(errStop, pending.Fail(cause, nil))
		}
	}
	if r.spec.Attached {
		r.hands.allow()
	}
	return pending.OK(nil)
}

// awaitPipeline waits, for as long as it takes, until a pipeline that people
// start by themselves is seen to work.
func (r *run) awaitPipeline(ctx context.Context) error {
	file := r.workload.Files[0].Name
	for begun := time.Now(); ; {
		changed := r.changed()
		if done, _ := r.observer.Accounted(); done || r.marks().Taken > 0 {
			return nil
		}
		if time.Since(begun) > 2*r.spec.LongestInterval {
			r.watch.Phase(fmt.Sprintf("waiting for the pipeline to take %s/%s: start it with the addresses that lead through the taps", r.spec.Inbox, file))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nobody took %s/%s: %w", r.spec.Inbox, file, ctx.Err())
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// trial sends the workload and carries out the plan meanwhile.
func (r *run) trial(ctx context.Context) error {
	if err := r.mark(ctx, func(c *crossing, last int64) { c.from = last }); err != nil {
		return err
	}
	// A breakpoint counts from before the first file, or from a pause: which
	// event it stops at must not depend on who is faster.
	if !slices.ContainsFunc(r.scenario.Pauses, func(p Pause) bool { return p.Arms }) {
		if err := r.armFirst(ctx); err != nil {
			return err
		}
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(r.sentAll)
		return r.sendInParts(gctx)
	})
	group.Go(func() error {
		defer close(r.planEnded)
		return r.carryOut(gctx, r.plan)
	})
	err := group.Wait()
	select {
	case armed := <-r.armed: // the plan broke off before it took it
		armed.Close()
	default:
	}
	// A plan that was interrupted says so in the history only.
	return cmp.Or(err, ctx.Err())
}

// armFirst puts the breakpoint in force that the plan begins with, if it begins with one.
func (r *run) armFirst(ctx context.Context) error {
	if len(r.plan) == 0 || r.plan[0].When.at.Kind == "" {
		return nil
	}
	armed, err := r.arm(ctx, r.plan[0].When)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	select {
	case r.armed <- armed:
		return nil
	case <-ctx.Done():
		armed.Close()
		return ctx.Err()
	}
}

// sendInParts sends the trial's files, with the pauses that the scenario wants.
// What it waits for in these does not count against the time that sending has.
func (r *run) sendInParts(ctx context.Context) error {
	drops := r.uploads.drops
	begun, sent, left := time.Now(), 0, sendWithin+byHand(r.plan)
	if rate := r.workload.Config.FilesPerSecond; rate > 0 {
		left += time.Duration(float64(len(drops)) / rate * float64(time.Second))
	}
	send := func(to int) error {
		ctx, cancel := context.WithTimeout(ctx, left)
		defer cancel()
		begun, part := time.Now(), drops[sent:to]
		sent = to
		err := r.sender.All(ctx, r.workload, part, r.workload.Config.FilesPerSecond)
		left -= time.Since(begun)
		return err
	}
	for _, pause := range r.scenario.Pauses {
		if len(r.plan) == 0 && !pause.Until.settled { // it waits for the plan
			continue
		}
		if err := send(max(len(drops)*pause.Percent/100, sent)); err != nil {
			return err
		}
		waiting, over := context.WithCancel(ctx)
		go func() {
			select {
			case <-r.planEnded: // nothing will come any more that it waits for
				if !pause.Until.settled {
					over()
				}
			case <-waiting.Done():
			}
		}()
		paused := time.Now()
		never := r.await(waiting, pause.Until, begun)
		over()
		// If it never comes, the plan says so; what was not sent yet is sent then.
		// But what counts from where all had settled means nothing where it had not.
		if pause.Until.settled {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if never != nil {
				return r.unsettled(time.Since(paused))
			}
			if err := r.mark(ctx, func(c *crossing, last int64) { c.settled = append(c.settled, last) }); err != nil {
				return err
			}
		}
		if pause.Arms {
			if err := r.armFirst(ctx); err != nil {
				return err
			}
		}
	}
	return send(len(drops))
}

// unsettled ends a run that cannot go on because the pipeline did not settle:
// nothing is wrong with the harness, and nothing is proved.
func (r *run) unsettled(after time.Duration) error {
	_, missing := r.settled()
	pending, err := r.history.Invoke(history.Abort, "", nil)
	if err != nil {
		return err
	}
	cause := fmt.Errorf("the pipeline did not settle within %s, and the rest of the files was not sent: %s", after.Round(time.Second), missing)
	return errors.Join(errStop, pending.Fail(cause, nil))
}

// sentinel sends the last file, after everything is healed, and waits until
// every acknowledged operation is in its place or the deadline passed.
func (r *run) sentinel(ctx context.Context) error {
	if r.scenario.Settles {
		if err := r.settle(ctx); err != nil {
			return err
		}
	}
	if err := r.mark(ctx, func(c *crossing, last int64) { c.to = last }); err != nil {
		return err
	}
	pending, err := r.history.Invoke(history.Sentinel, "", nil)
	if err != nil {
		return err
	}
	sending, cancel := context.WithTimeout(ctx, r.scenario.deadline())
	defer cancel()
	files := r.workload.Files
	if _, err := r.sender.Send(sending, r.workload, files[len(files)-1]); err != nil {
		return errors.Join(ctx.Err(), pending.Fail(err, nil))
	}
	return r.arrival(ctx, pending)
}

// arrival ends the sentinel: it waits until every acknowledged operation is in
// its place, the deadline passed, or nothing moves any more.
func (r *run) arrival(ctx context.Context, pending *history.Pending) error {
	files := r.workload.Files
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go r.watchStill(waiting, files[len(files)-1], stop)
	begun := time.Now()
	missing, err := r.accounted(waiting, r.scenario.deadline())
	if still := context.Cause(waiting); errors.As(still, new(stillError)) && missing != "" {
		return pending.Fail(fmt.Errorf("after %s, %w: %s", time.Since(begun).Round(time.Second), still, missing), nil)
	}
	if err != nil {
		return errors.Join(err, pending.Info(err, nil))
	}
	if missing != "" {
		return pending.Fail(fmt.Errorf("after %s: %s", r.scenario.deadline(), missing), nil)
	}
	return pending.OK(nil)
}

// settle waits until everything that was sent is in its place and quiet, or
// nothing moves any more, but for no longer than the scenario's deadline.
func (r *run) settle(ctx context.Context) error {
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	files := r.workload.Files
	go r.watchStill(waiting, files[len(files)-2], stop)
	// Either way the sentinel is next: what is missing is told after it.
	_, _ = r.wait(waiting, r.scenario.deadline(), r.settled)
	return ctx.Err()
}

// settled says whether everything that was sent is in its place, and nothing has
// changed for the pipeline's longest interval.
func (r *run) settled() (done bool, waiting string) {
	if done, missing := r.observer.Accounted(); !done {
		return false, missing
	}
	return r.observer.Quiet(r.spec.LongestInterval)
}

// stillError says for how long nothing at all has moved: waiting for the rest of
// the deadline would show nothing else.
type stillError time.Duration

func (s stillError) Error() string {
	return fmt.Sprintf("nothing at all has moved for %s", time.Duration(s))
}

// watchStill stops the wait for a deadline once the whole system stands still:
// for the pipeline's patience where the last file has come through and queues
// and inbox are empty, for twice that where something is left waiting.
func (r *run) watchStill(ctx context.Context, last workload.File, stop context.CancelCauseFunc) {
	if r.spec.Patience == 0 {
		return
	}
	// How long it stood still before, while something was broken, does not count.
	begun := time.Now()
	for {
		calm := 2 * r.spec.Patience
		if r.observer.Arrived(last) && r.marks().Queued <= 0 {
			calm = r.spec.Patience
		}
		if quiet, _ := r.observer.Quiet(calm); quiet && time.Since(begun) >= calm {
			stop(stillError(calm))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// quiet waits until nothing has changed for twice the pipeline's longest
// interval: what is doubled late shows up in that time.
func (r *run) quiet(ctx context.Context) error {
	pending, err := r.history.Invoke(history.Quiet, "", nil)
	if err != nil {
		return err
	}
	begun, calm := time.Now(), 2*r.spec.LongestInterval
	done, _ := r.observer.Accounted()
	act := func() history.QuietAct {
		return history.QuietAct{AccountedFor: done, Seconds: max(0, r.observer.Changed().Sub(begun).Seconds())}
	}
	over := time.NewTimer(r.scenario.deadline() + calm)
	defer over.Stop()
	for {
		changed := r.changed()
		quiet, waiting := r.observer.Quiet(calm)
		if quiet {
			return pending.OK(act())
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), pending.Info(ctx.Err(), act()))
		case <-over.C:
			return pending.Fail(fmt.Errorf("not quiet %s after the deadline: %s", r.scenario.deadline(), waiting), act())
		case <-changed:
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// observe takes the last, complete reads of every place.
func (r *run) observe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, observeWithin)
	defer cancel()
	return r.observer.Final(ctx)
}

// accounted waits until every acknowledged operation is in its place. Missing
// says what was not when the time was over.
func (r *run) accounted(ctx context.Context, within time.Duration) (missing string, err error) {
	return r.wait(ctx, within, r.observer.Accounted)
}

// wait waits until what it looks at is done. Missing says what was not when the
// time was over.
func (r *run) wait(ctx context.Context, within time.Duration, look func() (done bool, missing string)) (missing string, err error) {
	over := time.NewTimer(within)
	defer over.Stop()
	for {
		changed := r.changed()
		done, missing := look()
		if done {
			return "", nil
		}
		select {
		case <-ctx.Done():
			return missing, ctx.Err()
		case <-over.C:
			return missing, nil
		case <-changed:
		case <-time.After(50 * time.Millisecond): // what is missing may be none of the marks
		}
	}
}
