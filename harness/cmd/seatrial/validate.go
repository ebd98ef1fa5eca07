package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/pipeline/file"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/reports"
)

type validateFlags struct {
	live bool
	out  string
	json bool
}

const longValidate = `Check the description of a pipeline, seatrial.yaml in this folder if none is named:
every key, and what they mean together. All that is wrong is listed with its line and
column. What is right is told as well: what a verdict will be about, and which of the
built-in scenarios fit. Nothing is started.

With --live the pipeline is started on real services, and a few records must pass through
it, be seen in every place that it declares, and be judged valid. That takes a minute.

Exit code 2: the description is wrong; with --live also those of a run.`

func (a *app) validateCommand() *cobra.Command {
	var flags validateFlags
	command := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check the description of a pipeline (seatrial.yaml)",
		Long:  longValidate,
		Example: `  seatrial validate
  seatrial validate path/to/seatrial.yaml --json
  seatrial validate --live`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := file.Name
			switch len(args) {
			case 0:
			case 1:
				name = args[0]
			default:
				return usage("name one file")
			}
			return a.validate(cmd.Context(), name, flags)
		},
	}
	set := command.Flags()
	set.BoolVar(&flags.live, "live", false, "start the pipeline and have a few records pass through it")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which the run of --live leaves its own")
	set.BoolVar(&flags.json, "json", false, jsonFlagText)
	return command
}

// validated is what came of checking a description.
type validated struct {
	File      string         `json:"file"`
	Valid     bool           `json:"valid"`
	Problems  []file.Problem `json:"problems"`
	Judged    []string       `json:"judged"`
	NotJudged []string       `json:"not_judged"`
	Fit       []string       `json:"fit"` // scenarios
	LeftOut   []leftOut      `json:"left_out"`
	Live      *reports.Run   `json:"live,omitempty"`
}

// leftOut is a scenario that does not fit.
type leftOut struct {
	Scenario string `json:"scenario"`
	Why      string `json:"why"`
}

func (a *app) validate(ctx context.Context, name string, flags validateFlags) error {
	result := validated{File: name, Problems: []file.Problem{}, Judged: []string{}, NotJudged: []string{}, Fit: []string{}, LeftOut: []leftOut{}}
	pipeline, err := harness.FindPipeline(name)
	var problems file.Problems
	if errors.As(err, &problems) {
		result.Problems = problems
		if flags.json {
			return errors.Join(printJSON(a.stdout, result), exitWith(reports.ExitUsage))
		}
		for _, problem := range problems {
			fmt.Fprintln(a.stdout, problem.Error())
		}
		return usage("%s: %s to be put right", name, quantity(len(problems), "problem"))
	}
	if err != nil {
		return usageOf(err)
	}
	result.Valid = true
	judged, not := pipeline.Judged()
	result.Judged, result.NotJudged = append(result.Judged, judged...), append(result.NotJudged, not...)
	for _, scenario := range a.world.scenarios() {
		if err := pipeline.Fits(scenario); err != nil {
			_, why, _ := strings.Cut(usageOf(err).Error(), pipeline.Name()+": ")
			result.LeftOut = append(result.LeftOut, leftOut{scenario.Name, why})
			continue
		}
		result.Fit = append(result.Fit, scenario.Name)
	}
	exit := reports.ExitValid
	if flags.live {
		run := a.passes(ctx, name, flags.out)
		result.Live, exit = &run, reports.Exit([]reports.Run{run})
		if interrupted(ctx) {
			exit = reports.ExitInterrupted
		}
		a.live.Close()
	}
	if err := a.printResult(result, flags.json, func() error { return a.printValidated(result) }); err != nil {
		return err
	}
	return exitWith(exit)
}

// firstRecords is the smallest run there is: what is declared must be seen.
func firstRecords() harness.Scenario {
	return harness.Scenario{
		Name:       "first-records",
		Hypothesis: "A few records pass, and every place that is declared shows them.",
		Workload:   func(w *workload.Config) { w.Files, w.RecordsPerFile = 3, 10 },
	}
}

// passes has a few records pass through the pipeline.
func (a *app) passes(ctx context.Context, name, out string) reports.Run {
	t := trial{firstRecords(), harness.RunOptions{Pipeline: name, Seed: randomSeed()}}
	runs, closeErr := a.runAll(ctx, []trial{t}, harness.Options{Out: out, Pipeline: name, Watch: a.live})
	if closeErr != nil {
		a.sayLeft(closeErr)
	}
	return runs[0]
}

func (a *app) printValidated(v validated) error {
	if _, err := fmt.Fprintf(a.stdout, "%s is described well\n\n", v.File); err != nil {
		return err
	}
	rows := [][]string{{"judged", strings.Join(v.Judged, ", ")}}
	if len(v.NotJudged) > 0 {
		rows = append(rows, []string{"not judged", strings.Join(v.NotJudged, ", ") + ": not declared"})
	}
	rows = append(rows, []string{"scenarios", fmt.Sprintf("%d of %d fit: %s", len(v.Fit), len(v.Fit)+len(v.LeftOut), strings.Join(v.Fit, ", "))})
	for _, left := range v.LeftOut {
		rows = append(rows, []string{"left out", left.Scenario + ": " + left.Why})
	}
	if v.Live != nil {
		rows = append(rows, []string{"live", fmt.Sprintf("%s: %s", v.Live.Verdict, v.Live.Reason)})
		if v.Live.Folder != "" {
			rows = append(rows, []string{"", "see " + v.Live.Folder})
		}
	}
	return printColumns(a.stdout, rows)
}
