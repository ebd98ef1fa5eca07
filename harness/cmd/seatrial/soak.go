package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// soakFile keeps the tally, rewritten after every run.
const soakFile = "soak.json"

// mostInfraRuns is how many runs in a row the harness itself may fail before a
// soak gives up: an engine that is gone does not come back by being asked.
const mostInfraRuns = 3

// tally counts the runs of a soak. Nothing is ever run again: a run that came
// out other than valid stays in it.
type tally struct {
	Runs    int                   `json:"runs"`
	Verdict map[check.Verdict]int `json:"verdicts"`
	// MostPercent bounds, at 95 % confidence, the share of runs that are not
	// valid; only where none was seen.
	MostPercent float64   `json:"most_percent,omitempty"`
	Failed      []soakRun `json:"failed"`
}

// soakRun is a run that did not come out valid.
type soakRun struct {
	Scenario string        `json:"scenario"`
	Seed     uint64        `json:"seed"`
	Verdict  check.Verdict `json:"verdict"`
	Reason   string        `json:"reason"`
	Folder   string        `json:"folder"`
}

func (t *tally) add(run reports.Run) {
	t.Runs++
	t.Verdict[run.Verdict]++
	if reports.Exit([]reports.Run{run}) != reports.ExitValid {
		t.Failed = append(t.Failed, soakRun{run.Scenario, run.Seed, run.Verdict, run.Reason, run.Folder})
	}
	t.MostPercent = 0
	if len(t.Failed) == 0 {
		t.MostPercent = 100 * (1 - math.Pow(0.05, 1/float64(t.Runs)))
	}
}

func (t *tally) String() string {
	text := fmt.Sprintf("%d of %s valid", t.Runs-len(t.Failed), quantity(t.Runs, "run"))
	if len(t.Failed) == 0 && t.Runs > 0 {
		text += fmt.Sprintf(": at most %.2f %% are not, at 95 %% confidence", t.MostPercent)
	}
	return text
}

func (a *app) soakCommand() *cobra.Command {
	var flags runFlags
	var rounds, parallel int
	command := &cobra.Command{
		Use:   "soak [SCENARIO...]",
		Short: "Run scenarios on the clean pipeline, round after round, and keep the tally",
		Long: `Run scenarios (all of them if none is named) on the clean pipeline with fresh seeds,
round after round, until Ctrl-C or --rounds. Nothing is run twice: what did not come out
valid stays in the tally, with its seed and its folder. Folders of valid runs are removed.
The tally is printed and kept in ` + soakFile + ` below --out.`,
		Example: `  seatrial soak --rounds 10
  seatrial soak index-oom --rounds 50`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if rounds < 0 {
				return usage("--rounds %d: give at least 1, or 0 to go on until Ctrl-C", rounds)
			}
			if parallel < 0 {
				return usage("--parallel %d: give at least 1", parallel)
			}
			return a.soak(cmd.Context(), args, flags, rounds, parallel)
		},
	}
	set := command.Flags()
	set.IntVar(&rounds, "rounds", 0, "how often each scenario is run; 0: until Ctrl-C")
	set.IntVar(&parallel, "parallel", 0, parallelFlagText)
	set.IntVar(&flags.records, "records", 0, "about how many records are sent (default: as the scenario says)")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which each run leaves its own")
	return command
}

func (a *app) soak(ctx context.Context, names []string, flags runFlags, rounds, parallel int) error {
	flags.pipeline, flags.repeat, flags.seed = harness.Reference, 1, randomSeed()
	round, err := a.planRuns(names, flags)
	if err != nil {
		return err
	}
	count := tally{Verdict: map[check.Verdict]int{}, Failed: []soakRun{}}
	exit := reports.ExitValid
	var keepErr error
	inARow := 0 // runs that were infra
	l := lanes{app: a, n: a.stacks(ctx, parallel), options: harness.Options{Out: flags.out},
		watch: func() harness.Watcher { return &faultLines{live: a.live} }}
	l.done = func(_ int, run reports.Run) {
		if interrupted(ctx) && run.Verdict != check.Invalid {
			return // half a run counts for nothing
		}
		exit = reports.Worst(exit, reports.Exit([]reports.Run{run}))
		count.add(run)
		if inARow++; run.Verdict != check.Infra {
			inARow = 0
		}
		a.live.Say(count.String())
		keepErr = errors.Join(keepErr, keepTally(flags.out, count, run))
	}
	closeErr := l.runEach(ctx, func(i int) (trial, bool) {
		if keepErr != nil || inARow >= mostInfraRuns || rounds > 0 && i >= rounds*len(round) {
			return trial{}, false
		}
		t := round[i%len(round)]
		t.options.Seed = randomSeed()
		return t, true
	})
	a.live.Close()
	if err := errors.Join(keepErr, closeErr); err != nil {
		return err
	}
	if interrupted(ctx) && (rounds > 0 || count.Runs == 0) {
		exit = reports.Worst(exit, reports.ExitInterrupted)
	}
	fmt.Fprintln(a.stdout, strings.ToUpper(count.String()[:1])+count.String()[1:]+".")
	for _, failed := range count.Failed {
		fmt.Fprintf(a.stdout, "  %s, seed %d: %s: %s (%s)\n", failed.Scenario, failed.Seed, failed.Verdict, failed.Reason, failed.Folder)
	}
	return exitWith(exit)
}

// keepTally writes the tally and removes the folder of a valid run.
func keepTally(out string, count tally, run reports.Run) error {
	raw, err := json.MarshalIndent(count, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, soakFile), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep the tally: %w", err)
	}
	if reports.Exit([]reports.Run{run}) == reports.ExitValid && run.Folder != "" {
		return os.RemoveAll(run.Folder)
	}
	return nil
}
