package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

type matrixFlags struct {
	all      bool
	seeds    int
	only     []string
	shard    string
	parallel int
	out      string
	json     bool
}

const longMatrix = `Run every planted defect against the scenario meant for it, the clean pipeline against
every scenario with fresh seeds, and the defects where nothing triggers them: under
"calm", and under their scenario with nothing broken, several at once.

A defect is caught when the run is invalid and every class that was expected of it
beforehand is found. A clean run that is invalid is a false alarm. Nothing is run
twice. The table is printed and kept as ` + reports.MatrixFile + ` and ` + reports.MatrixMarkdownFile + ` in --out, with the
folder of each run. Ctrl-C cleans up and keeps what there is.

Exit code 1: a defect was not caught, or a false alarm; 6: a clean run proved nothing.`

func (a *app) matrixCommand() *cobra.Command {
	var flags matrixFlags
	command := &cobra.Command{
		Use:   "matrix",
		Short: "Run every defect against its scenario, and the clean pipeline against all",
		Long:  longMatrix,
		Example: `  seatrial matrix
  seatrial matrix --only 13,broker-state-ephemeral
  seatrial matrix --shard 2/4 --json        every fourth run, as one of four CI jobs
  seatrial matrix --all --seeds 10`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("pipeline") {
				return usage("a matrix tries the planted defects of the reference pipeline: \"seatrial run --pipeline …\" and \"seatrial sweep --pipeline …\" try yours")
			}
			return a.matrix(cmd.Context(), flags)
		},
	}
	set := command.Flags()
	set.String("pipeline", harness.Reference, "refused: there is nothing planted in others")
	if err := set.MarkHidden("pipeline"); err != nil {
		panic(err) // it was defined above
	}
	set.BoolVar(&flags.all, "all", false, "run every defect against all scenarios, not only the one meant for it")
	set.IntVar(&flags.seeds, "seeds", 3, "fresh seeds per scenario for the clean pipeline")
	set.StringSliceVar(&flags.only, "only", nil, "only these defects (numbers or names) and their scenarios")
	set.StringVar(&flags.shard, "shard", "", "run only the ith of n equal parts, as i/n")
	set.IntVar(&flags.parallel, "parallel", 0, parallelFlagText)
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which each run leaves its own")
	set.BoolVar(&flags.json, "json", false, jsonFlagText)
	return command
}

// matrixCell is one run of the matrix and what it is for.
type matrixCell struct {
	trial
	defect *defect.Defect // a defect's run; other: not under the scenario meant for it
	other  bool           //
	quiet  []defect.Name  // defects that nothing triggers; nil: the clean pipeline
}

func (c matrixCell) String() string {
	switch {
	case c.defect != nil:
		return fmt.Sprintf("%d %s on %s", c.defect.Number, c.defect.Name, c.scenario.Name)
	case len(c.quiet) == 1:
		return fmt.Sprintf("%s untriggered on %s", c.quiet[0], c.scenario.Name)
	case c.quiet != nil:
		return fmt.Sprintf("%d defects untriggered on %s", len(c.quiet), c.scenario.Name)
	}
	return "clean on " + c.scenario.Name
}

// planMatrix checks what was asked for and returns the runs to make, in order:
// the defects, the clean pipeline, the defects that nothing triggers.
func (a *app) planMatrix(flags matrixFlags) ([]matrixCell, error) {
	all, err := a.chooseScenarios(nil)
	if err != nil {
		return nil, err
	}
	part, err := parseShard(flags.shard)
	if err != nil {
		return nil, err
	}
	chosen, err := chooseDefects(flags.only)
	if err != nil {
		return nil, err
	}
	switch {
	case flags.seeds < 0:
		return nil, usage("--seeds %d: give at least 1, or 0 for no clean runs", flags.seeds)
	case flags.parallel < 0:
		return nil, usage("--parallel %d: give at least 1", flags.parallel)
	}
	meant := map[string][]defect.Name{} // by scenario
	var cells []matrixCell
	for _, d := range chosen {
		own, found := meantFor(d.Name, all)
		if !found {
			cells = append(cells, matrixCell{defect: &d})
			continue
		}
		meant[own.Name] = append(meant[own.Name], d.Name)
		for _, scenario := range all {
			if other := scenario.Name != own.Name; !other || flags.all {
				cells = append(cells, matrixCell{trial: matrixTrial(scenario, []defect.Name{d.Name}, false), defect: &d, other: other})
			}
		}
	}
	for _, scenario := range all {
		if len(flags.only) == 0 || meant[scenario.Name] != nil {
			for range flags.seeds {
				cells = append(cells, matrixCell{trial: matrixTrial(scenario, nil, false)})
			}
		}
	}
	for _, scenario := range all {
		names := meant[scenario.Name]
		if scenario.Name == control {
			names = nil
			for _, d := range chosen {
				names = append(names, d.Name)
			}
		}
		for _, group := range defect.Groups(names) {
			cells = append(cells, matrixCell{trial: matrixTrial(scenario, group, true), quiet: group})
		}
	}
	var mine []matrixCell
	for i, c := range cells {
		if part.holds(i) {
			mine = append(mine, c)
		}
	}
	return mine, nil
}

// control is the scenario in which nothing is broken.
const control = "calm"

