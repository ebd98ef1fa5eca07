package reports

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// cleanLine sums up the clean runs of one scenario.
type cleanLine struct {
	scenario string
	verdicts []check.Verdict
	seconds  float64 // of them, in the mean
}

func (m Matrix) cleanLines() []cleanLine {
	var lines []cleanLine
	for _, c := range m.Clean {
		if len(lines) == 0 || lines[len(lines)-1].scenario != c.Scenario {
			lines = append(lines, cleanLine{scenario: c.Scenario})
		}
		last := &lines[len(lines)-1]
		last.seconds = (last.seconds*float64(len(last.verdicts)) + c.Seconds) / float64(len(last.verdicts)+1)
		last.verdicts = append(last.verdicts, c.Verdict)
	}
	return lines
}

// said sums up the verdicts: "3 valid", "2 valid, 1 unknown".
func (c cleanLine) said() string {
	var parts []string
	for _, verdict := range []check.Verdict{check.Valid, check.Invalid, check.Unknown, check.Infra} {
		if n := len(c.verdicts) - len(slices.DeleteFunc(slices.Clone(c.verdicts), func(v check.Verdict) bool { return v == verdict })); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, verdict))
		}
	}
	return strings.Join(parts, ", ")
}

// Text is what was found, in words.
func (d MatrixDefect) Text() string {
	if len(d.Found) == 0 {
		return "nothing (" + string(d.Verdict) + ")"
	}
	return countsOf(d.Found, d.Counts)
}

func countsOf(classes []check.Class, counts map[check.Class]int) string {
	parts := make([]string, len(classes))
	for i, class := range classes {
		parts[i] = fmt.Sprintf("%d %s", counts[class], words(class))
	}
	return strings.Join(parts, ", ")
}

func classNames(classes []check.Class) string {
	names := make([]string, len(classes))
	for i, class := range classes {
		names[i] = words(class)
	}
	return strings.Join(names, ", ")
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "NO"
}

// alarms is a number of false alarms.
func alarms(n int) string {
	if n == 1 {
		return "1 false alarm"
	}
	return fmt.Sprintf("%d false alarms", n)
}

func (q MatrixQuiet) where() string {
	if q.NoFault {
		return q.Scenario + ", nothing broken"
	}
	return q.Scenario
}

func (q MatrixQuiet) said() string {
	if q.Quiet {
		return "nothing found"
	}
	return string(q.Verdict)
}

// Sum is the matrix in a sentence.
func (m Matrix) Sum() string {
	text := fmt.Sprintf("%d of %d defects caught, %s in %d clean and %d quiet runs", m.Caught, len(m.Defects), alarms(m.FalseAlarms), len(m.Clean), len(m.Quiet))
	if m.Unproved > 0 {
		text += fmt.Sprintf(", %d of them not proved either way", m.Unproved)
	}
	if left := m.Planned - m.ran(); left > 0 {
		text += fmt.Sprintf("; %d of %d runs were not made", left, m.Planned)
	}
	return text + ", " + seconds(m.Seconds)
}

// amiss lists the runs that one should look at.
func (m Matrix) amiss() []string {
	var lines []string
	add := func(what string, run MatrixRun) {
		lines = append(lines, fmt.Sprintf("%s, seed %d: %s: %s (%s)", what, run.Seed, run.Verdict, sentence(run.Reason), run.Folder))
	}
	for _, d := range m.Defects {
		if !d.Caught {
			add(d.Name+" on "+d.Scenario+", not caught", d.MatrixRun)
		}
	}
	for _, c := range m.Clean {
		if c.Verdict != check.Valid || c.Exit != ExitValid {
			add("clean on "+c.Scenario, c.MatrixRun)
		}
	}
	for _, q := range m.Quiet {
		if !q.Quiet {
			add(strings.Join(q.Defects, ",")+" on "+q.where(), q.MatrixRun)
		}
	}
	return lines
}

