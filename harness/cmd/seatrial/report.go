package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) reportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "report RUN...",
		Short: "Write the reports of stored runs anew, without Docker, and say where they are",
		Long: `Write the reports of stored runs anew from their histories: report.html, report.md,
junit.xml, findings.jsonl and run.json. Prints the path of each report.html; the exit code says
whether they could be written, not what the verdicts are ("seatrial check" does).`,
		Example: `  seatrial report reports/out/20261121-090000-calm-7F3K`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.report(cmd.Context(), args)
		},
	}
}

func (a *app) report(ctx context.Context, folders []string) error {
	if len(folders) == 0 {
		return usage("name the folder of a run, for example: seatrial report %s", filepath.Join(harness.DefaultOut, "…"))
	}
	for _, folder := range folders {
		if err := isRun(folder); err != nil {
			return err
		}
	}
	for _, folder := range folders {
		if interrupted(ctx) {
			return exitWith(reports.ExitInterrupted)
		}
		if _, err := a.world.recheck(folder); err != nil {
			return a.storedFailed("report", folder, err)
		}
		if _, err := fmt.Fprintln(a.stdout, filepath.Join(folder, reports.HTMLFile)); err != nil {
			return fmt.Errorf("print the result: %w", err)
		}
	}
	return nil
}
