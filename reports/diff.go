package reports

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/workload"
)

// Diff is what two stored runs differ in: what is new in the second one, what
// is gone, what takes longer. Its lists are never nil.
type Diff struct {
	Before DiffRun `json:"before"`
	After  DiffRun `json:"after"`
	// ByRecord: both sent the same records, so that findings are compared record
	// by record, whatever the keys; otherwise by class and file.
	ByRecord bool `json:"by_record"`
	// Notes say why the runs may not be comparable.
	Notes   []string      `json:"notes"`
	Counts  []DiffCount   `json:"counts"` // of classes that differ
	New     []DiffFinding `json:"new"`
	Gone    []DiffFinding `json:"gone"`
	Kept    int           `json:"kept"` // findings that both have
	Latency []DiffFigure  `json:"latency"`
	Seconds []DiffFigure  `json:"seconds"` // of the run's steps
	Images  []DiffImage   `json:"images"`  // that differ
}

// DiffRun is one of the two runs.
type DiffRun struct {
	Folder   string        `json:"folder"`
	Scenario string        `json:"scenario"`
	Pipeline string        `json:"pipeline"`
	Seed     uint64        `json:"seed"`
	Tag      string        `json:"tag"`
	Verdict  check.Verdict `json:"verdict"`
	Exit     int           `json:"exit"`
	Reason   string        `json:"reason"`
}

// DiffCount is a class of which the runs count differently many.
type DiffCount struct {
	Class  check.Class `json:"class"`
	Before int         `json:"before"`
	After  int         `json:"after"`
}

// DiffFinding is a finding that only one run has. Where runs are compared by
// file it stands for Count of them.
type DiffFinding struct {
	Class   check.Class `json:"class"`
	Number  int         `json:"number"`  // of the record; -1: not told
	Key     string      `json:"key"`     // in the run that has it
	Version int         `json:"version"` //
	File    string      `json:"file"`
	Count   int         `json:"count"`
}

// DiffFigure is a time in both runs, in seconds; -1: the run has none.
type DiffFigure struct {
	Name   string  `json:"name"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Ratio  float64 `json:"ratio"` // after by before; 0: not told
	// Slower and Faster stand out from what differs from run to run anyway.
	Slower bool `json:"slower"`
	Faster bool `json:"faster"`
}

// DiffImage is an image that is not the same in both runs; empty: not there.
type DiffImage struct {
	Kind   string `json:"kind"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// A time stands out where it differs by a fifth and by a tenth of a second.
const (
	standsOutRatio   = 1.2
	standsOutSeconds = 0.1
)

// Stored is what a run's folder says of it.
type Stored struct {
	Run      Run
	Findings []check.Finding
}

// ReadStored reads run.json and findings.jsonl of a run's folder.
func ReadStored(dir string) (Stored, error) {
	run, err := Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Stored{}, fmt.Errorf("read run: %s holds no %s: seatrial check writes it from the history", dir, RunFile)
	}
	if err != nil {
		return Stored{}, err
	}
	if run.Scenario == "" {
		return Stored{}, fmt.Errorf("read run: %s names no scenario: it is not a run's", filepath.Join(dir, RunFile))
	}
	file, err := os.Open(filepath.Join(dir, FindingsFile))
	if err != nil {
		return Stored{}, fmt.Errorf("read findings: %w", err)
	}
	defer file.Close()
	findings, err := readFindings(file)
	if err != nil {
		return Stored{}, fmt.Errorf("read findings: %s: %w", filepath.Join(dir, FindingsFile), err)
	}
	run.Folder = dir
	return Stored{Run: run, Findings: findings}, nil
}

// readFindings reads findings, one a line.
func readFindings(r io.Reader) ([]check.Finding, error) {
	lines := bufio.NewReaderSize(r, 1<<16)
	findings := []check.Finding{}
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			var finding check.Finding
			if jerr := json.Unmarshal(line, &finding); jerr != nil {
				return nil, fmt.Errorf("line %d: %w", n, jerr)
			}
			findings = append(findings, finding)
		}
		if err == io.EOF {
			return findings, nil
		}
	}
}

// Compare returns what two stored runs differ in.
func Compare(before, after Stored) Diff {
	d := Diff{Before: diffRun(before.Run), After: diffRun(after.Run), Notes: []string{}, Counts: []DiffCount{}, New: []DiffFinding{}, Gone: []DiffFinding{},
		Latency: []DiffFigure{}, Seconds: []DiffFigure{}, Images: []DiffImage{}}
	first, second := files(before.Run), files(after.Run)
	d.ByRecord = first != nil && second != nil && sameRecords(first.Config, second.Config)
	d.notes(before.Run, after.Run)
	d.counts(before.Run, after.Run)
	d.findings(identified(before, first, d.ByRecord), identified(after, second, d.ByRecord))
	d.times(before.Run, after.Run)
	d.images(before.Run, after.Run)
	return d
}

func diffRun(run Run) DiffRun {
	return DiffRun{Folder: run.Folder, Scenario: run.Scenario, Pipeline: run.Pipeline, Seed: run.Seed, Tag: run.Tag,
		Verdict: cmp.Or(run.Verdict, check.Unknown), Exit: Exit([]Run{run}), Reason: run.Reason}
}

