package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/sweep"
	"github.com/seatrial/seatrial/reports"
)

type sweepFlags struct {
	pipeline   string
	seed       uint64
	actions    []string
	services   bool
	resume     string
	untilFound bool
	shard      string
	parallel   int
	out        string
	json       bool
}

const longSweep = `Break every boundary that a pipeline crosses, once each. A clean run lists the classes of
boundaries: role, kind (a file fetched, a message published, a transaction committed, …)
and target. The first, a middle and the last boundary of each class become breakpoints.
There the connection is held, and then the role is killed, or paused, or the connection
is cut; each in a small trial of its own, which must lose and double nothing.

Coverage is the share of breaks that the pipeline survived. What failed is listed with
the folder of its run, and so is what was not reached, with the reason. The sweep is kept
in ` + reports.SweepFile + ` in its own folder after every trial; --resume goes on where it ended,
and makes trials again on which the harness failed or that it could not put back.
--until-found with it goes on to the next break that is not survived.

Exit code 1: a break was not survived; 6: one proved nothing, or was not made. A clean run
that is not valid ends the sweep with its own exit code: nothing is broken then.`

func (a *app) sweepCommand() *cobra.Command {
	var flags sweepFlags
	command := &cobra.Command{
		Use:   "sweep",
		Short: "Break every boundary that a pipeline crosses, and tell how many it survives",
		Long:  longSweep,
		Example: `  seatrial sweep
  seatrial sweep --pipeline reference:insert-not-upsert
  seatrial sweep --pipeline path/to/seatrial.yaml
  seatrial sweep --actions cut,pause --json
  seatrial sweep --services                    kill the services at every boundary, too
  seatrial sweep --resume reports/out/sweep-20261121-153000
  seatrial sweep --until-found                 end with the first break that is not survived
  seatrial sweep --seed 7 --shard 2/4          a quarter of the trials, as one of four CI jobs`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				if flags.shard != "" && flags.resume == "" {
					return usage("--shard %s without --seed: give all shards the same --seed, so that together they break everything", flags.shard)
				}
				flags.seed = randomSeed()
			}
			for _, name := range []string{"pipeline", "seed", "actions", "services", "shard", "out"} {
				if flags.resume != "" && cmd.Flags().Changed(name) {
					return usage("--%s with --resume: a sweep goes on as it began", name)
				}
			}
			return a.sweep(cmd.Context(), flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.pipeline, "pipeline", harness.Reference, pipelineFlagText)
	set.Uint64Var(&flags.seed, "seed", 0, "seed of the workload, the same in every trial (default: random, printed)")
	set.StringSliceVar(&flags.actions, "actions", nil, "only these actions: "+actionNames(sweep.Actions)+" (default: all but "+string(sweep.KillService)+")")
	set.BoolVar(&flags.services, "services", false, "kill the service at every boundary, too: slower, and told apart")
	set.StringVar(&flags.resume, "resume", "", "go on with the sweep in this folder")
	set.BoolVar(&flags.untilFound, "until-found", false, "begin no further trial once a break was not survived; with --resume: another one")
	set.StringVar(&flags.shard, "shard", "", "make only the ith of n parts of the trials, as i/n; all parts need the same --seed")
	set.IntVar(&flags.parallel, "parallel", 0, parallelFlagText)
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which the sweep leaves its own")
	set.BoolVar(&flags.json, "json", false, jsonFlagText)
	return command
}

func actionNames(actions []sweep.Action) string {
	var names []string
	for _, action := range actions {
		names = append(names, string(action))
	}
	return strings.Join(names, ", ")
}

// chosen returns the actions that were asked for, in their usual order.
func (f sweepFlags) chosen() ([]sweep.Action, error) {
	for _, name := range f.actions {
		if !slices.Contains(sweep.Actions, sweep.Action(name)) {
			return nil, usage("--actions %s: there are %s", name, actionNames(sweep.Actions))
		}
	}
	return slices.DeleteFunc(slices.Clone(sweep.Actions), func(action sweep.Action) bool {
		if len(f.actions) > 0 {
			return !slices.Contains(f.actions, string(action)) && !(f.services && action == sweep.KillService)
		}
		return action == sweep.KillService && !f.services
	}), nil
}

// sweeping is a sweep under way.
type sweeping struct {
	reports.Sweep
	app        *app
	dir        string
	plan       []sweep.Break
	mine       []int // indices in the plan that are still to be tried
	untilFound bool
	began      time.Time
	before     float64 // seconds of earlier sittings
	closeErr   error   // of taking stacks down
}

