package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/reports"
)

// closeWithin is how long cleaning up after the last run may take.
const closeWithin = 2 * time.Minute

type runFlags struct {
	pipeline string
	stack    string // of seatrial up; empty: one of its own
	seed     uint64
	tag      string
	records  int
	out      string
	junit    string
	keep     bool
	noFault  bool
	realTime bool
	repair   bool
	repeat   int
	shard    string
	json     bool
}

const longRun = `Run scenarios (all of them if none is named) on real services and judge them.

Each run leaves a folder below --out with everything that was done and seen; what
the files in it mean is explained in reports/README.md. The runs of one call share a
warm stack. --pipeline tries a pipeline of your own, described in a seatrial.yaml: "seatrial
init" writes one, "seatrial validate" checks it. Scenarios that need what it does not
declare are left out, and refused where they are named. With --seed and the same records the same workload is sent again, with --tag
under the same keys; without them both are random and printed.

A pipeline that runs on this machine (attached: true, or whatever --stack was started for)
is waited for until it takes the first file. --stack names what "seatrial up" started;
without it the addresses of a stack of its own are printed.`

func (a *app) runCommand() *cobra.Command {
	var flags runFlags
	command := &cobra.Command{
		Use:   "run [SCENARIO...]",
		Short: "Run scenarios and judge them",
		Long:  longRun,
		Example: `  seatrial run calm
  seatrial run loader-killed --pipeline reference:ack-before-commit --seed 7
  seatrial run loader-killed --pipeline reference:ack-before-commit --repair
  seatrial run --pipeline path/to/seatrial.yaml calm broker-killed
  seatrial run --no-fault --json
  seatrial run --repeat 5 --shard 2/4       every fourth run, as one of four CI jobs`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("seed") {
				flags.seed = randomSeed()
			}
			if err := a.takeStack(cmd, &flags); err != nil {
				return err
			}
			trials, err := a.planRuns(args, flags)
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				a.live.Say(fmt.Sprintf("seed %d (random; --seed %d sends the same records again)", flags.seed, flags.seed))
			}
			return a.run(cmd.Context(), trials, flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.pipeline, "pipeline", harness.Reference, pipelineFlagText)
	set.StringVar(&flags.stack, "stack", "", "run on the stack with this id, which seatrial up started (default: a stack of its own)")
	set.Uint64Var(&flags.seed, "seed", 0, "seed of the workload (default: random, printed)")
	set.StringVar(&flags.tag, "tag", "", "tag in the records' keys, as in an earlier run's report: with its seed, the same keys (default: random)")
	set.IntVar(&flags.records, "records", 0, "about how many records are sent (default: as the scenario says)")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which each run leaves its own")
	set.StringVar(&flags.junit, "junit", "", "file for all runs of this call as one JUnit suite (default: junit.xml in --out)")
	set.BoolVar(&flags.keep, "keep", false, "leave containers, networks and volumes as they are at the end")
	set.BoolVar(&flags.noFault, "no-fault", false, "leave the plan out: nothing is broken")
	set.BoolVar(&flags.realTime, "real-time", false, "give scenarios that are true to an incident's times these times, instead of hastening them")
	set.BoolVar(&flags.repair, "repair", false, "where a run is invalid, carry its repair plan out and judge what is there then (the run stays invalid)")
	set.IntVar(&flags.repeat, "repeat", 1, "run each scenario this often, each time with the next seed")
	set.StringVar(&flags.shard, "shard", "", "run only the ith of n equal parts, as i/n")
	set.BoolVar(&flags.json, "json", false, jsonFlagText+": an array, one object per run")
	return command
}

// trial is one run that is to be made.
type trial struct {
	scenario harness.Scenario
	options  harness.RunOptions
}

// maxSeed is the highest seed that every reader of JSON holds exactly.
const maxSeed = 1 << 53

