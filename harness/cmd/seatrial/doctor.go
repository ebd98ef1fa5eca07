package main

import (
	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness/internal/doctor"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether this machine has what runs need, and what to do where it has not",
		Long: `Look at everything that runs need of this machine. What failed is printed with its
remedy and makes the exit code 3; warnings do not.`,
		Example: `  seatrial doctor
  seatrial doctor --json | jq '.findings[] | select(.state != "ok")'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report := a.world.examine(cmd.Context())
			if err := a.printResult(report, asJSON, func() error { return a.printReport(report) }); err != nil {
				return err
			}
			if interrupted(cmd.Context()) {
				return exitWith(reports.ExitInterrupted)
			}
			for _, finding := range report.Findings {
				if finding.State == doctor.Failed {
					return exitWith(reports.ExitInfra)
				}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) printReport(report doctor.Report) error {
	var rows [][]string
	for _, finding := range report.Findings {
		rows = append(rows, []string{finding.State, finding.Name, finding.Found})
		if finding.Remedy != "" {
			rows = append(rows, []string{"", "", "-> " + finding.Remedy})
		}
	}
	if err := printColumns(a.stdout, rows); err != nil {
		return err
	}
	rows = [][]string{{"", "", ""}, {"FAULTS", "", "NEED"}}
	for _, ability := range report.Faults {
		able := "possible"
		if !ability.Able {
			able = "not here"
		}
		rows = append(rows, []string{ability.Fault, able, ability.Needs})
	}
	return printColumns(a.stdout, rows)
}
