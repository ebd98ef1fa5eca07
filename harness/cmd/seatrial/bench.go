package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness/internal/tap/bench"
)

// benchmark is one of what `seatrial bench` measures.
type benchmark struct {
	rounds int // where --rounds is not given
	// run returns the result, for JSON, and what it is for people.
	run func(ctx context.Context, rounds int, progress func(string)) (result any, rows [][]string, err error)
}

// Of the stack there are fewer rounds: one starts five stacks, and its result
// does not hang on a few percent.
const (
	stackRounds = 3
	tapRounds   = 15
)

func (a *app) benchCommand() *cobra.Command {
	benchmarks := map[string]benchmark{
		"stack": {stackRounds, a.benchStack},
		"tap":   {tapRounds, a.benchTap},
	}
	var rounds int
	var asJSON bool
	command := &cobra.Command{
		Use:   "bench [stack|tap]",
		Short: "Measure what the harness itself costs on this machine",
		Long: `Measure what the harness itself costs. Figures are medians over the rounds; ratios
compare what was measured on this machine in one call, seconds and rates do not travel.

stack (what is measured without a name): starting the services. The time until all
are ready, started at once, against the time that the slowest needs alone.

tap: throughput through the proxy between pipeline and services, whose tap reads the
protocols and has the links of Toxiproxy, for toxics, behind it. Inserts of single rows on
4 connections and publishes with 100 outstanding confirms go through it, through
plain Toxiproxy, through the tap alone and directly to the service, in turn; ratios
are to plain Toxiproxy within one round. Starts a Postgres and a RabbitMQ and removes
them; Ctrl-C does, too. A round takes about 6 s.`,
		Example: `  seatrial bench stack --rounds 5
  seatrial bench stack --json | jq .stack.ratio
  seatrial bench tap
  seatrial bench tap --json | jq .tap.inserts.tap_toxiproxy.ratio`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "stack"
			switch len(args) {
			case 0:
			case 1:
				name = args[0]
			default:
				return usage("bench measures one thing at a time, and was given %q besides", args[1])
			}
			chosen, known := benchmarks[name]
			if !known {
				return unknown("benchmark", name, []string{"stack", "tap"}, `there are "stack" and "tap"`)
			}
			if !cmd.Flags().Changed("rounds") {
				rounds = chosen.rounds
			}
			if rounds < 1 {
				return usage("--rounds %d: give at least 1", rounds)
			}
			result, rows, err := chosen.run(cmd.Context(), rounds, a.live.Phase)
			if err != nil {
				return fmt.Errorf("measure the %s: %w", name, err)
			}
			if asJSON {
				return printJSON(a.stdout, map[string]any{name: result})
			}
			return printColumns(a.stdout, rows)
		},
	}
	command.Flags().IntVar(&rounds, "rounds", 0, fmt.Sprintf("how often each is measured (default %d for stack, %d for tap)", stackRounds, tapRounds))
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func (a *app) benchStack(ctx context.Context, rounds int, progress func(string)) (any, [][]string, error) {
	stack, err := a.world.benchStack(ctx, rounds, progress)
	if err != nil {
		return nil, nil, err
	}
	return stack, [][]string{
		{"stack", fmt.Sprintf("%.2f s", stack.Stack), "until all services are ready, started at once"},
		{"alone", fmt.Sprintf("%.2f s", stack.Alone[stack.Slowest]), "until " + stack.Slowest + ", the slowest, is ready alone"},
		{"ratio", fmt.Sprintf("%.2f", stack.Ratio), "of the two, over " + quantity(stack.Rounds, "round")},
	}, nil
}

// wayText says what stands between client and service.
var wayText = map[bench.Way]string{
	bench.Direct:       "nothing in between",
	bench.Toxiproxy:    "plain Toxiproxy: what the ratios are to",
	bench.TapToxiproxy: "the tap, Toxiproxy's links behind it: what a run has",
	bench.Tap:          "the tap alone",
}

func (a *app) benchTap(ctx context.Context, rounds int, progress func(string)) (any, [][]string, error) {
	measured, err := a.world.benchTap(ctx, rounds, progress)
	if err != nil {
		return nil, nil, err
	}
	rows := [][]string{{"", "way", "ratio", "quartiles", "per second"}}
	var follows [][]string
	for _, work := range []struct {
		name       string
		comparison bench.Comparison
	}{{"inserts", measured.Inserts}, {"publishes", measured.Publishes}} {
		for _, way := range bench.Ways {
			f := work.comparison[way]
			rows = append(rows, []string{work.name, string(way), fmt.Sprintf("%.2f", f.Ratio),
				fmt.Sprintf("%.2f to %.2f", f.Lower, f.Upper), fmt.Sprintf("%.0f", f.PerSecond), wayText[way]})
		}
		follows = append(follows, []string{work.name + ": " + whatFollows(work.comparison[bench.TapToxiproxy])})
	}
	rows = append(rows, []string{""})
	rows = append(rows, follows...)
	return measured, append(rows, []string{"(medians over " + quantity(measured.Rounds, "round") + "; compare ratios of one call with each other, not rates of two)"}), nil
}

// whatFollows says in words what the way of a run costs. Only where half of
// the rounds agree on the direction is there one.
func whatFollows(f bench.Figures) string {
	percent := 100 * (f.Ratio - 1)
	switch {
	case f.Upper < 1:
		return fmt.Sprintf("with the tap in front, %.0f %% less goes through than through plain Toxiproxy", -percent)
	case f.Lower > 1:
		return fmt.Sprintf("with the tap in front, %.0f %% more goes through than through plain Toxiproxy", percent)
	default:
		return "the tap in front of Toxiproxy makes no difference that stands out from the noise"
	}
}
