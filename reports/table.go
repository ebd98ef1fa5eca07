package reports

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/seatrial/seatrial/harness/check"
)

// pipelineShown is how much of a pipeline's name a table has room for: many
// defects can be on at once.
const pipelineShown = 60

// Table writes the table at the end: a line per run, below it the reason
// where the run is not valid, and a sum. With color verdicts are coloured.
func Table(w io.Writer, runs []Run, color bool) error {
	paint := palette(color)
	grid := [][]string{{"scenario", "pipeline", "seed", "verdict", "operations", "faults", "seconds", "report"}}
	for _, run := range runs {
		report := "none"
		if run.Folder != "" {
			report = filepath.Join(run.Folder, HTMLFile)
		}
		grid = append(grid, []string{
			printable(run.Scenario), shorten(printable(run.Pipeline), pipelineShown), fmt.Sprint(run.Seed), printable(string(cmp.Or(run.Verdict, check.Unknown))),
			countsLine(run.Counts), faultsLine(run), fmt.Sprintf("%.1f", run.Seconds["total"]), printable(report),
		})
	}
	widths := columnWidths(grid)
	var out strings.Builder
	for i, cells := range grid {
		for column, cell := range cells {
			padding := widths[column] - runewidth.StringWidth(cell)
			if column == len(cells)-1 {
				padding = 0
			}
			switch {
			case i == 0:
				cell = paint.dim(strings.ToUpper(cell))
			case column == 3:
				cell = paint.verdict(runs[i-1], cell)
			}
			out.WriteString(cell + strings.Repeat(" ", padding))
			if column < len(cells)-1 {
				out.WriteString("  ")
			}
		}
		out.WriteString("\n")
		if i > 0 {
			for _, line := range problems(runs[i-1]) {
				out.WriteString("  " + line + "\n")
			}
		}
	}
	if len(runs) != 1 {
		out.WriteString(sumLine(runs) + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// problems returns what a line of the table cannot say of a run that is not valid.
func problems(run Run) []string {
	var lines []string
	if run.Verdict != check.Valid || len(run.NotJudged) > 0 {
		lines = append(lines, sentence(cmp.Or(run.Reason, "no reason was given")))
	}
	if run.Repaired != nil {
		lines = append(lines, repairedLine(*run.Repaired))
	}
	if !run.Undo.OK {
		lines = append(lines, "undo failed: "+sentence(cmp.Or(run.Undo.Error, "no cause given")))
	}
	switch run.Exit {
	case ExitAborted:
		lines = append(lines, "aborted before its end")
	case ExitInterrupted:
		lines = append(lines, "interrupted")
	}
	return lines
}

// columns returns rows as printable lines, cells of a column one below the other.
func columns(rows [][]string) []string {
	grid := make([][]string, len(rows))
	for i, cells := range rows {
		for _, cell := range cells {
			grid[i] = append(grid[i], printable(cell))
		}
	}
	widths := columnWidths(grid)
	lines := make([]string, len(grid))
	for i, cells := range grid {
		for column, cell := range cells {
			lines[i] += runewidth.FillRight(cell, widths[column]) + "  "
		}
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

func columnWidths(grid [][]string) []int {
	widths := make([]int, len(grid[0]))
	for _, cells := range grid {
		for column, cell := range cells {
			widths[column] = max(widths[column], runewidth.StringWidth(cell))
		}
	}
	return widths
}

func sumLine(runs []Run) string {
	count := map[check.Verdict]int{}
	for _, run := range runs {
		count[cmp.Or(run.Verdict, check.Unknown)]++
	}
	parts := []string{}
	for _, verdict := range []check.Verdict{check.Valid, check.Invalid, check.Unknown, check.Infra} {
		if count[verdict] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[verdict], verdict))
		}
	}
	if len(parts) == 0 {
		return "no runs"
	}
	return fmt.Sprintf("%d runs: %s", len(runs), strings.Join(parts, ", "))
}
