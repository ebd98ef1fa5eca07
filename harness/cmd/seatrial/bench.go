package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
)

func (a *app) benchCommand() *cobra.Command {
	var rounds int
	var asJSON bool
	command := &cobra.Command{
		Use:   "bench [stack]",
		Short: "Measure what the harness itself costs on this machine",
		Long: `Measure what starting the services costs: the time until all are ready, started at
once, against the time that the slowest needs alone. Figures are medians over the
rounds; the ratio compares runs on this machine with each other, seconds do not travel.`,
		Example: `  seatrial bench stack --rounds 5
  seatrial bench stack --json | jq .stack.ratio`,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if name != "stack" {
					return unknown("benchmark", name, []string{"stack"}, `there is "stack"`)
				}
			}
			if rounds < 1 {
				return usage("--rounds %d: give at least 1", rounds)
			}
			stack, err := a.world.benchStack(cmd.Context(), rounds, a.live.Phase)
			if err != nil {
				return fmt.Errorf("measure the stack: %w", err)
			}
			if asJSON {
				return printJSON(a.stdout, map[string]harness.StackBench{"stack": stack})
			}
			return printColumns(a.stdout, [][]string{
				{"stack", fmt.Sprintf("%.2f s", stack.Stack), "until all services are ready, started at once"},
				{"alone", fmt.Sprintf("%.2f s", stack.Alone[stack.Slowest]), "until " + stack.Slowest + ", the slowest, is ready alone"},
				{"ratio", fmt.Sprintf("%.2f", stack.Ratio), "of the two, over " + quantity(stack.Rounds, "round")},
			})
		},
	}
	command.Flags().IntVar(&rounds, "rounds", 3, "how often each is measured")
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}
