package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/reports"
)

// listedDefect is what `list --defects` says of a defect. Found and Seconds
// are those of a matrix that ran it under the same scenario.
type listedDefect struct {
	ID       int      `json:"id"`
	Name     string   `json:"name"`
	Does     string   `json:"does"`
	Expected []string `json:"expected"`
	Scenario string   `json:"scenario"` // the one meant for it; empty: none
	Found    []string `json:"found,omitempty"`
	Caught   bool     `json:"caught,omitempty"`
	Seconds  float64  `json:"seconds,omitempty"`
}

func (a *app) listDefects(matrix string, asJSON, asMarkdown bool) error {
	var m reports.Matrix
	if matrix != "" {
		var err error
		if m, err = reports.ReadMatrix(matrix); err != nil {
			return usage("--matrix %s: %w", matrix, err)
		}
	}
	list := describeDefects(a.world.scenarios(), m)
	switch {
	case asJSON:
		return printJSON(a.stdout, list)
	case asMarkdown:
		return defectsMarkdown(a.stdout, list, matrix != "")
	}
	rows := [][]string{{"NO", "DEFECT", "EXPECTED", "SCENARIO"}}
	if matrix != "" {
		rows[0] = append(rows[0], "FOUND", "SECONDS")
	}
	for _, d := range list {
		row := []string{strconv.Itoa(d.ID), d.Name, strings.Join(d.Expected, ", "), cmp.Or(d.Scenario, "-")}
		if matrix != "" {
			row = append(row, cmp.Or(d.found(), "-"), cmp.Or(d.took(), "-"))
		}
		rows = append(rows, row)
	}
	return printColumns(a.stdout, rows)
}

// meantFor returns the first scenario that names a defect in its Catches.
func meantFor(name defect.Name, scenarios []harness.Scenario) (harness.Scenario, bool) {
	i := slices.IndexFunc(scenarios, func(s harness.Scenario) bool { return slices.Contains(s.Catches, string(name)) })
	if i < 0 {
		return harness.Scenario{}, false
	}
	return scenarios[i], true
}

func describeDefects(scenarios []harness.Scenario, m reports.Matrix) []listedDefect {
	var list []listedDefect
	for _, d := range defect.All() {
		scenario, _ := meantFor(d.Name, scenarios)
		one := listedDefect{ID: d.Number, Name: string(d.Name), Does: d.Line, Expected: append([]string{}, d.Classes...), Scenario: scenario.Name}
		for _, ran := range m.Defects {
			if ran.Name == one.Name && ran.Scenario == one.Scenario {
				one.Caught, one.Seconds = ran.Caught, ran.Seconds
				for _, class := range ran.Found {
					one.Found = append(one.Found, string(class))
				}
			}
		}
		list = append(list, one)
	}
	return list
}

// found is what a matrix found, in a cell.
func (d listedDefect) found() string {
	switch {
	case d.Seconds == 0:
		return ""
	case len(d.Found) == 0:
		return "nothing"
	}
	return strings.Join(d.Found, ", ")
}

func (d listedDefect) took() string {
	if d.Seconds == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", d.Seconds)
}

func defectsMarkdown(w io.Writer, list []listedDefect, ran bool) error {
	var out strings.Builder
	out.WriteString("| no | defect | what it does | expected | scenario |")
	line := "\n| ---: | --- | --- | --- | --- |"
	if ran {
		out.WriteString(" found | seconds |")
		line += " --- | ---: |"
	}
	out.WriteString(line + "\n")
	for _, d := range list {
		fmt.Fprintf(&out, "| %d | `%s` | %s | %s | %s |", d.ID, d.Name, cell(d.Does), strings.Join(d.Expected, ", "), codeOrNothing(d.Scenario))
		if ran {
			fmt.Fprintf(&out, " %s | %s |", d.found(), d.took())
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// cell returns text for a cell of a Markdown table.
func cell(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) }

func codeOrNothing(name string) string {
	if name == "" {
		return ""
	}
	return "`" + name + "`"
}
