package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/trace"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) traceCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "trace RUN KEY",
		Short: "Tell one record's way through a stored run",
		Long: `Tell one record's way through a stored run: when its file was sent, with the line on which
it stands; every boundary that it crossed on the wire, with the message; when reads first
showed its row, document and confirmation, or no longer did; what stands in each place at
the end, dead letters and queues too; and where it stopped. RUN is the folder of a run, KEY
a record's key as it stands in findings.jsonl.`,
		Example: `  seatrial trace reports/out/20261121-153000-loader-killed-K3QF K3QF000000A7
  seatrial trace RUN KEY --json | jq -r .stopped`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage("name the folder of a run and a record's key, for example: seatrial trace %s K3QF000000A7", filepath.Join(harness.DefaultOut, "…"))
			}
			if err := isRun(args[0]); err != nil {
				return err
			}
			run, err := history.Load(args[0])
			if err != nil {
				return usage("trace %s: %w", args[0], err)
			}
			t, err := trace.Of(run, args[1])
			if err != nil { // of the key, or of the files: nothing else is read
				return usage("trace %s: %w", args[0], err)
			}
			return a.printResult(t, asJSON, func() error { return printTrace(a.stdout, t) })
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	return command
}

func printTrace(w io.Writer, t trace.Trace) error {
	var out strings.Builder
	for _, hop := range t.Hops {
		line := fmt.Sprintf("%9.3f s  %-10s %-20s %-28s %s", hop.At.Seconds(), hop.Who, hop.What, hop.Where, hop.Evidence)
		out.WriteString(reports.Line(strings.TrimRight(line, " ")) + "\n")
	}
	if t.Missing > 0 {
		fmt.Fprintf(&out, "%d events of the wire were not kept: there may be holes.\n", t.Missing)
	}
	if t.Problem != "" {
		fmt.Fprintf(&out, "There may be holes: %s.\n", reports.Line(t.Problem))
	}
	if len(t.Places) > 0 {
		out.WriteString("\nAt the end:\n")
	}
	for _, place := range t.Places {
		fmt.Fprintf(&out, "  %-14s %s\n", strings.ReplaceAll(place.Name, "-", " "), reports.Line(place.String()))
	}
	last, known := t.Last()
	switch {
	case known && t.Stopped == "":
		out.WriteString(reports.Line(fmt.Sprintf("Last known: %s %s, %s.", last.Who, last.What, last.Where)) + "\n")
	case known:
		out.WriteString("\n" + reports.Line(t.Stopped) + "\n")
	case t.Problem != "" || t.Missing > 0:
		out.WriteString("Nothing is known of it.\n")
	default:
		out.WriteString("It was never sent.\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}