// Table writes the matrix for a terminal.
func (m Matrix) Table(w io.Writer, color bool) error {
	paint := palette(color)
	var out strings.Builder
	grid := func(rows [][]string) {
		if len(rows) == 1 {
			return
		}
		for i, line := range columns(rows) {
			switch {
			case i == 0:
				line = paint.dim(strings.ToUpper(line))
			case slices.Contains(rows[i], "NO"):
				line = paint.paint("1;31", line)
			}
			out.WriteString(line + "\n")
		}
		out.WriteString("\n")
	}
	rows := [][]string{{"no", "defect", "scenario", "expected", "found", "caught", "seconds"}}
	for _, d := range m.Defects {
		rows = append(rows, []string{strconv.Itoa(d.ID), d.Name, d.Scenario, classNames(d.ExpectedAll), d.Text(), yes(d.Caught), fmt.Sprintf("%.1f", d.Seconds)})
	}
	grid(rows)
	rows = [][]string{{"no", "defect", "besides, on", "found", "seconds"}}
	for _, d := range m.Others {
		rows = append(rows, []string{strconv.Itoa(d.ID), d.Name, d.Scenario, d.Text(), fmt.Sprintf("%.1f", d.Seconds)})
	}
	grid(rows)
	rows = [][]string{{"clean on", "verdicts", "seconds"}}
	for _, c := range m.cleanLines() {
		rows = append(rows, []string{c.scenario, c.said(), fmt.Sprintf("%.1f", c.seconds)})
	}
	grid(rows)
	rows = [][]string{{"without their trigger, on", "defects", "", "seconds"}}
	for _, q := range m.Quiet {
		rows = append(rows, []string{q.where(), shorten(strings.Join(q.Defects, ", "), 60), q.said(), fmt.Sprintf("%.1f", q.Seconds)})
	}
	grid(rows)
	for _, line := range m.amiss() {
		out.WriteString(line + "\n")
	}
	out.WriteString(strings.TrimRight(m.Sum(), " ") + ".\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// Markdown writes the matrix as a page.
func (m Matrix) Markdown(w io.Writer) error {
	p := &page{w: w}
	p.printf("# Matrix\n\n%s. Begun %s, %d stacks at once.\n\n", prose(m.Sum()), prose(m.Started), m.Parallel)
	if lines := m.amiss(); len(lines) > 0 {
		p.printf("## To look at\n\n")
		for _, line := range lines {
			p.printf("- %s\n", prose(line))
		}
		p.printf("\n")
	}
	if len(m.Defects) > 0 {
		p.printf("## Every defect against the scenario meant for it\n\n")
		p.head(">no", "defect", "scenario", "expected", "found", "caught", ">seconds", "run")
		for _, d := range m.Defects {
			p.row(strconv.Itoa(d.ID), prose(d.Name), prose(d.Scenario), prose(classNames(d.ExpectedAll)), prose(d.Text()), yes(d.Caught), fmt.Sprintf("%.1f", d.Seconds), prose(d.Folder))
		}
		p.printf("\n")
	}
	if len(m.Others) > 0 {
		p.printf("## Defects against scenarios not meant for them\n\n")
		p.head(">no", "defect", "scenario", "found", ">seconds", "run")
		for _, d := range m.Others {
			p.row(strconv.Itoa(d.ID), prose(d.Name), prose(d.Scenario), prose(d.Text()), fmt.Sprintf("%.1f", d.Seconds), prose(d.Folder))
		}
		p.printf("\n")
	}
	if len(m.Clean) > 0 {
		p.printf("## The clean pipeline\n\n")
		p.head("scenario", ">seed", "verdict", ">seconds", "run")
		for _, c := range m.Clean {
			p.row(prose(c.Scenario), strconv.FormatUint(c.Seed, 10), prose(string(c.Verdict)), fmt.Sprintf("%.1f", c.Seconds), prose(c.Folder))
		}
		p.printf("\n")
	}
	if len(m.Quiet) > 0 {
		p.printf("## Defects without their trigger\n\n")
		p.head("scenario", "defects", "found", ">seconds", "run")
		for _, q := range m.Quiet {
			p.row(prose(q.where()), prose(strings.Join(q.Defects, ", ")), prose(q.said()), fmt.Sprintf("%.1f", q.Seconds), prose(q.Folder))
		}
		p.printf("\n")
	}
	return p.err
}