func (a *app) sweep(ctx context.Context, flags sweepFlags) error {
	if flags.parallel < 0 {
		return usage("--parallel %d: give at least 1", flags.parallel)
	}
	s := &sweeping{app: a, untilFound: flags.untilFound, began: time.Now()}
	begin := s.fresh
	if flags.resume != "" {
		begin = s.resumed
	}
	part, err := begin(flags)
	if err != nil {
		return err
	}
	s.Parallel = a.stacks(ctx, flags.parallel)
	if err := s.run(ctx, part); err != nil {
		return err
	}
	return s.end(ctx, flags.json)
}

// fresh checks what was asked for, and makes the folder of a new sweep.
func (s *sweeping) fresh(flags sweepFlags) (shard, error) {
	part, err := parseShard(flags.shard)
	if err != nil {
		return part, err
	}
	actions, err := flags.chosen()
	if err != nil {
		return part, err
	}
	pipeline, err := findPipeline(flags.pipeline, sweep.Baseline())
	if err == nil {
		err = startable(pipeline)
	}
	if err != nil {
		return part, err
	}
	if err := checkSeeds(flags.seed, 1); err != nil {
		return part, err
	}
	name := "sweep-" + s.began.UTC().Format("20060102-150405")
	if part.of > 0 { // several may begin in the same second
		name += fmt.Sprintf("-%d-of-%d", part.number, part.of)
	}
	s.dir = filepath.Join(flags.out, name)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return part, usage("--out %s: %w", flags.out, err)
	}
	s.Sweep = reports.Sweep{Pipeline: flags.pipeline, Seed: flags.seed, Shard: flags.shard, Started: s.began.UTC().Format(time.RFC3339)}
	for _, action := range actions {
		s.Actions = append(s.Actions, reports.SweepActions{Action: string(action)})
	}
	return part, nil
}

// resumed reads a sweep that is to go on. Trials on which the harness failed
// said nothing, and are made again; so are those survived which it could not
// put back.
func (s *sweeping) resumed(flags sweepFlags) (part shard, err error) {
	s.dir = flags.resume
	if s.Sweep, err = reports.ReadSweep(s.dir); err != nil {
		return part, usage("--resume %s: %w", s.dir, err)
	}
	if _, err := findPipeline(s.Pipeline, sweep.Baseline()); err != nil {
		return part, usage("--resume %s: %w", s.dir, err)
	}
	for _, a := range s.Actions {
		if !slices.Contains(sweep.Actions, sweep.Action(a.Action)) {
			return part, usage("--resume %s: action %q is not known; there are %s", s.dir, a.Action, actionNames(sweep.Actions))
		}
	}
	if part, err = parseShard(s.Shard); err != nil {
		return part, usage("--resume %s: %w", s.dir, err)
	}
	s.Results = slices.DeleteFunc(s.Results, func(t reports.SweepTrial) bool {
		return t.Verdict == check.Infra || t.Verdict == check.Valid && t.Exit == reports.ExitUndo
	})
	s.before = s.Seconds
	return part, nil
}

func (s *sweeping) run(ctx context.Context, part shard) error {
	l := lanes{app: s.app, n: s.Parallel, options: harness.Options{Out: s.dir, Pipeline: s.Pipeline}}
	if len(s.Class) == 0 {
		if ok, err := s.list(ctx, l); !ok || err != nil {
			return err
		}
	}
	s.lay(part)
	s.app.live.Say(fmt.Sprintf("classes of boundaries: %d; %s to make, stacks at once: %d; kept in %s", s.Classes,
		quantity(len(s.mine), "trial"), s.Parallel, s.dir))
	var keepErr error
	found := false
	l.done = func(i int, run reports.Run) {
		if interrupted(ctx) && run.Exit == reports.ExitInterrupted {
			return // half a run says nothing
		}
		b, folder := s.plan[s.mine[i]], run.Folder
		survived := reports.Exit([]reports.Run{run}) == reports.ExitValid
		if survived {
			run.Folder = "" // it does not stay, it would only take room
		}
		t := s.Add(reports.SweepTrial{Name: b.String(), Class: s.classOf(b), Position: string(b.Position), Action: string(b.Action)}, run)
		found = found || t.Verdict == check.Invalid
		if err := s.keep(); err != nil {
			keepErr = err
		} else if survived {
			_ = os.RemoveAll(folder)
		}
		s.app.live.Say(fmt.Sprintf("[%d/%d] %s: %s (%.1f s)", len(s.Results), s.Planned, b, s.word(t), run.Seconds["total"]))
	}
	s.closing(l.runEach(ctx, func(i int) (trial, bool) {
		if i >= len(s.mine) || keepErr != nil || found && s.untilFound {
			return trial{}, false
		}
		return s.trial(s.plan[s.mine[i]].Scenario()), true
	}))
	return keepErr
}

func (s *sweeping) trial(scenario harness.Scenario) trial {
	return trial{scenario, harness.RunOptions{Pipeline: s.Pipeline, Seed: s.Seed}}
}

