package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/repair"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) repairCommand() *cobra.Command {
	var asJSON, asFiles, asSQL bool
	command := &cobra.Command{
		Use:   "repair RUN",
		Short: "Say what to do so that a stored run's data is whole again",
		Long: `Say what to do so that a stored run's data is whole again: what to replay and in which
order, what is doubled by that on this pipeline as far as the run tells, what stands twice
and must be removed, what a sync would mend, and what is left to people. Nothing is done
and nothing is written; "seatrial run --repair" carries such a plan out.

RUN is the folder of a run. --files prints the files that have to come back, one a line in
the order in which they must come: where the file as it was sent lies, a tab, and the name
under which to drop it. --sql prints what removes rows that stand twice, as one transaction.`,
		Example: `  seatrial repair reports/out/20261121-153000-wiped-inbox-K3QF
  seatrial repair RUN --json | jq '.steps[] | {do, text}'
  seatrial repair RUN --files | while IFS="$(printf '\t')" read -r file name; do
    sftp-put "$file" "inbox/$name"; done
  seatrial repair RUN --sql | psql "$POSTGRES_URL"`,
		RunE: func(_ *cobra.Command, args []string) error {
			if asJSON && asFiles || asJSON && asSQL || asFiles && asSQL {
				return usage("--json, --files and --sql cannot be given together")
			}
			if len(args) != 1 {
				return usage("name the folder of one run, for example: seatrial repair %s", filepath.Join(harness.DefaultOut, "…"))
			}
			return a.repair(args[0], asJSON, asFiles, asSQL)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	command.Flags().BoolVar(&asFiles, "files", false, "print only the files that have to come back, in order, for a script")
	command.Flags().BoolVar(&asSQL, "sql", false, "print only the SQL that removes what stands twice")
	return command
}

func (a *app) repair(folder string, asJSON, asFiles, asSQL bool) error {
	if err := isRun(folder); err != nil {
		return err
	}
	plan, err := harness.PlanRepair(folder)
	if err != nil {
		return a.storedFailed("repair", folder, err)
	}
	switch {
	case asJSON:
		err = printJSON(a.stdout, plan)
	case asFiles:
		err = a.printFiles(folder, plan)
	case asSQL:
		err = printSQL(a.stdout, plan)
	default:
		err = reports.Repair(a.stdout, plan)
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// printFiles prints where each file lies and its name. Of one that is not kept
// only the name is known: its first column is empty, and that is said.
func (a *app) printFiles(folder string, plan repair.Plan) error {
	missing := 0
	for _, file := range plan.Files {
		where := ""
		if file.Input != "" {
			where = filepath.Join(folder, filepath.FromSlash(file.Input))
		} else {
			missing++
		}
		if _, err := io.WriteString(a.stdout, where+"\t"+reports.Line(cmp.Or(file.As, file.File))+"\n"); err != nil {
			return err
		}
	}
	if missing > 0 {
		a.live.Say(fmt.Sprintf("%d of %d files are not kept in the run's folder: take them from the sender or the archive", missing, len(plan.Files)))
	}
	return nil
}

// printSQL prints the statements of the plan as one transaction; nothing where
// there are none.
func printSQL(w io.Writer, plan repair.Plan) error {
	var out strings.Builder
	for _, step := range plan.Steps {
		for _, statement := range step.SQL {
			out.WriteString(statement + ";\n")
		}
	}
	if out.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "BEGIN;\n"+out.String()+"COMMIT;\n")
	return err
}
