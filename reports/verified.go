package reports

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// Verified is what a run has that tried nothing: `seatrial verify`, which compared
// what was sent with what stands there. It is no trial, so its reports have neither
// plan nor timeline.
type Verified struct {
	Sent          string `json:"sent"`          // folder, as it was given
	Files         int    `json:"files"`         // in it
	Rows          int    `json:"rows"`          // read from Postgres
	Documents     int    `json:"documents"`     // read from Elasticsearch
	Confirmations int    `json:"confirmations"` // read
	Findings      int    `json:"findings"`      // in findings.jsonl; the pages have some of every class
	SpilledBytes  int64  `json:"spilled_bytes"` // written to temporary files
	PeakBytes     int64  `json:"peak_bytes"`    // the most memory in use at any time

	Again []string `json:"-"` // words of the command that does it again
	// All writes all findings where the result has some only.
	All func(io.Writer) error `json:"-"`
}

// again is the command line that does it again.
func (v Verified) again() string {
	words := make([]string, len(v.Again))
	for i, word := range v.Again {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}

// compared is what was compared, in a sentence.
func (v Verified) compared() string {
	return fmt.Sprintf("%s in %s files, against %s rows, %s documents and %s confirmations", v.Sent, grouped(v.Files), grouped(v.Rows), grouped(v.Documents), grouped(v.Confirmations))
}

// total returns how many findings there are.
func (r Run) total(findings []check.Finding) int {
	if r.Verified != nil {
		return max(r.Verified.Findings, len(findings))
	}
	return len(findings)
}

// writeVerified writes report.md of a comparison.
func writeVerified(w io.Writer, run Run, result check.Result) error {
	p := &page{w: w}
	p.printf("# %s: verify of %s on %s\n\n", verdictWord(run), prose(run.Verified.Sent), prose(run.Pipeline))
	p.printf("**%s.** %s\n\n", verdictWord(run), prose(sentence(run.Reason)))
	p.printf("Began %s, took %s, at most %d MiB of memory, exit code %d. Compared: %s.\n\n",
		prose(run.Started), seconds(run.Seconds["total"]), run.Verified.PeakBytes>>20, Exit([]Run{run}), prose(run.Verified.compared()))
	p.impact(run, result.Findings)
	p.counts(run)
	p.findings(result.Findings, run.total(result.Findings))
	p.fates(result.Files)
	p.printf("## Again\n\n    %s\n", run.Verified.again())
	return p.err
}

// Verification is what `seatrial verify --json` prints.
type Verification struct {
	Verdict check.Verdict       `json:"verdict"`
	Exit    int                 `json:"exit"`
	Reason  string              `json:"reason"`
	Counts  map[check.Class]int `json:"counts"` // every class, also those that are 0
	Seconds float64             `json:"seconds"`
	Records int                 `json:"records"` // rows of the files
	Verified
	NotJudged []string `json:"not_judged"`
	Folder    string   `json:"folder"` // with the reports; empty: none were written
}

// NewVerification takes it from a run that is Verified.
func NewVerification(run Run) Verification {
	run = run.filled()
	return Verification{
		Verdict: run.Verdict, Exit: run.Exit, Reason: run.Reason, Counts: maps.Clone(run.Counts), Seconds: run.Seconds["total"],
		Records: run.Records, Verified: *run.Verified, NotJudged: run.NotJudged, Folder: run.Folder,
	}
}

// findingsPrinted is how many findings the terminal shows.
const findingsPrinted = 10

// PrintVerified writes for people what came of a comparison.
func PrintVerified(w io.Writer, run Run, findings []check.Finding, color bool) error {
	v := run.Verified
	var out strings.Builder
	line := func(name, text string) { fmt.Fprintf(&out, "  %-18s %s\n", name, printable(text)) }
	fmt.Fprintf(&out, "%s  %s\n\n", palette(color).verdict(run, string(run.Verdict)), sentence(run.Reason))
	line("sent", fmt.Sprintf("%s in %s", counted(run.Records, "record"), counted(v.Files, "file")))
	line("read", fmt.Sprintf("%s, %s, %s", counted(v.Rows, "row"), counted(v.Documents, "document"), counted(v.Confirmations, "confirmation")))
	line("right", fmt.Sprintf("%d of %s", run.Counts[check.OK], counted(run.Counts[check.Acknowledged], "operation")))
	for _, class := range check.Classes {
		if n := run.Counts[class]; n > 0 {
			line(words(class), fmt.Sprint(n))
		}
	}
	line("took", fmt.Sprintf("%s, %d MiB of memory at most, %d MiB on disk meanwhile", seconds(run.Seconds["total"]), v.PeakBytes>>20, v.SpilledBytes>>20))
	line("report", filepath.Join(run.Folder, HTMLFile))
	shown := selectFindings(findings, findingsPrinted)
	if len(shown) > 0 {
		out.WriteString("\n")
	}
	for _, finding := range shown {
		fmt.Fprintf(&out, "%s: %s\n", words(finding.Class), Where(finding))
	}
	if more := v.Findings - len(shown); more > 0 {
		fmt.Fprintf(&out, "and %d more: %s\n", more, printable(filepath.Join(run.Folder, FindingsFile)))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
