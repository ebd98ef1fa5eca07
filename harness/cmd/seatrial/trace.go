package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/trace"
)

func (a *app) traceCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "trace RUN KEY",
		Short: "Tell one record's way through a stored run",
		Long: `Tell one record's way through a stored run: when its file was sent, and every boundary
that it crossed on the wire, with times and evidence. The last line is where it was last
known to be. RUN is the folder of a run, KEY a record's key as it stands in findings.jsonl.`,
		Example: `  seatrial trace reports/out/20261121-153000-loader-killed-K3QF K3QF000000A7
  seatrial trace RUN KEY --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			run, err := history.Load(args[0])
			if err != nil {
				return usage("%w", err)
			}
			t, err := trace.Of(run, args[1])
			if errors.Is(err, trace.ErrUnknownKey) {
				return usage("%w", err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(a.stdout)
				encoder.SetIndent("", "  ")
				return encoder.Encode(t)
			}
			return printTrace(a.stdout, t)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func printTrace(w io.Writer, t trace.Trace) error {
	for _, hop := range t.Hops {
		if _, err := fmt.Fprintf(w, "%9.3f s  %-10s %-20s %-28s %s\n", hop.At.Seconds(), hop.Who, hop.What, hop.Where, hop.Evidence); err != nil {
			return err
		}
	}
	if t.Missing > 0 {
		fmt.Fprintf(w, "%d events of the wire were not kept: there may be holes.\n", t.Missing)
	}
	if last, ok := t.Last(); ok {
		_, err := fmt.Fprintf(w, "Last known: %s %s, %s.\n", last.Who, last.What, last.Where)
		return err
	}
	_, err := fmt.Fprintln(w, "It was never sent.")
	return err
}