// files returns a run's workload, nil where this version cannot make it.
func files(run Run) *workload.Workload {
	w, err := workload.Read(run.Workload)
	if err != nil {
		return nil
	}
	return w
}

// sameRecords: but for the tag, which is part of the keys, and the pace.
func sameRecords(a, b workload.Config) bool {
	a.Tag, b.Tag = "", ""
	a.FilesPerSecond, b.FilesPerSecond = 0, 0
	return a == b
}

func (d *Diff) notes(before, after Run) {
	note := func(differ bool, text string) {
		if differ {
			d.Notes = append(d.Notes, text)
		}
	}
	note(before.Scenario != after.Scenario, "they are of different scenarios")
	note(before.Pipeline != after.Pipeline, "they are of different pipelines")
	note(before.NoFault != after.NoFault, "the plan was left out of one of them")
	note(!d.ByRecord, "they did not send the same records: findings are compared by class and file")
	note(!slices.Equal(before.NotJudged, after.NotJudged), "not the same was judged")
}

func (d *Diff) counts(before, after Run) {
	seen := filledCounts(before.Counts)
	for class, n := range after.Counts {
		seen[class] += n
	}
	for _, class := range classesIn(seen) {
		if before.Counts[class] != after.Counts[class] {
			d.Counts = append(d.Counts, DiffCount{Class: class, Before: before.Counts[class], After: after.Counts[class]})
		}
	}
}

// identity is what a finding has in common with the same one of another run.
type identity struct {
	class   check.Class
	number  int
	version int
	file    string
}

// found are the findings of one identity.
type found struct {
	count int
	first check.Finding
}

func identified(s Stored, w *workload.Workload, byRecord bool) map[identity]found {
	all := map[identity]found{}
	for _, f := range s.Findings {
		id := identity{class: f.Class, number: -1, file: untagged(f.File, s.Run.Tag)}
		if byRecord {
			id.version = f.Version
			if number, ok := w.Number(f.Key); ok {
				id.number, id.file = number, ""
			}
		}
		one, known := all[id]
		if !known {
			one.first = f
		}
		one.count++
		all[id] = one
	}
	return all
}

// untagged is a file's name without what differs from run to run.
func untagged(file, tag string) string {
	if tag == "" {
		return file
	}
	return strings.ReplaceAll(file, tag, "")
}

func (d *Diff) findings(before, after map[identity]found) {
	only := func(in, other map[identity]found) []DiffFinding {
		list := []DiffFinding{}
		for id, one := range in {
			if more := one.count - other[id].count; more > 0 {
				f := DiffFinding{Class: id.class, Number: id.number, Version: one.first.Version, Key: one.first.Key, File: one.first.File, Count: more}
				if !d.ByRecord {
					f.Key, f.Version = "", -1
				}
				list = append(list, f)
			}
		}
		slices.SortFunc(list, func(a, b DiffFinding) int {
			return cmp.Or(cmp.Compare(slices.Index(allClasses, a.Class), slices.Index(allClasses, b.Class)), cmp.Compare(a.Number, b.Number),
				cmp.Compare(a.Version, b.Version), cmp.Compare(a.File, b.File), cmp.Compare(a.Key, b.Key))
		})
		return list
	}
	d.New, d.Gone = only(after, before), only(before, after)
	for id, one := range before {
		d.Kept += min(one.count, after[id].count)
	}
}

func (d *Diff) times(before, after Run) {
	if before.Latency != nil || after.Latency != nil {
		quantile := func(run Run, of func(*check.Latency) float64) float64 {
			if run.Latency == nil || run.Latency.Operations == 0 {
				return -1
			}
			return of(run.Latency)
		}
		for _, figure := range []struct {
			name string
			of   func(*check.Latency) float64
		}{
			{"p50", func(l *check.Latency) float64 { return l.P50 }},
			{"p95", func(l *check.Latency) float64 { return l.P95 }},
			{"p99", func(l *check.Latency) float64 { return l.P99 }},
			{"max", func(l *check.Latency) float64 { return l.Max }},
		} {
			d.Latency = append(d.Latency, compared(figure.name, quantile(before, figure.of), quantile(after, figure.of)))
		}
	}
	names := slices.Collect(maps.Keys(before.Seconds))
	for name := range after.Seconds {
		if _, both := before.Seconds[name]; !both {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, byPlaceIn(stepNames))
	of := func(run Run, name string) float64 {
		if s, ok := run.Seconds[name]; ok {
			return s
		}
		return -1
	}
	for _, name := range names {
		d.Seconds = append(d.Seconds, compared(name, of(before, name), of(after, name)))
	}
}

// steps of a run, in their order; the total comes first.
var stepNames = []string{"total", "prepare", "control", "trial", "sentinel", "quiet", "observe", "repair"}

func compared(name string, before, after float64) DiffFigure {
	f := DiffFigure{Name: name, Before: before, After: after}
	if before < 0 || after < 0 {
		return f
	}
	if before > 0 {
		f.Ratio = after / before
	}
	f.Slower = after-before > standsOutSeconds && after > before*standsOutRatio
	f.Faster = before-after > standsOutSeconds && before > after*standsOutRatio
	return f
}

func (d *Diff) images(before, after Run) {
	of := func(run Run) map[string]string {
		all := map[string]string{}
		for _, image := range run.Images {
			all[image.Kind] = strings.TrimSpace(fmt.Sprintf("%s %s (%s)", image.Version, image.Ref, image.Origin))
			if image.Digest != "" {
				all[image.Kind] += " " + image.Digest
			}
		}
		return all
	}
	first, second := of(before), of(after)
	kinds := maps.Clone(first)
	maps.Copy(kinds, second)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if first[kind] != second[kind] {
			d.Images = append(d.Images, DiffImage{Kind: kind, Before: first[kind], After: second[kind]})
		}
	}
}

