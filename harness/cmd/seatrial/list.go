package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) listCommand() *cobra.Command {
	var asJSON, asMarkdown, defects bool
	var matrix string
	command := &cobra.Command{
		Use:   "list",
		Short: "Show the scenarios: what they try, where they come from, what they catch",
		Example: `  seatrial list
  seatrial list --json | jq -r '.[].name'
  seatrial list --markdown                                  the table of the README
  seatrial list --defects --matrix reports/out/matrix.json  the defects, and what a matrix found`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if asJSON && asMarkdown {
				return usage("--json and --markdown cannot be given together")
			}
			if matrix != "" && !defects {
				return usage("--matrix: give it together with --defects")
			}
			if defects {
				return a.listDefects(matrix, asJSON, asMarkdown)
			}
			scenarios := describe(a.world.scenarios())
			switch {
			case asJSON:
				return printJSON(a.stdout, scenarios)
			case asMarkdown:
				return listMarkdown(a.stdout, scenarios)
			}
			return listText(a.stdout, scenarios)
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, jsonFlagText)
	command.Flags().BoolVar(&asMarkdown, "markdown", false, "print a Markdown table")
	command.Flags().BoolVar(&defects, "defects", false, "show the defects that the reference pipeline can have, and what catches them")
	command.Flags().StringVar(&matrix, "matrix", "", "with --defects: the "+reports.MatrixFile+" of a matrix, to show what it found")
	return command
}

func listText(w io.Writer, scenarios []listed) error {
	var out strings.Builder
	for i, s := range scenarios {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(s.Name)
		if s.Incident != "" {
			fmt.Fprintf(&out, "  (incident %s)", s.Incident)
		}
		fmt.Fprintf(&out, "\n    %s\n", s.Hypothesis)
		for _, step := range s.Plan {
			verb := "breaks"
			if step.Operation != "" {
				verb = "does"
			}
			fmt.Fprintf(&out, "    %-8s %s\n", verb, step)
		}
		if s.Repairs != "" {
			fmt.Fprintf(&out, "    repairs  %s\n", s.Repairs)
		}
		if len(s.Catches) > 0 {
			fmt.Fprintf(&out, "    catches  %s\n", strings.Join(s.Catches, ", "))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// listed is what `list` says of a scenario.
type listed struct {
	Name       string       `json:"name"`
	Incident   string       `json:"incident"`
	Hypothesis string       `json:"hypothesis"`
	Plan       []listedStep `json:"plan"`
	Catches    []string     `json:"catches"`
	Repairs    string       `json:"repairs"`
}

// listedStep is one fault or operation of a plan, in words.
type listedStep struct {
	When      string `json:"when"`
	Fault     string `json:"fault"`
	Target    string `json:"target"`
	Detail    string `json:"detail"`
	Recover   string `json:"recover"`
	Operation string `json:"operation,omitempty"` // instead of a fault
}

func describe(scenarios []harness.Scenario) []listed {
	list := make([]listed, len(scenarios))
	for i, s := range scenarios {
		list[i] = listed{Name: s.Name, Incident: s.Incident.String(), Hypothesis: s.Hypothesis, Plan: []listedStep{}, Catches: append([]string{}, s.Catches...), Repairs: s.Repairs}
		for _, step := range s.Plan {
			list[i].Plan = append(list[i].Plan, listedStep{
				When: step.When.Text, Fault: step.Fault.Name, Target: step.Fault.Target, Detail: step.Fault.Detail, Recover: step.Recover.Text,
				Operation: step.Operation.Name,
			})
		}
	}
	return list
}

func (s listedStep) String() string {
	if s.Operation != "" {
		return s.Operation + ": " + s.When
	}
	text := s.Fault + " on " + s.Target
	if s.Detail != "" {
		text += " (" + s.Detail + ")"
	}
	return text + ": " + s.When + ", taken back " + s.Recover
}

func listMarkdown(w io.Writer, scenarios []listed) error {
	var out strings.Builder
	out.WriteString("| scenario | what must hold | what breaks | catches | incident |\n| --- | --- | --- | --- | --- |\n")
	for _, s := range scenarios {
		breaks := make([]string, len(s.Plan))
		for i, step := range s.Plan {
			breaks[i] = step.Fault + " on " + step.Target
			if step.Operation != "" {
				breaks[i] = "then " + step.Operation
			}
		}
		if len(breaks) == 0 {
			breaks = []string{"nothing"}
		}
		catches := make([]string, len(s.Catches))
		for i, name := range s.Catches {
			catches[i] = "`" + name + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", s.Name, cell(s.Hypothesis), cell(strings.Join(breaks, ", ")), strings.Join(catches, ", "), cell(s.Incident))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
