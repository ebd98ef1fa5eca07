package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/reports"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schema of a file that a run leaves",
		Long: `Print the JSON Schema (draft 2020-12) of a file that runs leave; without a name, the names.

run is run.json and one object of what "run --json" and "check --json" print, finding is a
line of findings.jsonl, repair, matrix and sweep are the files of that name. Names may be
added to these files, and none is taken away: the schemas forbid none.`,
		Example: `  seatrial schema
  seatrial schema run > run.schema.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			names := reports.SchemaNames()
			switch len(args) {
			case 0:
				_, err := fmt.Fprintln(a.stdout, strings.Join(names, "\n"))
				return err
			case 1:
			default:
				return usage("name one schema: %s", strings.Join(names, ", "))
			}
			raw, ok := reports.Schema(args[0])
			if !ok {
				return unknown("schema", args[0], names, `"seatrial schema" shows all`)
			}
			if _, err := a.stdout.Write(raw); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			return nil
		},
	}
}
