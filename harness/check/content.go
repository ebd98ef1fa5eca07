package check

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seatrial/seatrial/harness/internal/evidence"
	"github.com/seatrial/seatrial/harness/workload"
)

// comparer compares contents as the pipeline declared.
type comparer struct {
	fields []comparedField
}

type comparedField struct {
	workload.Comparison
	at    int // position in workload.Fields
	name  string
	shown string // what the records call it
}

// newComparer compares the fields that records have and the pipeline declared
// (nil: all), of which a place may show some only (nil: all).
func newComparer(w *workload.Workload, declared map[string]workload.Type, shown []string) *comparer {
	c := &comparer{}
	for _, field := range w.Fields() {
		compared := comparedField{Comparison: w.Comparison(field), at: slices.Index(workload.Fields, field), name: field.Name, shown: w.Shown(field.Name)}
		if declared != nil {
			var ok bool
			if compared.Type, ok = declared[field.Name]; !ok {
				continue
			}
		}
		if shown == nil || slices.Contains(shown, field.Name) {
			c.fields = append(c.fields, compared)
		}
	}
	return c
}

// equal reports whether found is the content of record.
func (c *comparer) equal(record *workload.Record, found map[string]string) bool {
	for i := range c.fields {
		if field := &c.fields[i]; !field.same(record[field.at], found) {
			return false
		}
	}
	return true
}

func (f *comparedField) same(sent string, found map[string]string) bool {
	text, ok := found[f.name]
	if !ok {
		return f.SameAsNone(sent)
	}
	return f.Same(sent, text)
}

// difference names the fields that differ, at most three with their values.
func (c *comparer) difference(record *workload.Record, found map[string]string) string {
	var parts []string
	more := 0
	for i := range c.fields {
		field := &c.fields[i]
		if field.same(record[field.at], found) {
			continue
		}
		if len(parts) == 3 {
			more++
			continue
		}
		text, ok := found[field.name]
		if !ok {
			parts = append(parts, fmt.Sprintf("%s: sent %s, found none", field.shown, short(record[field.at])))
			continue
		}
		sent, text := window(record[field.at], text)
		parts = append(parts, fmt.Sprintf("%s: sent %s, found %s", field.shown, short(sent), short(text)))
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more fields", more))
	}
	return strings.Join(parts, "; ")
}

const shown = 40 // bytes of a content in evidence

// window cuts what two long texts have in common at the front, so that the
// difference is seen.
func window(a, b string) (string, string) {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i < shown/2 {
		return a, b
	}
	i -= shown / 4
	for i > 0 && !utf8.RuneStart(a[i]) {
		i--
	}
	return "…" + a[i:], "…" + b[i:]
}

// short quotes a text and cuts it: evidence is read on any screen.
func short(text string) string { return evidence.Quoted(text, shown) }
