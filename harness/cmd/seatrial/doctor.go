package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/reports"
)

// States of a diagnosis.
const (
	stateOK      = "ok"
	stateWarning = "warning"
	stateFailed  = "failed"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether this machine has what runs need, and what to do where it has not",
		Long: `Look at everything that runs need of this machine. What failed is printed with its
remedy and makes the exit code 3; warnings do not.`,
		Example: `  seatrial doctor
  seatrial doctor --json | jq '.[] | select(.state != "ok")'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.live.Phase("looking at this machine")
			found := a.world.diagnose(cmd.Context())
			a.live.Close()
			var err error
			if asJSON {
				err = printJSON(a.stdout, found)
			} else {
				err = a.printDiagnoses(found)
			}
			if err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			for _, d := range found {
				if d.State == stateFailed {
					return exitWith(reports.ExitInfra)
				}
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) printDiagnoses(found []diagnosis) error {
	var rows [][]string
	for _, d := range found {
		rows = append(rows, []string{d.State, d.Name, d.Found})
		if d.Remedy != "" {
			rows = append(rows, []string{"", "", "-> " + d.Remedy})
		}
	}
	return printColumns(a.stdout, rows)
}
