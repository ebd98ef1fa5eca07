package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// demoRun is one run of the demonstration and the verdict that it promises.
type demoRun struct {
	scenario, pipeline string
	verdict            check.Verdict
}

var demoRuns = []demoRun{
	{"broker-killed", harness.Reference, check.Valid},
	{"loader-killed", harness.Reference, check.Valid},
	{"loader-killed", harness.Reference + ":ack-before-commit", check.Invalid},
}

func (a *app) demoCommand() *cobra.Command {
	var flags runFlags
	command := &cobra.Command{
		Use:   "demo",
		Short: "Watch an import survive, and the same import with one defect lose records",
		Long: `Watch a clean import survive a killed broker and a killed loader, and the same import
with one planted defect (it acks a message before it commits) lose records, each named.
Ends with 0 if every run came out as it must.`,
		Example: `  seatrial demo
  seatrial demo --seed 7`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				flags.seed = randomSeed()
			}
			return a.demo(cmd.Context(), flags)
		},
	}
	command.Flags().Uint64Var(&flags.seed, "seed", 0, "seed of the workload (default: random, printed)")
	command.Flags().StringVar(&flags.out, "out", harness.DefaultOut, "folder below which each run leaves its own")
	return command
}

func (a *app) demo(ctx context.Context, flags runFlags) error {
	var trials []trial
	for _, run := range demoRuns {
		flags.pipeline, flags.repeat = run.pipeline, 1
		planned, err := a.planRuns([]string{run.scenario}, flags)
		if err != nil {
			return err
		}
		trials = append(trials, planned...)
	}
	runs, closeErr := a.runAll(ctx, trials, harness.Options{Out: flags.out, Watch: a.live})
	if err := a.printRuns(runs, false); err != nil {
		return err
	}
	if closeErr != nil {
		return closeErr
	}
	for i, run := range runs {
		if err := a.printAffected(run); err != nil {
			return err
		}
		if want := demoRuns[i].verdict; run.Verdict != want || !run.Undo.OK {
			fmt.Fprintf(a.stdout, "\n%s on %s came out %s where %s was due: see %s\n", run.Scenario, run.Pipeline, run.Verdict, want, run.Folder)
			return exitWith(reports.Worst(reports.Exit(runs), reports.ExitInvalid))
		}
	}
	fmt.Fprintf(a.stdout, "\nEvery run came out as it must. What each left is in %s.\n", flags.out)
	return nil
}

// affectedShown is how many of the affected records are printed.
const affectedShown = 10

// printAffected names the records of an invalid run and where the rest are.
func (a *app) printAffected(run reports.Run) error {
	if run.Verdict != check.Invalid {
		return nil
	}
	path := filepath.Join(run.Folder, reports.FindingsFile)
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the findings: %w", err)
	}
	defer file.Close()
	fmt.Fprintf(a.stdout, "\n%s on %s:\n", run.Scenario, run.Pipeline)
	shown := 0
	for lines := bufio.NewScanner(file); lines.Scan(); shown++ {
		if shown == affectedShown {
			fmt.Fprintf(a.stdout, "  … all of them: %s\n", path)
			break
		}
		var finding check.Finding
		if err := json.Unmarshal(lines.Bytes(), &finding); err != nil {
			return fmt.Errorf("read the findings: %w", err)
		}
		fmt.Fprintf(a.stdout, "  %-12s %s version %d: %s\n", finding.Class, finding.Key, finding.Version, finding.LastSeen)
	}
	return nil
}
