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

// removeWithin is how long removing one stack may take.
const removeWithin = time.Minute

func (a *app) cleanCommand() *cobra.Command {
	var all, dryRun, asJSON bool
	command := &cobra.Command{
		Use:   "clean",
		Short: "Remove the containers, networks and volumes that dead runs left",
		Long: `Remove the containers, networks and volumes that dead runs left, and with them
whatever was still broken in them. Runs whose process is alive are left alone, and so
is what was kept on purpose (run --keep, up --detach) unless --all is given. Folders
of runs and images are not touched.`,
		Example: `  seatrial clean --dry-run
  seatrial clean --all`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.takeAway(cmd.Context(), asJSON, dryRun, func(found harness.Found) bool { return !found.Alive && (all || !found.Keep) })
		},
	}
	command.Flags().BoolVar(&all, "all", false, "also remove what was kept on purpose")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

// taken is the result of clean and down.
type taken struct {
	DryRun  bool         `json:"dry_run"`
	Removed []stackFound `json:"removed"` // with dry_run: what would be
	Left    []stackFound `json:"left"`
	Failed  []failure    `json:"failed"`
}

// stackFound is a stack on the engine, whoever started it.
type stackFound struct {
	ID         string `json:"id"`
	Containers int    `json:"containers"`
	Networks   int    `json:"networks"`
	Volumes    int    `json:"volumes"`
	Alive      bool   `json:"alive"` // its process is running
	Kept       bool   `json:"kept"`  // meant to outlive its process
}

type failure struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

// takeAway removes the stacks on the engine that chosen wants gone.
func (a *app) takeAway(ctx context.Context, asJSON, dryRun bool, chosen func(harness.Found) bool) error {
	found, err := a.world.find(ctx)
	if err != nil {
		return fmt.Errorf("look for what runs left: %w", err)
	}
	result := taken{DryRun: dryRun, Removed: []stackFound{}, Left: []stackFound{}, Failed: []failure{}}
	var errs []error
	for _, stack := range found {
		item := stackFound{ID: stack.ID, Containers: stack.Containers, Networks: stack.Networks, Volumes: stack.Volumes, Alive: stack.Alive, Kept: stack.Keep}
		switch {
		case !chosen(stack) || interrupted(ctx):
			result.Left = append(result.Left, item)
		case dryRun:
			result.Removed = append(result.Removed, item)
		default:
			a.live.Phase("removing " + item.ID)
			if err := a.removeOne(ctx, item.ID); err != nil {
				errs = append(errs, fmt.Errorf("remove %s: %w", item.ID, err))
				result.Failed = append(result.Failed, failure{item.ID, err.Error()})
				continue
			}
			result.Removed = append(result.Removed, item)
		}
	}
	a.live.Close()
	if err := a.printResult(result, asJSON, func() error { return printTaken(a, result) }); err != nil {
		return err
	}
	switch {
	case interrupted(ctx):
		return exitWith(reports.ExitInterrupted)
	case len(errs) > 0:
		return &exitError{code: reports.ExitInfra, err: errors.Join(errs...)}
	}
	return nil
}

// removeOne removes a stack as a whole: an interrupt ends the command after it.
func (a *app) removeOne(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeWithin)
	defer cancel()
	return a.world.remove(ctx, id)
}

func printTaken(a *app, result taken) error {
	var rows [][]string
	say := func(did string, items []stackFound) {
		for _, item := range items {
			what := fmt.Sprintf("%s, %s, %s", quantity(item.Containers, "container"), quantity(item.Networks, "network"), quantity(item.Volumes, "volume"))
			rows = append(rows, []string{did, item.ID, what, whyLeft(item)})
		}
	}
	removed := "removed"
	if result.DryRun {
		removed = "would remove"
	}
	say(removed, result.Removed)
	for _, item := range result.Failed {
		rows = append(rows, []string{"failed", item.ID, item.Error, ""})
	}
	say("left", result.Left)
	if len(rows) == 0 {
		rows = [][]string{{"nothing is left of any run"}}
	}
	return printColumns(a.stdout, rows)
}

func whyLeft(item stackFound) string {
	switch {
	case item.Alive:
		return "its process is alive"
	case item.Kept:
		return "kept on purpose"
	}
	return ""
}
