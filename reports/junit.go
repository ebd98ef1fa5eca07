package reports

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// findingsShown is how many findings a report for people lists; findings.jsonl has all.
const findingsShown = 20

// JUnit writes several runs as one suite of test cases to path. An invalid
// run is a failure; everything else that is not valid (unknown, infra,
// aborted, interrupted, an undo that failed) is an error. Nothing is skipped.
func JUnit(path string, runs []Run) error {
	return replaceFile(path, func(w io.Writer) error { return writeJUnit(w, runs, nil) })
}

type junitSuites struct {
	XMLName  xml.Name   `xml:"testsuites"`
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Time     string     `xml:"time,attr"`
	Suite    junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr,omitempty"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	ClassName  string          `xml:"classname,attr"`
	Name       string          `xml:"name,attr"`
	Time       string          `xml:"time,attr"`
	Properties junitProperties `xml:"properties"` // first: the order is that of the schema
	Failure    *junitProblem   `xml:"failure"`
	Error      *junitProblem   `xml:"error"`
	Output     string          `xml:"system-out,omitempty"`
}

type junitProperties struct {
	List []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitProblem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func writeJUnit(w io.Writer, runs []Run, findings []check.Finding) error {
	names := junitNames(runs)
	suite := junitSuite{Name: "seatrial", Tests: len(runs)}
	total := 0.0
	for i, run := range runs {
		test := junitCase{
			ClassName:  "seatrial." + printable(run.Pipeline),
			Name:       names[i],
			Time:       fmt.Sprintf("%.3f", run.Seconds["total"]),
			Properties: junitPropertiesOf(run),
			Output:     junitOutput(run),
		}
		switch problem := junitProblemOf(run, findings); {
		case problem == nil:
		case run.Verdict == check.Invalid:
			test.Failure = problem
			suite.Failures++
		default:
			test.Error = problem
			suite.Errors++
		}
		total += run.Seconds["total"]
		if suite.Timestamp == "" {
			suite.Timestamp = printable(run.Started)
		}
		suite.Cases = append(suite.Cases, test)
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	document := junitSuites{Name: "seatrial", Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Time: suite.Time, Suite: suite}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	// The encoder writes U+FFFD for what XML 1.0 forbids; printable has made
	// those characters readable before.
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(document); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// junitNames returns the name of each run's case. It is the scenario's, so
// that CI can follow it over time; only where that would stand twice for one
// pipeline the seed is added.
func junitNames(runs []Run) []string {
	times := map[[2]string]int{}
	for _, run := range runs {
		times[[2]string{run.Scenario, run.Pipeline}]++
	}
	names := make([]string, len(runs))
	for i, run := range runs {
		names[i] = printable(run.Scenario)
		if times[[2]string{run.Scenario, run.Pipeline}] > 1 {
			names[i] += fmt.Sprintf(" (seed %d)", run.Seed)
		}
	}
	return names
}

func junitProblemOf(run Run, findings []check.Finding) *junitProblem {
	if Exit([]Run{run}) == ExitValid {
		return nil
	}
	kind, reason := problemKind(run), cmp.Or(run.Reason, "no reason was given")
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n", sentence(reason), countsLine(run.Counts))
	for _, fault := range run.Faults {
		fmt.Fprintf(&text, "fault %s\n", printable(faultLine(fault)))
	}
	for _, operation := range run.Operations {
		fmt.Fprintf(&text, "operation %s\n", printable(operationLine(operation)))
	}
	for _, finding := range selectFindings(findings, findingsShown) {
		fmt.Fprintf(&text, "%s\n", printable(findingLine(finding)))
	}
	if !run.Undo.OK {
		failed := "undo failed: " + cmp.Or(run.Undo.Error, "no cause given")
		fmt.Fprintf(&text, "%s\n", sentence(failed))
		if kind == "undo" {
			reason = failed
		}
	}
	return &junitProblem{Type: printable(kind), Message: sentence(reason), Text: text.String()}
}

// problemKind is the verdict, or what else kept a valid run from passing.
func problemKind(run Run) string {
	switch {
	case run.Verdict != check.Valid:
		return string(cmp.Or(run.Verdict, check.Unknown))
	case run.Exit == ExitInterrupted:
		return "interrupted"
	case run.Exit == ExitAborted:
		return "aborted"
	case !run.Undo.OK:
		return "undo"
	default:
		return "infra"
	}
}

// junitPropertiesOf is what finds the run again.
func junitPropertiesOf(run Run) junitProperties {
	var p junitProperties
	add := func(name, value string) {
		if value != "" {
			p.List = append(p.List, junitProperty{name, printable(value)})
		}
	}
	if run.Verified == nil {
		add("seed", fmt.Sprint(run.Seed))
	}
	add("tag", run.Tag)
	add("verdict", string(cmp.Or(run.Verdict, check.Unknown)))
	add("exit", fmt.Sprint(Exit([]Run{run})))
	add("folder", run.Folder)
	return p
}

func junitOutput(run Run) string {
	var out strings.Builder
	if run.Verified == nil {
		fmt.Fprintf(&out, "seed %d, ", run.Seed)
	}
	fmt.Fprintf(&out, "%d records", run.Records)
	if run.Folder != "" {
		fmt.Fprintf(&out, ", report %s", printable(filepath.Join(run.Folder, MarkdownFile)))
	}
	fmt.Fprintf(&out, "\nagain: %s", againCommand(run))
	if run.Repaired != nil {
		out.WriteString("\n" + repairedLine(*run.Repaired))
	}
	return out.String()
}
