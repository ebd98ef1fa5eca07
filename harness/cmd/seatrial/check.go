package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) checkCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "check RUN...",
		Short: "Judge stored runs again, without Docker, and write their reports anew",
		Long: `Judge stored runs again from their histories and write their reports anew.

A RUN is the folder that a run left. The exit code is that of the verdicts: a run
that was once interrupted does not make this command interrupted.`,
		Example: `  seatrial check reports/out/20261121-090000-calm-7F3K
  seatrial check --json reports/out/*/ | jq '.[] | {scenario, verdict}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd.Context(), args, asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) check(ctx context.Context, folders []string, asJSON bool) error {
	if len(folders) == 0 {
		return usage("name the folder of a run, for example: seatrial check %s", filepath.Join(harness.DefaultOut, "…"))
	}
	for _, folder := range folders {
		if err := isRun(folder); err != nil {
			return err
		}
	}
	var runs []reports.Run
	exit := reports.ExitValid
	for _, folder := range folders {
		if interrupted(ctx) {
			exit = reports.ExitInterrupted
			break
		}
		run, err := a.world.recheck(folder)
		if err != nil {
			return a.storedFailed("check", folder, err)
		}
		runs = append(runs, run)
		exit = reports.Worst(exit, reports.ExitOf(run.Verdict))
		if run.Exit == reports.ExitUndo {
			exit = reports.Worst(exit, reports.ExitUndo)
		}
	}
	if err := a.printRuns(runs, asJSON); err != nil {
		return err
	}
	return exitWith(a.showInActions(runs, exit))
}

// storedFailed is the end of a command on a stored run that could not do its
// work: the folder is no good (2), or the reports could not be written (3).
func (a *app) storedFailed(command, folder string, err error) error {
	if errors.Is(err, harness.ErrUsage) {
		return usage("%s %s: %s", command, folder, strings.TrimPrefix(err.Error(), harness.ErrUsage.Error()+": "))
	}
	return fmt.Errorf("%s %s: %w", command, folder, err)
}

// isRun refuses what is not the folder of a run, before anything is judged.
func isRun(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return usage("no run in %s: %w", folder, err)
	case !info.IsDir():
		return usage("%s is a file: give the folder of a run, which holds %s", folder, history.FileName)
	}
	if _, err := os.Stat(filepath.Join(folder, history.FileName)); err != nil {
		return usage("no run in %s: it holds no %s; give the folder of one run", folder, history.FileName)
	}
	return nil
}

// printRuns prints runs to standard output.
func (a *app) printRuns(runs []reports.Run, asJSON bool) error {
	a.live.Close()
	var err error
	if asJSON {
		err = reports.JSON(a.stdout, runs)
	} else {
		err = reports.Table(a.stdout, runs, reports.Color(a.stdout))
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}