// closing notes what taking stacks down came to: the results stand.
func (s *sweeping) closing(err error) {
	if err != nil {
		s.closeErr = err
		s.app.sayLeft(err)
	}
}

// keep leaves the sweep in its folder as it is.
func (s *sweeping) keep() error {
	s.Settle()
	s.Seconds = s.before + time.Since(s.began).Seconds()
	return s.Write(s.dir)
}

func (s *sweeping) word(t reports.SweepTrial) string {
	if t.Exit == reports.ExitValid {
		return "survived"
	}
	return string(t.Verdict) + ": " + t.Reason
}

// list makes the clean run and keeps what it crossed. False: it is not valid,
// and nothing is to be broken.
func (s *sweeping) list(ctx context.Context, l lanes) (bool, error) {
	var clean reports.Run
	l.n = 1
	l.done = func(_ int, run reports.Run) { clean = run }
	s.app.live.Say(fmt.Sprintf("a clean run lists what %s crosses; seed %d", s.Pipeline, s.Seed))
	t := s.trial(sweep.Baseline())
	s.closing(l.run(ctx, []trial{t}))
	if clean.Verdict == "" { // interrupted before it began
		clean = s.app.notRun(ctx, t, nil)
	}
	s.Begin(clean)
	if s.Clean.Exit != reports.ExitValid {
		return false, nil
	}
	stored, err := history.Load(clean.Folder)
	if err != nil {
		return false, err
	}
	classes, err := sweep.Classes(stored)
	if err != nil {
		return false, err
	}
	pipeline, err := findPipeline(s.Pipeline)
	if err != nil {
		return false, err
	}
	for _, c := range classes {
		if !slices.Contains(pipeline.Roles(), c.Role) { // an extra container's: it is no part of what is tried
			s.app.live.Say(fmt.Sprintf("left out: %s, as %s is no role", c, c.Role))
			continue
		}
		s.Class = append(s.Class, reports.SweepClass{Service: c.Service, Role: c.Role, Kind: string(c.Kind), Target: c.Target, Count: c.Count, Positions: recast[string](c.Positions), Records: c.Records})
	}
	s.Classes = len(s.Class)
	return true, s.keep()
}

// recast returns the same words as another kind of word.
func recast[To, From ~string](words []From) []To {
	var list []To
	for _, word := range words {
		list = append(list, To(word))
	}
	return list
}

// lay plans the trials and leaves out what other shards make and what was made.
func (s *sweeping) lay(part shard) {
	var classes []sweep.Class
	for _, c := range s.Class {
		classes = append(classes, sweep.Class{Class: boundary.Class{Service: c.Service, Role: c.Role, Kind: boundary.Kind(c.Kind), Target: c.Target}, Count: c.Count, Positions: recast[sweep.Position](c.Positions), Records: c.Records})
	}
	var actions []sweep.Action
	for i := range s.Actions {
		s.Actions[i].Planned = 0
		actions = append(actions, sweep.Action(s.Actions[i].Action))
	}
	for i := range s.Class {
		s.Class[i].Planned = 0
	}
	made := map[string]bool{}
	for _, t := range s.Results {
		made[t.Name] = true
	}
	s.plan, s.Planned = sweep.Plan(classes, actions), 0
	for i, b := range s.plan {
		if !part.holdsNamed(b.String()) {
			continue
		}
		s.Planned++
		s.Class[s.classOf(b)].Planned++
		for j := range s.Actions {
			if s.Actions[j].Action == string(b.Action) {
				s.Actions[j].Planned++
			}
		}
		if !made[b.String()] {
			s.mine = append(s.mine, i)
		}
	}
}

func (s *sweeping) classOf(b sweep.Break) int {
	return slices.IndexFunc(s.Class, func(c reports.SweepClass) bool {
		return c.Service == b.Class.Service && c.Role == b.Class.Role && c.Kind == string(b.Class.Kind) && c.Target == b.Class.Target
	})
}

func (s *sweeping) end(ctx context.Context, asJSON bool) error {
	s.Settle()
	if interrupted(ctx) {
		s.Exit = reports.Worst(s.Exit, reports.ExitInterrupted)
	}
	if s.closeErr != nil {
		s.Exit = reports.Worst(s.Exit, reports.ExitInfra)
	}
	s.Seconds = s.before + time.Since(s.began).Seconds()
	if err := s.Write(s.dir); err != nil {
		return err
	}
	s.app.live.Close()
	print := s.Print
	if asJSON {
		print = s.JSON
	}
	if err := print(s.app.stdout); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	s.app.live.Say("kept in " + filepath.Join(s.dir, reports.SweepFile))
	return exitWith(s.app.inActions(s.GitHubSummary, s.GitHubAnnotations, s.Exit))
}