// diffShown is how many findings people are shown of each list.
const diffShown = 20

// Print writes the difference as people read it.
func (d Diff) Print(w io.Writer) error {
	var out strings.Builder
	verdict := string(d.Before.Verdict)
	if d.Before.Verdict != d.After.Verdict {
		verdict += " -> " + string(d.After.Verdict)
	}
	fmt.Fprintf(&out, "%s\n", printable(verdict))
	for _, run := range []struct {
		name string
		DiffRun
	}{{"before", d.Before}, {"after", d.After}} {
		fmt.Fprintf(&out, "  %-7s %s on %s, seed %d: %s\n          %s\n", run.name, printable(run.Scenario), printable(run.Pipeline), run.Seed, printable(run.Folder), sentence(cmp.Or(run.Reason, "no reason was given")))
	}
	for _, note := range d.Notes {
		fmt.Fprintf(&out, "  Mind: %s.\n", printable(note))
	}
	if len(d.Counts) > 0 {
		rows := [][]string{{"CLASS", "BEFORE", "AFTER", ""}}
		for _, c := range d.Counts {
			rows = append(rows, []string{printable(words(c.Class)), fmt.Sprint(c.Before), fmt.Sprint(c.After), fmt.Sprintf("%+d", c.After-c.Before)})
		}
		out.WriteString("\n")
		alignRight(&out, rows)
	}
	fmt.Fprintf(&out, "\nFindings: %d new, %d gone, %d in both.\n", sumCounts(d.New), sumCounts(d.Gone), d.Kept)
	for _, list := range []struct {
		sign     string
		findings []DiffFinding
	}{{"+", d.New}, {"-", d.Gone}} {
		for _, f := range firstOf(list.findings, diffShown) {
			fmt.Fprintf(&out, "  %s %s\n", list.sign, printable(diffLine(f)))
		}
		if more := len(list.findings) - diffShown; more > 0 {
			fmt.Fprintf(&out, "  %s … and %d more; --json has all\n", list.sign, more)
		}
	}
	d.printTimes(&out, "Until visible", d.Latency)
	d.printTimes(&out, "Seconds", d.Seconds)
	if len(d.Images) > 0 {
		out.WriteString("\nImages that differ:\n")
		for _, image := range d.Images {
			fmt.Fprintf(&out, "  %s: %s -> %s\n", printable(image.Kind), printable(cmp.Or(image.Before, "none")), printable(cmp.Or(image.After, "none")))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (d Diff) printTimes(out *strings.Builder, title string, figures []DiffFigure) {
	if len(figures) == 0 {
		return
	}
	rows := [][]string{{strings.ToUpper(title), "BEFORE", "AFTER", "RATIO", ""}}
	for _, f := range figures {
		time := func(s float64) string {
			if s < 0 {
				return "none"
			}
			return fmt.Sprintf("%.1f s", s)
		}
		ratio, remark := "", ""
		if f.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		switch {
		case f.Slower:
			remark = "slower"
		case f.Faster:
			remark = "faster"
		}
		rows = append(rows, []string{printable(f.Name), time(f.Before), time(f.After), ratio, remark})
	}
	out.WriteString("\n")
	alignRight(out, rows)
}

// alignRight writes rows in columns: the first to the left, the others to the right.
func alignRight(out *strings.Builder, rows [][]string) {
	widths := columnWidths(rows)
	for _, row := range rows {
		line := "  "
		for column, cell := range row {
			padding := strings.Repeat(" ", max(widths[column]-len([]rune(cell)), 0))
			if column == 0 {
				line += cell + padding
			} else {
				line += "  " + padding + cell
			}
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

func diffLine(f DiffFinding) string {
	line := words(f.Class)
	if f.Count > 1 {
		line = fmt.Sprintf("%d %s", f.Count, line)
	}
	if f.Key != "" {
		line += fmt.Sprintf(" %s version %d", f.Key, f.Version)
	}
	if f.Number >= 0 {
		line += fmt.Sprintf(" (record %d)", f.Number)
	}
	if f.File != "" {
		line += ", sent in " + f.File
	}
	return line
}

func sumCounts(findings []DiffFinding) (sum int) {
	for _, f := range findings {
		sum += f.Count
	}
	return sum
}
