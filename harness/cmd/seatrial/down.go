package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
)

func (a *app) downCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "down [ID...]",
		Short: "Remove what up --detach or run --keep left standing",
		Example: `  seatrial down           everything that was left standing
  seatrial down k3v9x2    one of them, by the id that up printed`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := a.knownStacks(cmd, ids); err != nil {
				return err
			}
			return a.takeAway(cmd.Context(), asJSON, false, func(found harness.Found) bool {
				return found.Keep && !found.Alive && (len(ids) == 0 || slices.Contains(ids, found.ID))
			})
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

// knownStacks refuses ids of stacks that are not there or not to be taken
// down by this command.
func (a *app) knownStacks(cmd *cobra.Command, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := a.world.find(cmd.Context())
	if err != nil {
		return err
	}
	for _, id := range ids {
		at := slices.IndexFunc(found, func(item harness.Found) bool { return item.ID == id })
		switch {
		case at < 0:
			var known []string
			for _, item := range found {
				known = append(known, item.ID)
			}
			return unknown("stack", id, known, `"seatrial clean --dry-run" shows all`)
		case found[at].Alive:
			return usage("stack %s belongs to a process that is alive: end that with Ctrl-C", id)
		case !found[at].Keep:
			return usage("stack %s is what a dead run left: \"seatrial clean\" removes it", id)
		}
	}
	return nil
}
