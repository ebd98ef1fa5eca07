package reports

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// failureFindings is how many findings a failed test prints.
const failureFindings = 5

// Failure says in a few lines, for a test that failed, why a run has not
// passed: its verdict and reason, the first findings, at least one of each class
// where there is room, and where the report is. It is empty for a run that
// passed, which only one does whose exit code is 0.
func Failure(run Run, findings []check.Finding) string {
	if Exit([]Run{run}) == ExitValid {
		return ""
	}
	lines := []string{fmt.Sprintf("%s on %s is %s: %s", printable(run.Scenario), printable(run.Pipeline), cmp.Or(run.Verdict, check.Unknown), sentence(cmp.Or(run.Reason, "no reason was given")))}
	if !run.Undo.OK {
		lines = append(lines, "  undo failed: "+sentence(cmp.Or(run.Undo.Error, "no cause given")))
	}
	shown := selectFindings(findings, failureFindings)
	for _, finding := range shown {
		lines = append(lines, "  "+printable(findingLine(finding)))
	}
	if more := len(findings) - len(shown); more > 0 {
		lines = append(lines, fmt.Sprintf("  and %s more, in %s", grouped(more), FindingsFile))
	}
	if run.Folder != "" {
		lines = append(lines, "report: "+printable(absolute(filepath.Join(run.Folder, HTMLFile))))
	}
	return strings.Join(lines, "\n")
}

// absolute returns the path from the root: who reads it may stand in another folder.
func absolute(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		return whole
	}
	return path
}
