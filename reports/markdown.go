package reports

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// filesShown is how many files report.md lists; the rest is summed up.
const filesShown = 50

// writeMarkdown writes report.md: what happened, in the order in which
// somebody asks who did not see it.
// A history is told as a timeline where there is one.
func writeMarkdown(w io.Writer, run Run, result check.Result, stored *history.Run) error {
	if run.Verified != nil {
		return writeVerified(w, run, result)
	}
	page := &page{w: w}
	page.verdict(run)
	page.impact(run, result.Findings)
	page.course(stored)
	page.detection(run, result)
	page.held(run, result.Findings)
	page.ran(run)
	page.sent(run)
	page.broken(run)
	page.counts(run)
	page.findings(result.Findings, len(result.Findings))
	page.repair(run.Repair)
	page.repaired(run.Repaired)
	page.followUps(run)
	page.fates(result.Files)
	page.latency(run.Latency)
	page.again(run)
	return page.err
}

// page writes Markdown and keeps the first error.
type page struct {
	w   io.Writer
	err error
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// row writes one row of a table; the cells are escaped already.
func (p *page) row(cells ...string) { p.printf("| %s |\n", strings.Join(cells, " | ")) }

// head writes the head of a table. Columns that begin with ">" hold numbers.
func (p *page) head(columns ...string) {
	names, lines := make([]string, len(columns)), make([]string, len(columns))
	for i, column := range columns {
		name, number := strings.CutPrefix(column, ">")
		names[i], lines[i] = name, "---"
		if number {
			lines[i] = "---:"
		}
	}
	p.row(names...)
	p.row(lines...)
}

func (p *page) verdict(run Run) {
	p.printf("# %s: %s on %s\n\n", verdictWord(run), prose(run.Scenario), prose(run.Pipeline))
	p.printf("**%s.** %s\n\n", verdictWord(run), prose(sentence(cmp.Or(run.Reason, "No reason was given."))))
	if !run.Undo.OK {
		p.printf("**The undo failed**, something may still be broken: %s. `seatrial clean` removes what is left.\n\n", code(sentence(cmp.Or(run.Undo.Error, "no cause given"))))
	}
	p.printf("Began %s, took %s, seed %d, run tag %s, exit code %d.\n\n",
		prose(cmp.Or(run.Started, "at an unknown time")), seconds(run.Seconds["total"]), run.Seed, prose(cmp.Or(run.Tag, "unknown")), Exit([]Run{run}))
}

// verdictWord is the verdict with a capital, as the first thing a page says.
func verdictWord(run Run) string {
	word := prose(string(cmp.Or(run.Verdict, check.Unknown)))
	return strings.ToUpper(word[:1]) + word[1:]
}

func (p *page) ran(run Run) {
	if len(run.Images) == 0 {
		return
	}
	p.printf("## What ran\n\n")
	p.head("service", "version", "image", "where it came from")
	for _, image := range run.Images {
		p.row(prose(image.Kind), prose(cmp.Or(image.Version, "unknown")), prose(image.Ref), prose(image.Origin))
	}
	p.printf("\n")
}

func (p *page) sent(run Run) {
	p.printf("## What was sent\n\n%d records: %d operations attempted, %d of them acknowledged.\n\n",
		run.Records, run.Counts[check.Attempted], run.Counts[check.Acknowledged])
	list := settings(run.Workload)
	if len(list) == 0 {
		return
	}
	for _, setting := range list {
		p.printf("- %s: %s\n", prose(setting.Name), code(setting.Value))
	}
	p.printf("\n")
}

func (p *page) broken(run Run) {
	p.printf("## What was broken\n\n")
	planned := plannedFaults(run)
	switch {
	case run.NoFault && len(run.Plan) > 0:
		p.printf("Nothing: the plan of %d was left out on purpose (`--no-fault`).\n\n", len(run.Plan))
		return
	case len(run.Faults) == 0 && planned == 0:
		p.printf("Nothing, and nothing was planned.\n\n")
	}
	triggers := planTriggers(run.Plan, false)
	for i, fault := range run.Faults {
		p.printf("%d. **%s on %s**: %s, %s.\n", i+1, prose(fault.Name), prose(fault.Target), faultState(fault), inFlight(fault))
		p.receipt(triggers.of(i, fault.Name), fault.Evidence)
	}
	if missing := planned - len(run.Faults); missing > 0 {
		p.printf("\n%d of %d in the plan never began.\n", missing, planned)
	}
	if len(run.Faults) > 0 || planned > 0 {
		p.printf("\n")
	}
	p.done(run)
}

// done lists the operations: what people did with the pipeline.
func (p *page) done(run Run) {
	planned := len(run.Plan) - plannedFaults(run)
	if len(run.Operations) == 0 && planned == 0 {
		return
	}
	p.printf("## What was done\n\n")
	triggers := planTriggers(run.Plan, true)
	for i, operation := range run.Operations {
		p.printf("%d. **%s**: %s.\n", i+1, prose(operation.Name), prose(operationState(operation)))
		p.receipt(triggers.of(i, operation.Name), operation.Evidence)
	}
	if missing := planned - len(run.Operations); missing > 0 {
		if len(run.Operations) > 0 {
			p.printf("\n")
		}
		p.printf("%d of %d in the plan never began.\n", missing, planned)
	}
	p.printf("\n")
}

// receipt says when a step was to begin and what shows that it did.
func (p *page) receipt(trigger, evidence string) {
	if trigger != "" {
		p.printf("   - Trigger: %s.\n", prose(trigger))
	}
	if evidence != "" {
		p.printf("   - Evidence: %s\n", code(shorten(evidence, 500)))
	}
}

// steps are those of a plan that are of one kind.
type steps []history.PlannedFault

func planTriggers(plan []history.PlannedFault, operations bool) (of steps) {
	for _, step := range plan {
		if step.Operation == operations {
			of = append(of, step)
		}
	}
	return of
}

// of returns the trigger of the step at place i, if it has that name.
func (s steps) of(i int, name string) string {
	if i < len(s) && s[i].Name == name {
		return s[i].Trigger
	}
	return ""
}

func (p *page) counts(run Run) {
	p.printf("## What came of it\n\n")
	p.head("class", ">operations", "meaning")
	classes := classesIn(run.Counts)
	for _, class := range []check.Class{check.Attempted, check.Acknowledged, check.OK} {
		if !slices.Contains(classes, class) {
			p.row(words(class), "0", meanings[class])
		}
	}
	for _, class := range classes {
		p.row(prose(words(class)), strconv.Itoa(run.Counts[class]), meanings[class])
	}
	p.printf("\n")
	if len(run.NotJudged) > 0 {
		p.printf("Not judged: %s.\n\n", prose(strings.Join(run.NotJudged, ", ")))
	}
}

// fates lists what became of each file's operations, those files first of
// which something is missing.
func (p *page) fates(files []check.FileFates) {
	if len(files) == 0 {
		return
	}
	p.printf("## What became of each file\n\n")
	fates := fatesIn(files)
	columns := []string{"file", "sent", ">attempted"}
	for _, fate := range fates {
		columns = append(columns, ">"+prose(words(fate)))
	}
	p.head(columns...)
	row := func(name, sent string, attempted int, counts map[check.Fate]int) {
		cells := []string{name, sent, strconv.Itoa(attempted)}
		for _, fate := range fates {
			cells = append(cells, strconv.Itoa(counts[fate]))
		}
		p.row(cells...)
	}
	shown, rest := selectFiles(files, filesShown)
	for _, file := range shown {
		row(prose(file.File), prose(file.Sent), file.Attempted, file.Fates)
	}
	if len(rest) > 0 {
		attempted, sum := addFates(rest)
		row(fmt.Sprintf("%d more files", len(rest)), "", attempted, sum)
	}
	attempted, sum := addFates(files)
	row("**all**", "", attempted, sum)
	p.printf("\n")
}

func (p *page) findings(findings []check.Finding, total int) {
	p.printf("## Findings\n\n")
	if len(findings) == 0 {
		p.printf("None.\n\n")
		return
	}
	shown := selectFindings(findings, findingsShown)
	if len(shown) < total {
		p.printf("%d of %d, some of each class; all of them are in `%s`.\n\n", len(shown), total, FindingsFile)
	}
	for i, finding := range shown {
		p.printf("%d. **%s**", i+1, prose(words(finding.Class)))
		if finding.Key != "" {
			p.printf(" %s version %d", code(finding.Key), finding.Version)
		} else {
			p.printf(" the whole file")
		}
		if finding.File != "" {
			p.printf(", sent in %s", code(finding.File))
			if finding.Line > 0 {
				p.printf(" line %d", finding.Line)
			}
		}
		p.printf("\n")
		if finding.LastSeen != "" {
			p.printf("   - Last seen: %s\n", code(shorten(finding.LastSeen, 500)))
		}
		if finding.Evidence != "" {
			p.printf("   - Evidence: %s\n", code(shorten(finding.Evidence, 500)))
		}
	}
	p.printf("\n")
}

// again says how to see it once more. The commands are indented, not fenced:
// nothing in them can end the block.
func (p *page) again(run Run) {
	p.printf("## Again\n\nThe same plan on the same records, with the same keys, on a new stack:\n\n    %s\n\n", againCommand(run))
	if run.Folder != "" {
		p.printf("Judge what is stored once more, without Docker:\n\n    %s\n", checkCommand(run))
	}
}

func checkCommand(run Run) string { return "seatrial check " + shellWord(run.Folder) }

// againCommand is the command that makes the same run once more.
func againCommand(run Run) string {
	if run.Verified != nil {
		return run.Verified.again()
	}
	command := fmt.Sprintf("seatrial run %s --pipeline %s --seed %d", shellWord(run.Scenario), shellWord(run.Pipeline), run.Seed)
	if run.Tag != "" {
		command += " --tag " + shellWord(run.Tag)
	}
	if run.RecordsAsked > 0 {
		command += fmt.Sprintf(" --records %d", run.RecordsAsked)
	}
	if run.NoFault {
		command += " --no-fault"
	}
	return command
}

// shellWord returns text as one word of a POSIX shell, on one line.
func shellWord(text string) string {
	text = printable(text)
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,@%+=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// seconds returns a time as people read it.
func seconds(s float64) string {
	if s >= 120 {
		return fmt.Sprintf("%d min %02.0f s", int(s)/60, s-float64(int(s)/60*60))
	}
	return fmt.Sprintf("%.1f s", s)
}