// planRuns checks everything that can be checked before anything starts and
// returns the runs to make, in order.
func (a *app) planRuns(names []string, flags runFlags) ([]trial, error) {
	chosen, err := a.chooseScenarios(names)
	if err != nil {
		return nil, err
	}
	pipeline, err := findPipeline(flags.pipeline)
	if err != nil {
		return nil, err
	}
	if flags.stack != "" {
		pipeline = pipeline.Attach()
	}
	part, err := parseShard(flags.shard)
	if err != nil {
		return nil, err
	}
	switch {
	case flags.repeat < 1:
		return nil, usage("--repeat %d: give at least 1", flags.repeat)
	case flags.records < 0:
		return nil, usage("--records %d: give at least 1, or leave it out for what the scenario says", flags.records)
	}
	if err := checkSeeds(flags.seed, flags.repeat); err != nil {
		return nil, err
	}
	if flags.tag != "" {
		if err := workload.CheckTag(flags.tag); err != nil {
			return nil, usage("--tag: %w", err)
		}
	}
	if len(names) == 0 {
		chosen = a.fitting(pipeline, chosen)
	}
	for _, scenario := range chosen {
		if err := pipeline.Fits(scenario); err != nil {
			return nil, usageOf(err)
		}
	}
	if len(chosen) == 0 {
		return nil, usage("no scenario fits pipeline %s", pipeline.Name())
	}
	if err := os.MkdirAll(flags.out, 0o700); err != nil {
		return nil, usage("--out %s: %w", flags.out, err)
	}
	var trials []trial
	index := 0
	for turn := range flags.repeat {
		for _, scenario := range chosen {
			if part.holds(index) {
				options := harness.RunOptions{Pipeline: flags.pipeline, Seed: flags.seed + uint64(turn), Tag: flags.tag, Records: flags.records, NoFault: flags.noFault, RealTime: flags.realTime, Repair: flags.repair}
				trials = append(trials, trial{scenario, options})
			}
			index++
		}
	}
	if len(trials) == 0 {
		a.live.Say(fmt.Sprintf("shard %s holds none of %s: nothing to do", flags.shard, quantity(index, "run")))
	}
	return trials, nil
}

// checkSeeds refuses a seed, or one of the n from it on, that is out of range.
func checkSeeds(seed uint64, n int) error {
	if seed < 1 || seed > maxSeed || seed+uint64(n-1) > maxSeed {
		return usage("--seed %d: give one from 1 to %d, or leave it out for a random one", seed, uint64(maxSeed))
	}
	return nil
}

// chooseScenarios returns the scenarios with these names, in this order; all
// of them for no names.
func (a *app) chooseScenarios(names []string) ([]harness.Scenario, error) {
	all := a.world.scenarios()
	known := map[string]harness.Scenario{}
	var order []string
	for _, scenario := range all {
		known[scenario.Name] = scenario
		order = append(order, scenario.Name)
	}
	var chosen []harness.Scenario
	for _, name := range names {
		scenario, ok := known[name]
		if !ok {
			return nil, unknown("scenario", name, order, `"seatrial list" shows all`)
		}
		chosen = append(chosen, scenario)
	}
	if len(names) == 0 {
		chosen = all
	}
	for _, scenario := range chosen {
		if err := scenario.Validate(); err != nil {
			return nil, usage("%w", err)
		}
	}
	return chosen, nil
}

// findPipeline refuses a pipeline that does not exist or is not described well,
// and scenarios that do not fit it.
func findPipeline(name string, scenarios ...harness.Scenario) (harness.Pipeline, error) {
	if strings.HasSuffix(name, ":") || strings.HasSuffix(name, ",") || strings.Contains(name, ",,") {
		return harness.Pipeline{}, usage("--pipeline %q: the name of a defect is missing", name)
	}
	found, err := harness.FindPipeline(name)
	for _, scenario := range scenarios {
		if err == nil {
			err = found.Fits(scenario)
		}
	}
	return found, usageOf(err)
}

// usageOf makes an exit code of an error that wraps harness.ErrUsage.
func usageOf(err error) error {
	if err == nil {
		return nil
	}
	return usage("%s", strings.TrimPrefix(err.Error(), harness.ErrUsage.Error()+": "))
}

// fitting returns the scenarios that fit a pipeline, and says why others do not.
func (a *app) fitting(pipeline harness.Pipeline, all []harness.Scenario) []harness.Scenario {
	var fit []harness.Scenario
	for _, scenario := range all {
		if err := pipeline.Fits(scenario); err != nil {
			a.live.Say("left out: " + usageOf(err).Error())
			continue
		}
		fit = append(fit, scenario)
	}
	return fit
}

