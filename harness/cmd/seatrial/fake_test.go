package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/cost"
	"github.com/seatrial/seatrial/harness/internal/doctor"
	"github.com/seatrial/seatrial/harness/internal/tap/bench"
	"github.com/seatrial/seatrial/harness/internal/verify"
	"github.com/seatrial/seatrial/reports"
)

// fake is a world without Docker. What it is told to answer stands in its
// fields, what it was asked for is kept.
type fake struct {
	verdicts map[string]reports.Run // by scenario; valid where there is none
	errs     map[string]error       // by scenario: what Run returns besides
	byRun    func(scenario string, options harness.RunOptions) (reports.Run, bool)
	openErr  error
	closeErr error
	// running is called while a scenario runs: the place to interrupt it.
	running func(scenario string)
	env     map[string]string

	stacks    []harness.Found
	removeErr map[string]error

	// day is a run with people in it, from the preflight on.
	day       func(ctx context.Context, run *fakeDay) reports.Run
	planned   []harness.Step // for it
	rehearsed []bool

	rolledBack  harness.RolledBack
	rollBackErr error

	verified  func(ctx context.Context, request verify.Request) (verify.Result, error)
	injected  []harness.InjectOptions
	receipt   harness.Injected
	injectErr error
	sent      []string
	sendErr   error

	report doctor.Report
	images []storedImage

	mu      sync.Mutex
	asked   []string // "calm seed 7"
	options []harness.RunOptions
	opened  []harness.Options
	removed []string
	closed  int
}

func fakeScenarios() []harness.Scenario {
	return []harness.Scenario{
		{Name: "calm", Hypothesis: "All is well while nothing is broken."},
		{Name: "loader-killed", Incident: harness.Incident{Number: 1, Title: "the wiped inbox", Happened: "A folder was wiped."}, Hypothesis: "A killed loader | loses nothing.", Catches: []string{"ack-before-commit"},
			Plan: []harness.Step{{When: harness.Committed(20), Fault: fault.Kill(fault.Loader), Recover: harness.After(time.Second)}}},
		{Name: "broker-killed", Hypothesis: "A killed broker loses nothing.", Catches: []string{"insert-not-upsert"},
			Plan: []harness.Step{{When: harness.Taken(40), Fault: fault.Kill(fault.RabbitMQ), Recover: harness.After(time.Second)}}},
		{Name: "index-oom", Hypothesis: "An index that is out of memory loses nothing."},
		{Name: "database-killed", Hypothesis: "A killed database loses nothing."},
	}
}

func (f *fake) world() world {
	return world{
		scenarios: fakeScenarios,
		getenv:    func(name string) string { return f.env[name] }, // not that of whoever tests
		open: func(ctx context.Context, options harness.Options) (session, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.opened = append(f.opened, options)
			if f.openErr != nil {
				return nil, f.openErr
			}
			return f, nil
		},
		recheck: func(dir string) (reports.Run, error) {
			name := filepath.Base(dir)
			return f.run(name), f.errs[name]
		},
		find: func(context.Context) ([]harness.Found, error) { return f.stacks, f.openErr },
		remove: func(_ context.Context, id string) error {
			if err := f.removeErr[id]; err != nil {
				return err
			}
			f.removed = append(f.removed, id)
			return nil
		},
		rollBack: func(_ context.Context, dir string, progress func(string)) (harness.RolledBack, error) {
			progress("undo start loader")
			f.rolledBack.Folder = dir
			return f.rolledBack, f.rollBackErr
		},
		verify: f.verified,
		up: func(_ context.Context, options harness.Options) (services, error) {
			if f.openErr != nil {
				return services{}, f.openErr
			}
			f.opened = append(f.opened, options)
			return services{ID: "abc", down: f.Close, Services: []harness.Address{
				{Service: "postgres", URL: "postgres://seatrial:secret@127.0.0.1:4711/imports?sslmode=disable", Tapped: "postgres://seatrial:secret@127.0.0.1:4721/imports?sslmode=disable"},
				{Service: "elasticsearch", URL: "http://127.0.0.1:4712", Tapped: "http://127.0.0.1:4722"},
			}, Environment: map[string]string{"POSTGRES_PORT": "4721", "SFTP_HOST_KEY": "ssh-ed25519 AAAA"}}, nil
		},
		inject: func(ctx context.Context, options harness.InjectOptions) (harness.Injected, error) {
			f.injected = append(f.injected, options)
			if f.running != nil {
				f.running("inject")
				<-ctx.Done()
			}
			return f.receipt, f.injectErr
		},
		sendFiles: func(_ context.Context, stack, _ string, paths []string) (harness.SentFiles, error) {
			f.sent = append(f.sent, paths...)
			sent := harness.SentFiles{Stack: stack, Folder: "out/sent", Files: []harness.SentFile{}}
			for _, path := range paths {
				file := harness.SentFile{Name: filepath.Base(path), Bytes: 7, Acknowledged: f.sendErr == nil}
				if f.sendErr != nil {
					file.Error = f.sendErr.Error()
				}
				sent.Files = append(sent.Files, file)
			}
			return sent, nil
		},
		examine: func(context.Context) doctor.Report { return f.report },
		benchStack: func(_ context.Context, rounds int, progress func(string)) (cost.Stack, error) {
			progress("stack: 2.00 s")
			return cost.Stack{Ratio: 1.25, Rounds: rounds, Stack: 2.5, Slowest: "rabbitmq", Alone: map[string]float64{"rabbitmq": 2}}, f.openErr
		},
		benchTap: func(ctx context.Context, rounds int, progress func(string)) (cost.Tap, error) {
			progress("inserts, round 1 of 15")
			if f.running != nil {
				f.running("bench tap")
				<-ctx.Done()
				return cost.Tap{}, ctx.Err()
			}
			figures := func(ratio float64) bench.Comparison {
				return bench.Comparison{
					bench.Direct:       {Ratio: 1.5, Lower: 1.4, Upper: 1.6, PerSecond: 3000},
					bench.Toxiproxy:    {Ratio: 1, Lower: 1, Upper: 1, PerSecond: 2000},
					bench.TapToxiproxy: {Ratio: ratio, Lower: ratio - 0.02, Upper: ratio + 0.02, PerSecond: 2000 * ratio},
					bench.Tap:          {Ratio: 1.25, Lower: 1.2, Upper: 1.3, PerSecond: 2500},
				}
			}
			return cost.Tap{Rounds: rounds, Inserts: figures(0.9), Publishes: figures(1.01)}, f.openErr
		},
		listImages: func(context.Context) ([]storedImage, error) { return f.images, f.openErr },
		ensureImages: func(_ context.Context, kinds []string, progress func(string)) ([]reports.Image, error) {
			progress("building " + strings.Join(kinds, " "))
			return []reports.Image{{Kind: "sftp", Ref: "seatrial/sftp:1", Origin: "built", Version: "OpenSSH 9"}}, f.openErr
		},
		removeImages: func(_ context.Context, refs ...string) ([]string, error) {
			f.removed = append(f.removed, refs...)
			return refs, nil
		},
		imageKinds: []string{"elasticsearch", "postgres", "rabbitmq", "sftp"},
	}
}

