package serve

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// Comparison sets runs side by side: in each line one figure, in each cell what
// it is in one run.
type Comparison struct{ Sections []Section }

// Section is what belongs together.
type Section struct {
	Title string
	Lines []Line
}

// Line is one figure.
type Line struct {
	Name   string
	Cells  []Cell
	Same   bool // in all runs
	Number bool
}

// Cell is a figure of one run.
type Cell struct {
	Text   string
	Change string // against the first run; empty: none, or it cannot be said
	Worse  bool   // than the first run, beyond what chance does to times
}

// Compare sets runs side by side. It reads nothing but the runs.
func Compare(runs []reports.Run) Comparison {
	if len(runs) == 0 {
		return Comparison{}
	}
	c := comparer{runs}
	return Comparison{[]Section{c.verdicts(), c.classes(), c.plan(), c.latencies(), c.seconds(), c.images()}}
}

type comparer struct{ runs []reports.Run }

// line makes a line of texts.
func (c comparer) line(name string, of func(reports.Run) string) Line {
	var texts []string
	for _, run := range c.runs {
		texts = append(texts, of(run))
	}
	return lineOf(name, texts)
}

func lineOf(name string, texts []string) Line {
	line := Line{Name: reports.Line(name), Same: true}
	for _, text := range texts {
		line.Cells = append(line.Cells, Cell{Text: reports.Line(text)})
		line.Same = line.Same && text == texts[0]
	}
	return line
}

// figures makes a line of numbers; false: the run has none.
func (c comparer) figures(name string, of func(reports.Run) (float64, bool), write func(float64) string, worse func(first, other float64) bool) Line {
	line := c.line(name, func(run reports.Run) string {
		value, ok := of(run)
		if !ok {
			return "–"
		}
		return write(value)
	})
	line.Number = true
	first, known := of(c.runs[0])
	for i := range line.Cells {
		value, ok := of(c.runs[i])
		if !known || !ok || line.Cells[i].Text == line.Cells[0].Text {
			continue
		}
		line.Cells[i].Change = change(value-first, write)
		line.Cells[i].Worse = worse(first, value)
	}
	return line
}

func change(by float64, write func(float64) string) string {
	if by < 0 {
		return "−" + write(-by)
	}
	return "+" + write(by)
}

func (c comparer) verdicts() Section {
	return Section{"Verdict", []Line{
		c.line("verdict", func(run reports.Run) string { return string(run.Verdict) }),
		c.line("why", func(run reports.Run) string { return run.Reason }),
		c.line("besides", func(run reports.Run) string { return cmp.Or(note(run), "–") }),
		c.line("scenario", func(run reports.Run) string { return run.Scenario }),
		c.line("pipeline", func(run reports.Run) string { return run.Pipeline }),
		c.line("seed", func(run reports.Run) string { return strconv.FormatUint(run.Seed, 10) }),
		c.line("records", func(run reports.Run) string { return strconv.Itoa(run.Records) }),
		c.line("began", func(run reports.Run) string { return run.Started }),
	}}
}

// classes names those of which a run has any, and what they are a part of.
func (c comparer) classes() Section {
	section := Section{Title: "What came of it"}
	shown := append([]check.Class{check.Attempted, check.Acknowledged, check.OK, check.Recovered, check.Leftover}, check.Classes...)
	for _, run := range c.runs {
		for _, class := range slices.Sorted(maps.Keys(run.Counts)) {
			if !slices.Contains(shown, class) {
				shown = append(shown, class)
			}
		}
	}
	for i, class := range shown {
		has := func(run reports.Run) bool { return run.Counts[class] != 0 }
		if i >= 3 && !slices.ContainsFunc(c.runs, has) {
			continue
		}
		section.Lines = append(section.Lines, c.figures(string(class),
			func(run reports.Run) (float64, bool) { return float64(run.Counts[class]), true },
			func(n float64) string { return strconv.FormatFloat(n, 'f', 0, 64) },
			func(first, other float64) bool { return reports.Wrong(class) && other > first }))
	}
	return section
}

