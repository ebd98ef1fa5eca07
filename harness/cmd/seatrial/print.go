package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// printJSON writes value as the machines' form of a result.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// printResult prints what a command found to standard output: as JSON, or as text
// prints it.
func (a *app) printResult(result any, asJSON bool, text func() error) error {
	print := text
	if asJSON {
		print = func() error { return printJSON(a.stdout, result) }
	}
	if err := print(); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// printColumns writes rows in columns as wide as they need to be.
func printColumns(w io.Writer, rows [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for len(row) > 1 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(columns, "\t")
			}
			fmt.Fprint(columns, cell)
		}
		fmt.Fprintln(columns)
	}
	return columns.Flush()
}

// jsonFlagText is the help of --json, the same on every command that has it.
const jsonFlagText = "print the result as JSON"
