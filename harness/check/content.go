package check

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seatrial/seatrial/harness/workload"
)

// comparer compares contents as the pipeline declared.
type comparer struct {
	fields []comparedField
}

type comparedField struct {
	at   int // position in workload.Fields
	name string
	kind workload.Type
}

func newComparer(declared map[string]workload.Type) *comparer {
	c := &comparer{}
	for i, field := range workload.Fields {
		kind := field.Type
		if declared != nil {
			var ok bool
			if kind, ok = declared[field.Name]; !ok {
				continue
			}
		}
		c.fields = append(c.fields, comparedField{at: i, name: field.Name, kind: kind})
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
		return sent == "" && f.kind != workload.Text // a date or number that is not known
	}
	return text == sent || sameValue(f.kind, sent, text)
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
			parts = append(parts, fmt.Sprintf("%s: sent %s, found none", field.name, short(record[field.at])))
			continue
		}
		sent, text := window(record[field.at], text)
		parts = append(parts, fmt.Sprintf("%s: sent %s, found %s", field.name, short(sent), short(text)))
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

// short quotes a text in ASCII and cuts it: evidence is read on any screen.
func short(text string) string {
	if len(text) <= shown {
		return strconv.QuoteToASCII(text)
	}
	end := shown
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strconv.QuoteToASCII(text[:end]) + fmt.Sprintf("… (%d bytes)", len(text))
}

func sameValue(kind workload.Type, a, b string) bool {
	switch kind {
	case workload.Date:
		x, ok := parseTime(a, dateLayouts)
		y, too := parseTime(b, dateLayouts)
		return ok && too && x.Equal(y)
	case workload.Timestamp:
		x, ok := parseTime(a, instantLayouts)
		y, too := parseTime(b, instantLayouts)
		return ok && too && x.Equal(y)
	case workload.Number:
		x, ok := parseNumber(a)
		y, too := parseNumber(b)
		return ok && too && x.Cmp(y) == 0
	}
	return false
}

var (
	dateLayouts = []string{time.DateOnly, "2006-01-02T15:04:05Z07:00"}
	// As RFC 3339 and as Postgres prints instants. None without a zone: it
	// would be no instant.
	instantLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999Z07:00"}
)

func parseTime(text string, layouts []string) (time.Time, bool) {
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			// A time of day that is not midnight makes it another date.
			return at, true
		}
	}
	return time.Time{}, false
}

// parseNumber reads a decimal, also with an exponent. Nothing longer than any
// store would print, so that a hostile history costs nothing.
func parseNumber(text string) (*big.Rat, bool) {
	if len(text) > 64 || strings.ContainsAny(text, "/_xXpPoOb") {
		return nil, false
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		if exponent, err := strconv.Atoi(text[i+1:]); err != nil || exponent > 400 || exponent < -400 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}
