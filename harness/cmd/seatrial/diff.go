package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) diffCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "diff RUN RUN",
		Short: "Compare two stored runs: what is new, what is gone, what is slower",
		Long: `Compare two stored runs: verdicts, counts, findings that only one of them has, how long
records took until readers saw them, how long each step took, and images that differ.

Where both sent the same records, whatever their keys, findings are compared record by
record, otherwise by class and file. The exit code says only that they could be compared.`,
		Example: `  seatrial diff reports/out/20261121-090000-calm-7F3K reports/out/20261122-090000-calm-K3QF
  seatrial diff BEFORE AFTER --json | jq '.latency[] | select(.slower)'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("name the folders of two runs, for example: seatrial diff %s %[1]s", filepath.Join(harness.DefaultOut, "…"))
			}
			return a.diff(args[0], args[1], asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) diff(before, after string, asJSON bool) error {
	var runs []reports.Stored
	for _, folder := range []string{before, after} {
		if err := isRun(folder); err != nil {
			return err
		}
		stored, err := reports.ReadStored(folder)
		if err != nil {
			return usage("diff: %w", err)
		}
		runs = append(runs, stored)
	}
	difference := reports.Compare(runs[0], runs[1])
	return a.printResult(difference, asJSON, func() error { return difference.Print(a.stdout) })
}