func matrixTrial(scenario harness.Scenario, defects []defect.Name, noFault bool) trial {
	pipeline := harness.Reference
	if len(defects) > 0 {
		pipeline += ":" + strings.Join(textual(defects), ",")
	}
	return trial{scenario, harness.RunOptions{Pipeline: pipeline, Seed: randomSeed(), NoFault: noFault}}
}

func textual(names []defect.Name) []string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return texts
}

// chooseDefects returns the defects with these numbers or names, in the order
// of their numbers; all of them for none.
func chooseDefects(only []string) ([]defect.Defect, error) {
	all := defect.All()
	if len(only) == 0 {
		return all, nil
	}
	wanted := map[defect.Name]bool{}
	for _, text := range only {
		text = strings.TrimSpace(text)
		name := defect.Name(text)
		if number, err := strconv.Atoi(text); err == nil {
			if number < 1 || number > len(all) {
				return nil, usage("--only %d: defects have the numbers 1 to %d", number, len(all))
			}
			name = all[number-1].Name
		}
		if _, known := defect.Find(name); !known {
			return nil, usage("--only %s: no such defect: did you mean %q? \"seatrial list --defects\" shows all", text, defect.Nearest(text))
		}
		wanted[name] = true
	}
	return slices.DeleteFunc(all, func(d defect.Defect) bool { return !wanted[d.Name] }), nil
}

func (a *app) matrix(ctx context.Context, flags matrixFlags) error {
	cells, err := a.planMatrix(flags)
	if err != nil {
		return err
	}
	began := time.Now()
	runs := filepath.Join(flags.out, "matrix-"+began.UTC().Format("20060102-150405"))
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return usage("--out %s: %w", flags.out, err)
	}
	flags.parallel = a.stacks(ctx, flags.parallel)
	m := &matrixRun{app: a, cells: cells, began: began, Matrix: reports.Matrix{
		Planned: len(cells), Shard: flags.shard, Parallel: flags.parallel, Started: began.UTC().Format(time.RFC3339),
	}}
	a.live.Say(fmt.Sprintf("%s, %s at once; each leaves its folder in %s", quantity(len(cells), "run"), quantity(flags.parallel, "stack"), runs))
	closeErr := m.run(ctx, lanes{app: a, n: flags.parallel, options: harness.Options{Out: runs}})
	m.Seconds = time.Since(began).Seconds()
	m.Settle()
	if interrupted(ctx) {
		m.Exit = reports.Worst(m.Exit, reports.ExitInterrupted)
	}
	if closeErr != nil {
		m.Exit = reports.Worst(m.Exit, reports.ExitInfra)
		a.sayLeft(closeErr)
	}
	if err := m.Write(flags.out); err != nil {
		return err
	}
	a.live.Close()
	if flags.json {
		err = m.JSON(a.stdout)
	} else {
		err = m.Table(a.stdout, reports.Color(a.stdout))
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	a.live.Say("kept in " + filepath.Join(flags.out, reports.MatrixMarkdownFile))
	return exitWith(a.inActions(m.Markdown, m.GitHubAnnotations, m.Exit))
}

// matrixRun is a matrix under way.
type matrixRun struct {
	reports.Matrix
	app   *app
	cells []matrixCell
	began time.Time
	over  int // cells that are done with
}

func (m *matrixRun) run(ctx context.Context, l lanes) error {
	var trials []trial
	var made []matrixCell
	for _, c := range m.cells {
		if c.scenario.Name == "" { // no scenario is meant for it
			m.add(c, reports.Run{Verdict: check.Unknown, Reason: "no scenario names it in its Catches", Undo: reports.Undo{OK: true}})
			continue
		}
		trials, made = append(trials, c.trial), append(made, c)
	}
	l.done = func(i int, run reports.Run) {
		if interrupted(ctx) && run.Exit == reports.ExitInterrupted {
			return // half a run says nothing
		}
		m.add(made[i], run)
	}
	return l.run(ctx, trials)
}

// add takes the result of one run and says how far the matrix is.
func (m *matrixRun) add(c matrixCell, run reports.Run) {
	var said string
	switch {
	case c.defect != nil:
		entry := m.AddDefect(c.defect.Number, string(c.defect.Name), classesOf(*c.defect), run, c.other)
		said = entry.Text()
		if entry.Caught {
			said = "caught: " + said
		} else if !c.other {
			said = "NOT CAUGHT: " + said
		}
	case c.quiet != nil:
		said = string(run.Verdict)
		if m.AddQuiet(textual(c.quiet), run).Quiet {
			said = "nothing found"
		}
	default:
		said = string(m.AddClean(run).Verdict)
	}
	m.over++
	m.app.live.Say(fmt.Sprintf("[%d/%d] %s: %s (%.1f s)%s", m.over, len(m.cells), c, said, run.Seconds["total"], m.left()))
}

func classesOf(d defect.Defect) []check.Class {
	classes := make([]check.Class, len(d.Classes))
	for i, class := range d.Classes {
		classes[i] = check.Class(class)
	}
	return classes
}

// left estimates how long the rest takes: as long per run as those before.
func (m *matrixRun) left() string {
	rest := len(m.cells) - m.over
	if rest == 0 {
		return ""
	}
	left := time.Since(m.began) / time.Duration(m.over) * time.Duration(rest)
	if left < 2*time.Minute {
		return fmt.Sprintf("; about %.0f s left", left.Seconds())
	}
	return fmt.Sprintf("; about %.0f min left", left.Minutes())
}
