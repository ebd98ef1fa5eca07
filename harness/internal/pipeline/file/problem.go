package file

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is where something stands, counted from 1.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func (p Position) compare(other Position) int {
	return cmp.Or(cmp.Compare(p.Line, other.Line), cmp.Compare(p.Column, other.Column))
}

// Problem is one thing that is wrong with a file.
type Problem struct {
	File string `json:"file"`
	Position
	Text string `json:"text"` // what is wrong, and what to do about it
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text) }

// Problems are all that is wrong with a file, in the order of its lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the problems in order, each once.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), a.compare(b.Position))
	})
	return slices.Compact(p)
}
