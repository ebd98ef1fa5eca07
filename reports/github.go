package reports

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// What GitHub Actions shows of runs: a table on the job's page, and an
// annotation for each run that is not valid.

// summaryShown limits the summary of a step, which may have 1 MiB.
const summaryShown = 200

// GitHubSummary writes a table of runs, those that are not valid first, as
// Markdown for the summary of a step (GITHUB_STEP_SUMMARY).
func GitHubSummary(w io.Writer, runs []Run) error {
	page := &page{w: w}
	page.printf("### seatrial: %s\n\n", sumLine(runs))
	page.head("", "scenario", "pipeline", ">seed", "verdict", "operations", "faults", ">seconds", "why")
	shown := 0
	for _, good := range []bool{false, true} {
		for _, run := range runs {
			if (Exit([]Run{run}) == ExitValid) != good {
				continue
			}
			if shown++; shown > summaryShown {
				continue
			}
			sign, why := "✅", ""
			if !good {
				sign, why = "❌", prose(shorten(whyNot(run), 300))
				if Exit([]Run{run}) == ExitUnknown {
					sign = "❔"
				}
				if run.Folder != "" {
					why += " " + prose(filepath.Join(run.Folder, MarkdownFile))
				}
			}
			page.row(sign, prose(run.Scenario), prose(shorten(run.Pipeline, pipelineShown)), fmt.Sprint(run.Seed), prose(string(cmp.Or(run.Verdict, check.Unknown))),
				prose(countsLine(run.Counts)), prose(faultsLine(run)), fmt.Sprintf("%.1f", run.Seconds["total"]), why)
		}
	}
	page.printf("\n")
	if more := shown - summaryShown; more > 0 {
		page.printf("%s not shown.\n\n", counted(more, "run"))
	}
	return page.err
}

// GitHubAnnotations writes a workflow command for each run that is not valid: an
// error for one that is invalid, could not be undone or broke off, a warning for
// one that proved nothing.
func GitHubAnnotations(w io.Writer, runs []Run) error {
	var out strings.Builder
	for _, run := range runs {
		exit := Exit([]Run{run})
		if exit == ExitValid {
			continue
		}
		level := annotationError
		if exit == ExitUnknown {
			level = annotationWarning
		}
		message := fmt.Sprintf("%s (seed %d", whyNot(run), run.Seed)
		if run.Folder != "" {
			message += ", " + printable(filepath.Join(run.Folder, MarkdownFile))
		}
		annotate(&out, level, fmt.Sprintf("%s: %s on %s", problemKind(run), run.Scenario, run.Pipeline), message+")")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// whyNot says why a run is not valid, or does not pass though it is.
func whyNot(run Run) string {
	text := sentence(cmp.Or(run.Reason, "no reason was given"))
	if !run.Undo.OK {
		text += " Undo failed: " + sentence(cmp.Or(run.Undo.Error, "no cause given"))
	}
	return text
}

// The levels of annotations.
const (
	annotationError   = "error"
	annotationWarning = "warning"
)

// annotate writes one workflow command.
func annotate(out *strings.Builder, level, title, message string) {
	fmt.Fprintf(out, "::%s title=%s::%s\n", level, commandProperty(shorten(printable(title), 200)), commandData(shorten(sentence(message), 1000)))
}

// GitHubAnnotations writes an error for each defect that was not caught and each
// false alarm, and a warning for each run that proved nothing.
func (m Matrix) GitHubAnnotations(w io.Writer) error {
	var out strings.Builder
	for _, d := range m.Defects {
		if !d.Caught {
			annotate(&out, annotationError, fmt.Sprintf("not caught: %s by %s", d.Name, d.Scenario), d.Reason)
		}
	}
	innocent := func(what string, run MatrixRun, good bool) {
		switch {
		case good:
		case run.Verdict == check.Invalid:
			annotate(&out, annotationError, "false alarm: "+what, run.Reason)
		default:
			annotate(&out, annotationWarning, "not proved: "+what, run.Reason)
		}
	}
	for _, c := range m.Clean {
		innocent("clean on "+c.Scenario, c.MatrixRun, c.Verdict == check.Valid)
	}
	for _, q := range m.Quiet {
		innocent("untriggered on "+q.Scenario, q.MatrixRun, q.Quiet)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// GitHubSummary writes how many breaks a pipeline survived, and which not.
func (s Sweep) GitHubSummary(w io.Writer) error {
	page := &page{w: w}
	page.printf("### seatrial sweep: %d of %d breaks survived on %s\n\n", s.Survived, s.Planned, prose(s.Pipeline))
	if len(s.Findings) > 0 {
		page.head("break", "verdict", "why")
		for _, t := range firstOf(s.Findings, summaryShown) {
			page.row(prose(t.Name), prose(string(t.Verdict)), prose(shorten(sentence(t.Reason), 300)))
		}
		page.printf("\n")
	}
	return page.err
}

// GitHubAnnotations writes an error for each break that was not survived, and a
// warning for each that proved nothing.
func (s Sweep) GitHubAnnotations(w io.Writer) error {
	var out strings.Builder
	if s.Clean.Exit != ExitValid {
		annotate(&out, annotationError, "nothing was broken: the clean run is "+string(s.Clean.Verdict), s.Clean.Reason)
	}
	for _, t := range s.Findings {
		level := annotationError
		if t.Exit == ExitUnknown {
			level = annotationWarning
		}
		annotate(&out, level, fmt.Sprintf("%s: %s", t.Verdict, t.Name), t.Reason)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// commandData escapes the message of a workflow command as its reader undoes it.
func commandData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// commandProperty escapes a property, which commas and colons would end.
func commandProperty(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(text)
}
