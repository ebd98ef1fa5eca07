package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness/internal/pipeline/file"
	"github.com/seatrial/seatrial/reports"
)

// pipelineSchema is the name of the schema of seatrial.yaml.
const pipelineSchema = "pipeline"

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Print the JSON Schema of a file that a run leaves, or of seatrial.yaml",
		Long: `Print the JSON Schema (draft 2020-12) of a file that runs leave; without a name, the names.

run is run.json and one object of what "run --json" and "check --json" print, finding is a
line of findings.jsonl, repair, matrix and sweep are the files of that name. Names may be
added to these files, and none is taken away: the schemas forbid none.

pipeline is seatrial.yaml, for editors that complete and check it while it is written.`,
		Example: `  seatrial schema
  seatrial schema run > run.schema.json
  seatrial schema pipeline > seatrial.schema.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			names := append(reports.SchemaNames(), pipelineSchema)
			slices.Sort(names)
			switch len(args) {
			case 0:
				_, err := fmt.Fprintln(a.stdout, strings.Join(names, "\n"))
				return err
			case 1:
			default:
				return usage("name one schema: %s", strings.Join(names, ", "))
			}
			raw, ok := reports.Schema(args[0])
			if args[0] == pipelineSchema {
				raw, ok = file.Schema, true
			}
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
