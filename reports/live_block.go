package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// progress is one of the figures shown while a run goes on.
type progress struct {
	name string
	n    int // -1: not known
	bar  bool
}

func (l *Live) progress() []progress {
	return []progress{
		{"sent", l.marks.Sent, true},
		{"queued", l.marks.Queued, false},
		{"committed", l.marks.Committed, true},
		{"visible", l.marks.Visible, true},
		{"confirmed", l.marks.Confirmed, true},
	}
}

// progressLine returns progress as a plain line; empty while nothing is known.
func (l *Live) progressLine() string {
	var parts []string
	for _, p := range l.progress() {
		if p.n >= 0 {
			parts = append(parts, fmt.Sprintf("%s %d", p.name, p.n))
		}
	}
	return strings.Join(parts, ", ")
}

// block returns the redrawn lines, none of them wider than width columns:
// what the run does, then how far it is.
func (l *Live) block(width int) []string {
	elapsed := l.now().Sub(l.began).Truncate(time.Second)
	first := fmt.Sprintf("%d:%02d  %s", int(elapsed.Minutes()), int(elapsed.Seconds())%60, printable(l.run.Scenario))
	for _, step := range l.steps {
		first += fmt.Sprintf("  %s %s", step.name, step.state)
	}
	if l.phase != "" {
		first += "  " + l.phase
	}
	return []string{
		runewidth.Truncate(first, max(width, 1), "…"),
		runewidth.Truncate(l.bars(width), max(width, 1), "…"),
	}
}

// bars returns the second line: bars where there is room for them, figures
// alone where there is not.
func (l *Live) bars(width int) string {
	figures, bars := 0, 0
	var texts []string
	for _, p := range l.progress() {
		text := p.name + " -"
		if p.n >= 0 {
			text = fmt.Sprintf("%s %d", p.name, p.n)
		}
		texts = append(texts, text)
		figures += len(text) + 2
		if p.bar {
			bars++
		}
	}
	room := min((width-figures)/bars-1, 20)
	for i, p := range l.progress() {
		if p.bar && room >= 4 {
			texts[i] += " " + bar(p.n, l.run.Records, room)
		}
	}
	return strings.Join(texts, "  ")
}

// bar returns a bar of width cells, n of total of them full. It is full only
// when everything is there.
func bar(n, total, width int) string {
	full := 0
	if total > 0 && n > 0 {
		full = min(int(int64(n)*int64(width)/int64(total)), width)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
