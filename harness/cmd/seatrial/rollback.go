package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

// rollBackWithin is how long putting everything back may take.
const rollBackWithin = 5 * time.Minute

func (a *app) rollbackCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "rollback RUN",
		Short: "Put back what a dead run broke, on the stack that it left standing",
		Long: `Put back what a dead run broke, on the stack that it left standing.

A run writes down how each fault is taken back before it injects it (undo.jsonl in its
folder). Where the run was killed, this carries out what it still owed, last first,
lets go of what breakpoints held, and has every service and every role prove that it
works. The stack stays, to be looked at; "seatrial clean" removes it. A run whose
process is alive is left alone. It can be done twice.

What it cannot do: make a role's container anew that was removed with its disk. Only
the run knew the environment it was made with.

Exit codes: 0 all is put back and works, or the stack is gone and with it what was
broken; 2 no such run, or it is under way; 3 the stack cannot be reached; 5 something
could not be put back, or does not work.`,
		Example: `  seatrial rollback reports/out/20260102-150405-loader-killed-k3v9x2
  seatrial rollback RUN --json | jq '.steps[] | select(.error != "")'`,
		Args: oneRun,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.rollBack(cmd.Context(), args[0], asJSON)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

// oneRun wants one argument: the folder of a run.
func oneRun(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage("%s takes the folder of one run, and was given %s", cmd.CommandPath(), quantity(len(args), "argument"))
	}
	return nil
}

func (a *app) rollBack(ctx context.Context, dir string, asJSON bool) error {
	result, err := a.putBack(ctx, dir)
	a.live.Close()
	if err != nil {
		return err
	}
	if err := a.printResult(result, asJSON, func() error { return a.printRolledBack(result) }); err != nil {
		return err
	}
	if !result.OK() {
		return exitWith(reports.ExitUndo)
	}
	return nil
}

// putBack is not cut short by an interrupt: half put back is broken.
func (a *app) putBack(ctx context.Context, dir string) (harness.RolledBack, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackWithin)
	defer cancel()
	result, err := a.world.rollBack(ctx, dir, a.live.Phase)
	switch {
	case errors.Is(err, harness.ErrUsage):
		return result, usage("%w", err)
	case err != nil:
		return result, &exitError{code: reports.ExitInfra, err: err}
	}
	return result, nil
}

func (a *app) printRolledBack(result harness.RolledBack) error {
	if !result.Standing {
		return printColumns(a.stdout, [][]string{{fmt.Sprintf("stack %s does not stand any more, and what was broken in it is gone with it", result.Stack)}})
	}
	var rows [][]string
	for _, step := range result.Steps {
		if step.Error != "" {
			rows = append(rows, []string{"failed", step.Do, step.Target, reports.Line(step.Error)})
			continue
		}
		rows = append(rows, []string{"put back", step.Do, step.Target, ""})
	}
	if len(rows) == 0 {
		rows = append(rows, []string{"nothing was owed", "", "", ""})
	}
	for _, part := range result.Healthy {
		state := "works"
		if !part.OK {
			state = "does not work"
		}
		rows = append(rows, []string{state, part.Part, "", reports.Line(part.Evidence)})
	}
	return printColumns(a.stdout, rows)
}
