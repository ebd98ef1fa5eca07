package reports

import (
	"fmt"
	"io"
	"slices"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// What other pages over runs (package serve), and the scorecard of a game day,
// share with the reports of a run: look, charts, and words.

// Style is the stylesheet of report.html, colours for light and dark included.
func Style() string { return pageStyle }

// Plot is uPlot, which draws charts: its script and its stylesheet.
func Plot() (script, style string) { return plotScript, plotStyle }

// HTML writes the report.html of a stored run that has none, from its run.json
// and from what a judge finds in its history. Nothing in dir is changed.
func HTML(w io.Writer, dir string) error {
	run, err := Read(dir)
	if err != nil {
		return err
	}
	stored, err := history.Load(dir)
	if err != nil {
		return err
	}
	result, err := check.Judge(stored)
	if err != nil {
		return fmt.Errorf("judge the run again: %w", err)
	}
	run = run.filled()
	run.Folder = dir
	return writeHTML(w, run, result, timelineOf(stored, result))
}

// CountsLine says what came of a run in one line: what went wrong first, then
// how many operations were as expected.
func CountsLine(run Run) string { return printable(countsLine(run.Counts)) }

// FaultsLine says in a few words how far faults and operations came.
func FaultsLine(run Run) string { return printable(faultsLine(run)) }

// Duration writes seconds as people read them.
func Duration(s float64) string { return seconds(s) }

// Argument quotes text for a shell where it has to be quoted.
func Argument(text string) string { return shellWord(text) }

// Prose returns text so that Markdown shows it as it is, in running text or in a
// table: no markup, no HTML, no link and nobody mentioned.
func Prose(text string) string { return prose(text) }

// Wrong reports whether a class says that something went wrong, not how much
// there was.
func Wrong(class check.Class) bool { return !slices.Contains(harmless, class) }