func (a *app) run(ctx context.Context, trials []trial, flags runFlags) error {
	if len(trials) == 0 {
		return a.printRuns(nil, flags.json)
	}
	runs, closeErr := a.runAll(ctx, trials, harness.Options{Out: flags.out, Keep: flags.keep, Pipeline: flags.pipeline, Stack: flags.stack, Watch: a.live})
	exit := reports.Exit(runs)
	if interrupted(ctx) {
		exit = reports.Worst(exit, reports.ExitInterrupted)
	}
	if closeErr != nil {
		exit = reports.Worst(exit, reports.ExitInfra)
		a.sayLeft(closeErr)
	}
	junit := flags.junit
	if junit == "" {
		junit = filepath.Join(flags.out, reports.JUnitFile)
	}
	if err := reports.JUnit(junit, runs); err != nil {
		exit = reports.Worst(exit, reports.ExitInfra)
		a.live.Say(err.Error())
	}
	if err := a.printRuns(runs, flags.json); err != nil {
		return err
	}
	return exitWith(a.showInActions(runs, exit))
}

// sayLeft tells that taking stacks down failed.
func (a *app) sayLeft(err error) {
	a.live.Say(fmt.Sprintf("cleaning up failed, \"seatrial clean\" removes what is left: %v", err))
}

// runAll makes the runs one after the other. Each has a result: what could
// not be begun is reported as well, as nothing may look as if it had passed
// or never been asked for.
func (a *app) runAll(ctx context.Context, trials []trial, options harness.Options) (runs []reports.Run, closeErr error) {
	if options.Stack == "" {
		a.live.Phase("starting services")
	}
	warm, err := a.world.open(ctx, options)
	if err != nil {
		for _, t := range trials {
			runs = append(runs, a.notRun(ctx, t, err))
		}
		return runs, nil
	}
	if attached, ok := warm.(interface{ Environment() map[string]string }); ok && options.Stack == "" {
		for _, line := range environmentLines(attached.Environment()) {
			a.live.Say(line)
		}
	}
	for _, t := range trials {
		if interrupted(ctx) {
			runs = append(runs, a.notRun(ctx, t, nil))
			continue
		}
		run, err := warm.Run(ctx, t.scenario, t.options)
		runs = append(runs, a.settled(ctx, t, run, err))
	}
	a.live.Phase("cleaning up")
	// Also after an interrupt: what was started is taken down.
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	return runs, warm.Close(cleaning)
}

// settled returns the result of a run that came back with err. Together with
// an error nothing is valid.
func (a *app) settled(ctx context.Context, t trial, run reports.Run, err error) reports.Run {
	decided := run.Verdict != "" && (err == nil || reports.Exit([]reports.Run{run}) != reports.ExitValid)
	if decided {
		if err != nil && !interrupted(ctx) && !strings.Contains(run.Reason, err.Error()) {
			a.live.Say(fmt.Sprintf("%s: %v", t.scenario.Name, err))
		}
		return run
	}
	failed := a.notRun(ctx, t, err)
	failed.Folder = run.Folder
	if run.Undo.Error != "" {
		failed.Undo = run.Undo
	}
	return failed
}

// notRun is the result of a run that never came to a verdict.
func (a *app) notRun(ctx context.Context, t trial, cause error) reports.Run {
	run := reports.Run{
		Scenario: t.scenario.Name, Pipeline: t.options.Pipeline, Seed: t.options.Seed, Records: t.options.Records,
		NoFault: t.options.NoFault, Undo: reports.Undo{OK: true},
	}
	switch {
	case interrupted(ctx):
		run.Verdict, run.Exit, run.Reason = check.Unknown, reports.ExitInterrupted, "Interrupted before it began."
		if cause != nil {
			run.Reason = fmt.Sprintf("Interrupted: %v", cause)
		}
	case cause == nil:
		run.Verdict, run.Exit, run.Reason = check.Infra, reports.ExitInfra, "The run ended without a verdict."
	default:
		run.Verdict, run.Exit, run.Reason = check.Infra, reports.ExitInfra, cause.Error()
	}
	a.live.End(run)
	return run
}

const pipelineFlagText = "what is tried: reference, reference:<defect>[,…] with planted defects, or the path of a seatrial.yaml"