// plan has a line for each fault and operation; several of one name are told
// apart by the order in which they came.
func (c comparer) plan() Section {
	section := Section{Title: "What was broken"}
	states := make([]map[string]string, len(c.runs))
	var names []string
	for i, run := range c.runs {
		states[i] = map[string]string{}
		add := func(name, state string) {
			for n, plain := 2, name; states[i][name] != ""; n++ {
				name = fmt.Sprintf("%s, %d", plain, n)
			}
			states[i][name] = state
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		for _, fault := range run.Faults {
			add(fault.Name+" on "+fault.Target, proved(fault))
		}
		for _, operation := range run.Operations {
			add(operation.Name, map[bool]string{true: "done", false: "not done to its end"}[operation.Done])
		}
	}
	for _, name := range names {
		var texts []string
		for _, state := range states {
			texts = append(texts, cmp.Or(state[name], "–"))
		}
		section.Lines = append(section.Lines, lineOf(name, texts))
	}
	return section
}

func proved(fault check.FaultResult) string {
	switch {
	case !fault.Bit && !fault.Healed:
		return "did not bite, not healed"
	case !fault.Bit:
		return "did not bite"
	case !fault.Healed:
		return "bit, not healed"
	}
	return "bit, healed"
}

func (c comparer) latencies() Section {
	section := Section{Title: "How long until visible"}
	for _, of := range []struct {
		name string
		take func(*check.Latency) float64
	}{
		{"half within", func(l *check.Latency) float64 { return l.P50 }},
		{"95 % within", func(l *check.Latency) float64 { return l.P95 }},
		{"99 % within", func(l *check.Latency) float64 { return l.P99 }},
		{"slowest", func(l *check.Latency) float64 { return l.Max }},
	} {
		section.Lines = append(section.Lines, c.figures(of.name, func(run reports.Run) (float64, bool) {
			if run.Latency == nil || run.Latency.Operations == 0 {
				return 0, false
			}
			return of.take(run.Latency), true
		}, duration, slower))
	}
	return section
}

// steps of a run in their order.
var steps = []string{"total", "prepare", "control", "trial", "sentinel", "quiet", "observe"}

func (c comparer) seconds() Section {
	section := Section{Title: "How long it took"}
	names := slices.Clone(steps)
	for _, run := range c.runs {
		for _, name := range slices.Sorted(maps.Keys(run.Seconds)) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		has := func(run reports.Run) bool { _, ok := run.Seconds[name]; return ok }
		if slices.ContainsFunc(c.runs, has) {
			section.Lines = append(section.Lines, c.figures(name, func(run reports.Run) (float64, bool) { return run.Seconds[name], has(run) }, duration, slower))
		}
	}
	return section
}

func duration(s float64) string { return reports.Duration(math.Round(s*10) / 10) }

// slower leaves out what chance does: a tenth, and half a second.
func slower(first, other float64) bool { return other > first*1.1 && other > first+0.5 }

// images names what ran; of an image that is not the same everywhere also which
// one it was.
func (c comparer) images() Section {
	section := Section{Title: "What ran"}
	var kinds []string
	for _, run := range c.runs {
		for _, image := range run.Images {
			if !slices.Contains(kinds, image.Kind) {
				kinds = append(kinds, image.Kind)
			}
		}
	}
	for _, kind := range kinds {
		line := c.line(kind, func(run reports.Run) string { return exactly(imageOf(run, kind)) })
		if line.Same {
			line = c.line(kind, func(run reports.Run) string { return imageOf(run, kind).Version })
		}
		section.Lines = append(section.Lines, line)
	}
	return section
}

func imageOf(run reports.Run, kind string) reports.Image {
	at := slices.IndexFunc(run.Images, func(image reports.Image) bool { return image.Kind == kind })
	if at < 0 {
		return reports.Image{}
	}
	return run.Images[at]
}

// digestShown is enough of a digest to tell two apart.
const digestShown = 12

func exactly(image reports.Image) string {
	if image == (reports.Image{}) {
		return "–"
	}
	digest := strings.TrimPrefix(image.Digest, "sha256:")
	return fmt.Sprintf("%s, %s, %s, %s", image.Version, image.Ref, image.Origin, digest[:min(len(digest), digestShown)])
}
