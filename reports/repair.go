package reports

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/repair"
)

// RepairFile is the repair plan of a run in which something was found.
const RepairFile = "repair.json"

// Of the lists of a repair plan people are shown this many; repair.json has all.
const (
	repairFilesShown = 30
	repairItemsShown = 10
)

// Repair writes a repair plan as people read it in a terminal.
func Repair(w io.Writer, plan repair.Plan) error {
	var out strings.Builder
	if !plan.Needed {
		out.WriteString("Nothing to repair")
		if n := passed(plan); n > 0 {
			fmt.Fprintf(&out, ": what was found (%s) was right again at the end", classCounts(plan.Passed))
		}
		out.WriteString(".\n")
		for _, note := range plan.Notes {
			fmt.Fprintf(&out, "%s\n", printable(note))
		}
		_, err := io.WriteString(w, out.String())
		return err
	}
	if len(plan.Steps) == 0 {
		out.WriteString("No step mends what was found.\n")
	}
	for i, step := range plan.Steps {
		fmt.Fprintf(&out, "%d. %s.%s\n", i+1, printable(step.Text), stepHow(step, printable))
		if len(step.Mends) > 0 {
			fmt.Fprintf(&out, "   mends: %s\n", classCounts(step.Mends))
		}
		for _, statement := range firstOf(step.SQL, 1) {
			fmt.Fprintf(&out, "   %s\n", printable(shorten(statement, 160)))
		}
		if len(step.SQL) > 0 {
			fmt.Fprintf(&out, "   %s in all; --sql prints them.\n", counted(len(step.SQL), "statement"))
		}
	}
	if len(plan.Files) > 0 {
		out.WriteString("\nIn this order")
		if plan.Window != nil {
			fmt.Fprintf(&out, " (sent from %s to %s)", printable(plan.Window.From), printable(plan.Window.To))
		}
		out.WriteString(":\n")
		for _, file := range firstOf(plan.Files, repairFilesShown) {
			fmt.Fprintf(&out, "  %s\n", printable(fileLine(file)))
		}
		rest(&out, "  ", len(plan.Files), repairFilesShown, "files")
		fmt.Fprintf(&out, "\nDoubled by that: %s\nVersions guarded: %s\n", printable(knownLine(plan.Doubles, plan.Arrived)), printable(string(plan.Guarded.Answer)+", "+plan.Guarded.Evidence))
	}
	if len(plan.Remove) > 0 {
		out.WriteString("\nStands there twice:\n")
		for _, d := range firstOf(plan.Remove, repairItemsShown) {
			fmt.Fprintf(&out, "  %s\n", printable(duplicateLine(d)))
		}
		rest(&out, "  ", len(plan.Remove), repairItemsShown, "records")
	}
	if len(plan.Left) > 0 {
		out.WriteString("\nNo step mends:\n")
		for _, left := range firstOf(plan.Left, repairItemsShown) {
			fmt.Fprintf(&out, "  %s\n", printable(leftLine(left)))
		}
		rest(&out, "  ", len(plan.Left), repairItemsShown, "findings")
	}
	if passed(plan) > 0 {
		fmt.Fprintf(&out, "\nRight again at the end: %s.\n", classCounts(plan.Passed))
	}
	if len(plan.Notes) > 0 {
		out.WriteString("\n")
	}
	for _, note := range plan.Notes {
		fmt.Fprintf(&out, "%s\n", printable(note))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// repair is the section of report.md.
func (p *page) repair(plan *repair.Plan) {
	if plan == nil {
		return
	}
	p.printf("## How to repair it\n\n")
	switch {
	case !plan.Needed:
		p.printf("Nothing to repair: what was found was right again at the end.\n\n")
		return
	case len(plan.Steps) == 0:
		p.printf("No step mends what was found; the list of what is left to people follows.\n\n")
	}
	for i, step := range plan.Steps {
		p.printf("%d. %s.%s\n", i+1, prose(step.Text), stepHow(step, code))
		if len(step.Mends) > 0 {
			p.printf("   - Mends: %s.\n", prose(classCounts(step.Mends)))
		}
		for _, statement := range firstOf(step.SQL, 1) {
			p.printf("   - %s\n", code(shorten(statement, 160)))
		}
		if len(step.SQL) > 0 {
			p.printf("   - %s in all, in `%s`.\n", counted(len(step.SQL), "statement"), RepairFile)
		}
	}
	if len(plan.Steps) > 0 {
		p.printf("\n")
	}
	if len(plan.Files) > 0 {
		if plan.Window != nil {
			p.printf("What comes back, in this order, was sent from %s to %s.\n\n", prose(plan.Window.From), prose(plan.Window.To))
		}
		p.head("file", "drop it as", ">operations", ">missing", ">arrived", "after", "because of")
		for _, file := range firstOf(plan.Files, repairFilesShown) {
			p.row(prose(file.File), prose(file.As), strconv.Itoa(file.Operations), strconv.Itoa(file.Missing), strconv.Itoa(file.Arrived), prose(file.After), prose(file.Key))
		}
		p.printf("\n")
		if more := len(plan.Files) - repairFilesShown; more > 0 {
			p.printf("%d more files stand in `%s`.\n\n", more, RepairFile)
		}
		p.printf("- Doubled by that: %s\n- Versions guarded: %s, %s.\n\n", prose(knownLine(plan.Doubles, plan.Arrived)), prose(string(plan.Guarded.Answer)), prose(plan.Guarded.Evidence))
	}
	p.list("Stands there twice:", len(plan.Remove), func(i int) string { return duplicateLine(plan.Remove[i]) })
	p.list("No step mends:", len(plan.Left), func(i int) string { return leftLine(plan.Left[i]) })
	for _, note := range plan.Notes {
		p.printf("%s\n\n", prose(note))
	}
}

// repairedLine says in one line what a repair came to.
func repairedLine(repaired Repaired) string {
	done := 0
	for _, step := range repaired.Steps {
		if step.Done {
			done++
		}
	}
	return fmt.Sprintf("repaired: %s after %d of %s in %s: %s", printable(string(cmp.Or(repaired.Verdict, check.Unknown))), done, counted(len(repaired.Steps), "step"),
		seconds(repaired.Seconds), sentence(cmp.Or(repaired.Reason, "no reason was given")))
}

// repaired is the section of report.md on a repair that was carried out.
func (p *page) repaired(repaired *Repaired) {
	if repaired == nil {
		return
	}
	p.printf("## How it was repaired\n\n**%s** after %s: %s\n\n", prose(string(cmp.Or(repaired.Verdict, check.Unknown))), seconds(repaired.Seconds),
		prose(sentence(cmp.Or(repaired.Reason, "no reason was given"))))
	for i, step := range repaired.Steps {
		state := "not done"
		if step.Done {
			state = "done"
		}
		p.printf("%d. **%s**, %s in %s: %s.\n", i+1, prose(string(step.Do)), state, seconds(step.Seconds), prose(step.Text))
		if step.Evidence != "" {
			p.printf("   - Evidence: %s\n", code(shorten(step.Evidence, 500)))
		}
	}
	p.printf("\nWhat was there then is a run's folder of its own: %s.\n\n", code(repaired.Folder))
}

// list writes the first of several things.
func (p *page) list(title string, n int, item func(int) string) {
	if n == 0 {
		return
	}
	p.printf("%s\n\n", title)
	for i := range min(n, repairItemsShown) {
		p.printf("- %s\n", code(shorten(item(i), 500)))
	}
	if more := n - repairItemsShown; more > 0 {
		p.printf("- %d more in `%s`\n", more, RepairFile)
	}
	p.printf("\n")
}

// stepHow says by what a step is done.
func stepHow(step repair.Step, quoted func(string) string) string {
	if step.ByHand {
		return " By hand: the pipeline declares nothing that does it."
	}
	if step.Operation == "" {
		return ""
	}
	words := []string{step.Operation}
	for _, name := range slices.Sorted(maps.Keys(step.Args)) {
		words = append(words, name+"="+step.Args[name])
	}
	return " Operation: " + quoted(strings.Join(words, " ")) + "."
}

func fileLine(file repair.File) string {
	line := file.File
	if file.As != file.File {
		line += " as " + file.As
	}
	line += fmt.Sprintf(": %d of %d operations missing, %d arrived", file.Missing, file.Operations, file.Arrived)
	if file.After != "" {
		line += fmt.Sprintf(", after %s (%s)", file.After, file.Key)
	}
	return line
}

func knownLine(known repair.Known, arrived int) string {
	line := string(known.Answer)
	if arrived > 0 && known.Answer != repair.No {
		line += fmt.Sprintf(", up to %d operations that had arrived", arrived)
	}
	line += ": " + known.Evidence + "."
	if known.Find != "" {
		line += " To find them: " + known.Find + "."
	}
	return line
}

func duplicateLine(d repair.Duplicate) string {
	return fmt.Sprintf("%s %s: version %d stays (%s), remove %s", d.Place, d.Key, d.Version, cmp.Or(d.Keep, "place not told"), strings.Join(d.Remove, ", "))
}

func leftLine(left repair.Left) string {
	what := left.Key
	if what == "" {
		what = cmp.Or(left.File, "messages")
	} else if left.Version >= 0 {
		what += fmt.Sprintf(" version %d", left.Version)
	}
	return fmt.Sprintf("%s %s: %s", words(left.Class), what, left.Text)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func passed(plan repair.Plan) (n int) {
	for _, count := range plan.Passed {
		n += count
	}
	return n
}

// classCounts lists counts of findings in the order of their classes.
func classCounts(counts map[check.Class]int) string {
	var parts []string
	for _, class := range classesIn(counts) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[class], printable(words(class))))
	}
	return strings.Join(parts, ", ")
}

func rest(out *strings.Builder, indent string, n, shown int, what string) {
	if n > shown {
		fmt.Fprintf(out, "%s… and %d more %s, all of them in %s\n", indent, n-shown, what, RepairFile)
	}
}

func firstOf[T any](all []T, n int) []T { return all[:min(n, len(all))] }
