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
	pipeline string
	seed     uint64
	actions  []string
	services bool
	resume   string
	shard    string
	parallel int
	out      string
	json     bool
}

const longSweep = `Break every boundary that a pipeline crosses, once each. A clean run lists the classes of
boundaries: role, kind (a file fetched, a message published, a transaction committed, …)
and target. The first, a middle and the last boundary of each class become breakpoints.
There the connection is held, and then the role is killed, or paused, or the connection
is cut; each in a small trial of its own, which must lose and double nothing.

Coverage is the share of breaks that the pipeline survived. What failed is listed with
the folder of its run, and so is what was not reached, with the reason. The sweep is kept
in ` + reports.SweepFile + ` in its own folder after every trial; --resume goes on where it ended.

Exit code 1: a break was not survived; 6: one proved nothing.`

func (a *app) sweepCommand() *cobra.Command {
	var flags sweepFlags
	command := &cobra.Command{
		Use:   "sweep",
		Short: "Break every boundary that a pipeline crosses, and tell how many it survives",
		Long:  longSweep,
		Example: `  seatrial sweep
  seatrial sweep --pipeline reference:insert-not-upsert
  seatrial sweep --actions cut,pause --json
  seatrial sweep --services                    kill the services at every boundary, too
  seatrial sweep --resume reports/out/sweep-20261121-153000`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				flags.seed = randomSeed()
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
	set.StringVar(&flags.shard, "shard", "", "make only the ith of n equal parts of the trials, as i/n")
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
	app  *app
	dir  string
	plan []sweep.Break
	mine []int // indices in the plan that are still to be tried
}

func (a *app) sweep(ctx context.Context, flags sweepFlags) error {
	part, err := parseShard(flags.shard)
	if err != nil {
		return err
	}
	actions, err := flags.chosen()
	if err != nil {
		return err
	}
	if flags.parallel < 0 {
		return usage("--parallel %d: give at least 1", flags.parallel)
	}
	if _, err := harness.ParsePipeline(flags.pipeline); err != nil {
		return err
	}
	began := time.Now()
	s := &sweeping{app: a}
	if flags.resume != "" {
		s.dir = flags.resume
		if s.Sweep, err = reports.ReadSweep(s.dir); err != nil {
			return usage("--resume %s: %w", flags.resume, err)
		}
		if part, err = parseShard(s.Shard); err != nil {
			return usage("--resume %s: %w", flags.resume, err)
		}
	} else {
		s.dir = filepath.Join(flags.out, "sweep-"+began.UTC().Format("20060102-150405"))
		s.Sweep = reports.Sweep{Pipeline: flags.pipeline, Seed: flags.seed, Shard: flags.shard, Started: began.UTC().Format(time.RFC3339)}
		if err := os.MkdirAll(s.dir, 0o700); err != nil {
			return usage("--out %s: %w", flags.out, err)
		}
		for _, action := range actions {
			s.Actions = append(s.Actions, reports.SweepActions{Action: string(action)})
		}
	}
	s.Parallel = a.stacks(ctx, flags.parallel)
	before := s.Seconds
	err = s.run(ctx, part)
	s.Seconds = before + time.Since(began).Seconds()
	if err != nil {
		return err
	}
	return s.end(ctx, flags.json)
}

func (s *sweeping) run(ctx context.Context, part shard) error {
	l := lanes{app: s.app, n: s.Parallel, options: harness.Options{Out: s.dir}}
	if len(s.Class) == 0 {
		if err := s.list(ctx, l); err != nil {
			return err
		}
	}
	s.lay(part)
	s.app.live.Say(fmt.Sprintf("%s of boundaries, %s to make on %s at once; kept in %s", quantity(s.Classes, "class"),
		quantity(len(s.mine), "trial"), quantity(s.Parallel, "stack"), s.dir))
	var keepErr error
	l.done = func(i int, run reports.Run) {
		if interrupted(ctx) && run.Exit == reports.ExitInterrupted {
			return // half a run says nothing
		}
		b := s.plan[s.mine[i]]
		t := s.Add(reports.SweepTrial{Name: b.String(), Class: s.classOf(b), Position: string(b.Position), Action: string(b.Action)}, run)
		s.Settle()
		if err := s.Write(s.dir); err != nil {
			keepErr = err
		}
		if t.Exit == reports.ExitValid {
			_ = os.RemoveAll(run.Folder) // what stays would only take room
		}
		s.app.live.Say(fmt.Sprintf("[%d/%d] %s: %s (%.1f s)", len(s.Results), s.Planned, b, s.word(t), run.Seconds["total"]))
	}
	var trials []trial
	for _, i := range s.mine {
		trials = append(trials, trial{s.plan[i].Scenario(), harness.RunOptions{Pipeline: s.Pipeline, Seed: s.Seed}})
	}
	if err := l.run(ctx, trials); err != nil {
		return err
	}
	return keepErr
}

func (s *sweeping) word(t reports.SweepTrial) string {
	if t.Exit == reports.ExitValid {
		return "survived"
	}
	return string(t.Verdict) + ": " + t.Reason
}

// list makes the clean run and keeps what it crossed.
func (s *sweeping) list(ctx context.Context, l lanes) error {
	var clean reports.Run
	l.n = 1
	l.done = func(_ int, run reports.Run) { clean = run }
	s.app.live.Say(fmt.Sprintf("a clean run lists what %s crosses; seed %d", s.Pipeline, s.Seed))
	if err := l.run(ctx, []trial{{sweep.Baseline(), harness.RunOptions{Pipeline: s.Pipeline, Seed: s.Seed}}}); err != nil {
		return err
	}
	if clean.Verdict != check.Valid {
		s.app.live.Close()
		fmt.Fprintf(s.app.stdout, "Nothing was broken yet, and the run is %s: %s\nSee %s.\n", clean.Verdict, clean.Reason, clean.Folder)
		return exitWith(reports.Exit([]reports.Run{clean}))
	}
	stored, err := history.Load(clean.Folder)
	if err != nil {
		return err
	}
	classes, err := sweep.Classes(stored)
	if err != nil {
		return err
	}
	for _, c := range classes {
		s.Class = append(s.Class, reports.SweepClass{Service: c.Service, Role: c.Role, Kind: string(c.Kind), Target: c.Target, Count: c.Count, Varies: c.Varies, Records: c.Records})
	}
	s.Classes = len(s.Class)
	return s.Write(s.dir)
}

// lay plans the trials and leaves out what other shards make and what was made.
func (s *sweeping) lay(part shard) {
	var classes []sweep.Class
	for _, c := range s.Class {
		classes = append(classes, sweep.Class{Class: boundary.Class{Service: c.Service, Role: c.Role, Kind: boundary.Kind(c.Kind), Target: c.Target}, Count: c.Count, Varies: c.Varies, Records: c.Records})
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
		if !part.holds(i) {
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
	return exitWith(s.Exit)
}
