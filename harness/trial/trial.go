package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// SeedVariable names the environment variable with the seed of every run that
// does not ask for one itself: SEATRIAL_SEED=7 sends the records of seed 7.
const SeedVariable = "SEATRIAL_SEED"

// DefaultPipeline is the file that describes the pipeline unless
// harness.Options says otherwise: the one beside the test.
const DefaultPipeline = "seatrial.yaml"

// Pipeline is a pipeline under trial, and the warm stack of services that it is
// tried on. Runs take turns, also those of parallel tests.
type Pipeline struct {
	found harness.Pipeline
	stack stack
	log   *logger
	turn  sync.Mutex // held by the run that is under way
}

// stack is what is used of a harness.Harness.
type stack interface {
	Run(ctx context.Context, scenario harness.Scenario, options harness.RunOptions) (reports.Run, error)
	Addresses() []harness.Address
	Close(ctx context.Context) error
}

// Open starts the services that a pipeline needs and builds its images. It fails
// the test where that is not possible, and says whether the cause is the
// pipeline's description (usage) or the machine (infrastructure). Runs leave
// their folders in options.Out, reports/out below the test's folder if that is
// empty. What happens is logged to the test, unless options.Watch is told.
func Open(t testing.TB, options harness.Options) *Pipeline {
	t.Helper()
	if world.short() {
		t.Skip("starts services in Docker; without -short it runs")
	}
	options.Pipeline = cmp.Or(options.Pipeline, DefaultPipeline)
	options.Out = cmp.Or(options.Out, harness.DefaultOut)
	p, err := shared.take(t, options)
	if err != nil {
		t.Fatalf("the pipeline was not opened: %v", err)
	}
	return p
}

// open starts the services, for as long as nobody calls closed.
func open(t testing.TB, options harness.Options) (p *Pipeline, closed func() error, err error) {
	found, err := harness.FindPipeline(options.Pipeline)
	if err != nil {
		return nil, nil, err
	}
	p = &Pipeline{found: found, log: &logger{}}
	if options.Watch == nil {
		options.Watch = p.log
	}
	ctx, cancel := during(t)
	defer cancel()
	defer p.log.to(t)()
	if p.stack, err = world.open(ctx, options); err != nil {
		return nil, nil, because(ctx, err)
	}
	return p, func() error {
		return errors.Join(p.stack.Close(context.Background()), neverCached(options.Out))
	}, nil
}

// RequireValid tries a scenario and ends the test unless the verdict is valid.
func (p *Pipeline) RequireValid(t testing.TB, scenario harness.Scenario) {
	t.Helper()
	if !p.AssertValid(t, scenario) {
		t.FailNow()
	}
}

// AssertValid tries a scenario, fails the test unless the verdict is valid, and
// says whether it is. What fails it is told with the verdict, the run's reason,
// the first findings, the report's path, and how to send the same records again.
func (p *Pipeline) AssertValid(t testing.TB, scenario harness.Scenario) bool {
	t.Helper()
	run, err := p.run(t, scenario, harness.RunOptions{})
	if err != nil {
		t.Errorf("%s was not tried: %v", scenario.Name, err)
		return false
	}
	if text := failure(run); text != "" {
		t.Errorf("%s\nagain with the same records: %s=%d go test -run '%s'", text, SeedVariable, run.Seed, pattern(t.Name()))
		return false
	}
	return true
}

// Run tries a scenario and returns what was proved, for tests that assert
// something else than that it is valid; an empty options.Pipeline is the one that
// was opened. It ends the test where the run could not be begun. One that broke
// off is returned as infra or, where it was interrupted, unknown.
func (p *Pipeline) Run(t testing.TB, scenario harness.Scenario, options harness.RunOptions) reports.Run {
	t.Helper()
	run, err := p.run(t, scenario, options)
	if err != nil {
		t.Fatalf("%s was not tried: %v", scenario.Name, err)
	}
	return run
}

// Fitting returns the scenarios that the pipeline declares enough for, and logs
// what the others lack. One that fits may still find nothing to break (no binding
// can be deleted of a queue that has none but the default exchange's): its verdict
// is unknown. Fitting ends the test where none is left: it would pass with nothing
// tried.
func (p *Pipeline) Fitting(t testing.TB, scenarios []harness.Scenario) []harness.Scenario {
	t.Helper()
	var fit []harness.Scenario
	for _, scenario := range scenarios {
		if err := p.found.Fits(scenario); err != nil {
			t.Logf("left out: %v", err)
			continue
		}
		fit = append(fit, scenario)
	}
	if len(fit) == 0 {
		t.Fatalf("none of %d scenarios fits pipeline %s", len(scenarios), p.found.Name())
	}
	return fit
}

// Addresses returns where this machine reaches the services, credentials
// included. What a run left in them stands until the next one begins.
func (p *Pipeline) Addresses() []harness.Address { return p.stack.Addresses() }

func (p *Pipeline) run(t testing.TB, scenario harness.Scenario, options harness.RunOptions) (reports.Run, error) {
	options.Pipeline = cmp.Or(options.Pipeline, p.found.Name())
	if text := os.Getenv(SeedVariable); options.Seed == 0 && text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil || seed == 0 {
			return reports.Run{}, fmt.Errorf("%w: %s=%s: give a number from 1", harness.ErrUsage, SeedVariable, text)
		}
		options.Seed = seed
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	ctx, cancel := during(t)
	defer cancel()
	if ctx.Err() != nil {
		return reports.Run{}, context.Cause(ctx)
	}
	defer p.log.to(t)()
	run, err := p.stack.Run(ctx, scenario, options)
	switch {
	case err == nil:
	case run.Verdict == "":
		return run, because(ctx, err)
	case reports.Exit([]reports.Run{run}) == reports.ExitValid: // together with an error nothing is
		run.Verdict, run.Exit, run.Reason = check.Infra, reports.ExitInfra, err.Error()
	case ctx.Err() != nil:
		run.Reason += ": " + context.Cause(ctx).Error()
	}
	return run, nil
}

// because adds to an error why its context ended, if it did.
func because(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
}

// failure says why a run has not passed; empty: it has.
func failure(run reports.Run) string {
	stored, err := reports.ReadStored(run.Folder)
	text := reports.Failure(run, stored.Findings)
	if text != "" && err != nil && run.Folder != "" {
		text += fmt.Sprintf("\nits findings are not shown: %v", err)
	}
	return text
}

// pattern returns what go test -run takes for one test.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
