package reports

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/seatrial/seatrial/harness/check"
)

// firstRows is how many findings stand in the page for readers whose browser
// runs no script.
const firstRows = 100

// findingRow is a finding as the page shows it: texts are one line, cut off,
// and hold nothing that cannot be seen.
type findingRow struct {
	Class    string
	Key      string
	Version  string
	File     string
	Line     int
	Hop      string
	LastSeen string
	Evidence string
	Wire     string
}

// pageData is what the page's script works on. Names of classes, files and hops
// stand once.
type pageData struct {
	Charts   []chart  `json:"charts"`
	Steps    [][]any  `json:"steps"` // number, begin, end, operation
	Drops    values   `json:"drops"`
	Ends     float64  `json:"ends"`
	Total    int      `json:"total"`
	Classes  []string `json:"classes"`
	Files    []string `json:"files"`
	Hops     []string `json:"hops"`
	Findings [][]any  `json:"findings"` // class, key, version, file, line, hop, last seen, evidence, wire
}

// data returns the page's data as JSON, in which no character means anything
// to HTML, and sets what of the findings is shown.
func (s *sheet) data(findings []check.Finding, t timeline) ([]byte, error) {
	d := pageData{Charts: t.charts, Steps: [][]any{}, Drops: t.drops, Ends: t.ends, Total: s.Total}
	if d.Charts == nil {
		d.Charts = []chart{}
	}
	for i, step := range t.steps {
		over := step.Over
		if over < 0 {
			over = t.ends
		}
		if step.Begin >= 0 {
			d.Steps = append(d.Steps, []any{s.number(step, i), step.Begin, over, step.Operation})
		}
	}
	for limit := min(findingsEmbedded, len(findings)); ; {
		shown := selectFindings(findings, limit)
		d.list(shown, t)
		raw, err := json.Marshal(d)
		if err != nil {
			return nil, fmt.Errorf("write the data of %s: %w", HTMLFile, err)
		}
		if len(raw) > bytesEmbedded && limit > 0 {
			limit = limit * bytesEmbedded / len(raw) * 9 / 10
			continue
		}
		s.Shown = len(shown)
		for _, finding := range selectFindings(shown, firstRows) {
			s.First = append(s.First, newRow(finding, t))
		}
		return raw, nil
	}
}

// number is that of the step in the list of the plan.
func (s *sheet) number(step stepTime, i int) int {
	if step.Step > 0 {
		return step.Step
	}
	return i + 1
}

func (d *pageData) list(findings []check.Finding, t timeline) {
	classes, files, hops := names{at: map[string]int{}}, names{at: map[string]int{}}, names{at: map[string]int{}}
	d.Findings = make([][]any, len(findings))
	for i, finding := range findings {
		r := newRow(finding, t)
		d.Findings[i] = []any{classes.index(r.Class), r.Key, r.Version, files.index(r.File), r.Line, hops.index(r.Hop), r.LastSeen, r.Evidence, r.Wire}
	}
	d.Classes, d.Files, d.Hops = classes.list, files.list, hops.list
}

func newRow(finding check.Finding, t timeline) findingRow {
	cell := func(text string) string { return printable(shorten(text, cellShown)) }
	r := findingRow{
		Class: cell(words(finding.Class)), Key: cell(finding.Key), File: cell(finding.File), Line: finding.Line,
		Hop: cell(hop(finding)), LastSeen: cell(finding.LastSeen), Evidence: cell(finding.Evidence),
	}
	if finding.Key != "" && finding.Version >= 0 {
		r.Version = strconv.Itoa(finding.Version)
	}
	if last, ok := t.sign(finding); ok {
		r.Wire = cell(moment(last.at) + " " + last.what)
	}
	return r
}

// names numbers texts in the order in which they come.
type names struct {
	list []string
	at   map[string]int
}

func (n *names) index(name string) int {
	at, ok := n.at[name]
	if !ok {
		at = len(n.list)
		n.at[name] = at
		n.list = append(n.list, name)
	}
	return at
}