func (f *fake) run(name string) reports.Run {
	run, ok := f.verdicts[name]
	if !ok {
		run = reports.Run{Verdict: check.Valid, Reason: "Every operation is where it belongs."}
		run.Undo.OK = true
	}
	run.Scenario = name
	return run
}

func (f *fake) Run(ctx context.Context, scenario harness.Scenario, options harness.RunOptions) (reports.Run, error) {
	f.mu.Lock()
	f.asked = append(f.asked, scenario.Name)
	f.options = append(f.options, options)
	f.mu.Unlock()
	if f.running != nil {
		f.running(scenario.Name)
	}
	if options.Crew != nil {
		return f.gameday(ctx, scenario, options)
	}
	run := f.run(scenario.Name)
	if f.byRun != nil {
		if other, ok := f.byRun(scenario.Name, options); ok {
			run = other
			run.Scenario = scenario.Name
		}
	}
	run.NoFault = options.NoFault && len(scenario.Plan) > 0
	run.Pipeline, run.Seed, run.Records = options.Pipeline, options.Seed, options.Records
	err := f.errs[scenario.Name]
	if ctx.Err() != nil {
		run.Verdict, run.Exit, run.Reason, err = check.Unknown, reports.ExitInterrupted, "not proved: the run was interrupted", ctx.Err()
	}
	return run, err
}

func (f *fake) Close(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return errors.Join(f.closeErr, ctx.Err())
}

// outcome is what one call of the command left.
type outcome struct {
	code           int
	stdout, stderr string
}

// call runs the command line in-process. Runs go to a folder of the test.
func call(t *testing.T, f *fake, args ...string) outcome {
	t.Helper()
	return callWith(t, f, make(chan os.Signal), args...)
}

func callWith(t *testing.T, f *fake, signals <-chan os.Signal, args ...string) outcome {
	t.Helper()
	if len(args) > 0 && (args[0] == "run" || args[0] == "matrix") && !strings.Contains(strings.Join(args, " "), "--out") {
		args = append(args, "--out", filepath.Join(t.TempDir(), "out"))
	}
	var stdout bytes.Buffer
	stderr := &lockedBuffer{}
	code := newApp(f.world(), &stdout, stderr).execute(t.Context(), signals, args)
	return outcome{code, stdout.String(), stderr.String()}
}

// lockedBuffer is standard error: signals write to it as well.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// storedRun makes a folder that looks like a run's.
func storedRun(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, history.FileName), nil, 0o600))
	return dir
}

func failedRun(verdict check.Verdict, reason string) reports.Run {
	return reports.Run{Verdict: verdict, Reason: reason, Exit: reports.ExitOf(verdict), Undo: reports.Undo{OK: true}}
}
