package workload

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// What a pipeline may change in a content on its way (Column.Normalise), so
// that the change does not count as one.
const (
	Trim         = "trim"          // spaces at the ends are cut off
	Lower        = "lower"         // upper and lower case are the same
	Spaces       = "spaces"        // several spaces, tabs and line breaks are one space
	Newlines     = "newlines"      // CRLF is LF
	NFC          = "nfc"           // combining characters are composed (Unicode NFC)
	EmptyIsNull  = "empty-is-null" // nothing is stored for an empty text
	Milliseconds = "milliseconds"  // an instant loses what is finer
	Seconds      = "seconds"
	UTC          = "utc" // an instant stored without a zone is in UTC
)

// Normalisations are all of them.
var Normalisations = []string{Trim, Lower, Spaces, Newlines, NFC, EmptyIsNull, Milliseconds, Seconds, UTC}

// Comparison says when two contents of a field are the same.
type Comparison struct {
	Type      Type
	Normalise []string
}

// Comparison returns how the contents of a field are compared in this workload.
func (w *Workload) Comparison(field Field) Comparison { return w.Config.Format.Comparison(field) }

// Comparison returns how the contents of a field are compared; of the reference
// layout (nil) by their types alone.
func (f *Format) Comparison(field Field) Comparison {
	c := Comparison{Type: field.Type}
	if f != nil {
		if column := f.holding(field.Name); column != nil {
			c.Normalise = column.Normalise
		}
	}
	return c
}

// Same reports whether found is what was sent.
func (c Comparison) Same(sent, found string) bool {
	if found == sent || c.sameValue(sent, found) {
		return true
	}
	return len(c.Normalise) > 0 && c.Type == Text && c.normal(sent) == c.normal(found)
}

// SameAsNone reports whether finding nothing is right for what was sent: a date or
// number that is not known is stored as none.
func (c Comparison) SameAsNone(sent string) bool {
	return sent == "" && c.Type != Text || slices.Contains(c.Normalise, EmptyIsNull) && c.normal(sent) == ""
}

func (c Comparison) normal(text string) string {
	for _, n := range c.Normalise {
		switch n {
		case NFC:
			text = norm.NFC.String(text)
		case Lower:
			text = strings.ToLower(text)
		case Newlines:
			text = strings.ReplaceAll(text, "\r\n", "\n")
		case Spaces:
			text = strings.Join(strings.Fields(text), " ")
		case Trim:
			text = strings.TrimSpace(text)
		}
	}
	return text
}

func (c Comparison) sameValue(a, b string) bool {
	switch c.Type {
	case Date:
		x, ok := parseTime(a, dateLayouts)
		y, too := parseTime(b, dateLayouts)
		return ok && too && x.Equal(y)
	case Timestamp:
		layouts := instantLayouts
		if slices.Contains(c.Normalise, UTC) {
			layouts = slices.Concat(instantLayouts, zonelessLayouts)
		}
		x, ok := parseTime(a, layouts)
		y, too := parseTime(b, layouts)
		return ok && too && x.Sub(y).Abs() <= c.fineness()
	case Number:
		x, ok := parseNumber(a)
		y, too := parseNumber(b)
		return ok && too && x.Cmp(y) == 0
	}
	return false
}

// fineness is how far two instants that are the same may lie apart.
func (c Comparison) fineness() time.Duration {
	switch {
	case slices.Contains(c.Normalise, Seconds):
		return time.Second - 1
	case slices.Contains(c.Normalise, Milliseconds):
		return time.Millisecond - 1
	}
	return 0
}

var (
	dateLayouts = []string{time.DateOnly, "2006-01-02T15:04:05Z07:00"}
	// As RFC 3339 and as Postgres prints instants. None without a zone: it
	// would be no instant.
	instantLayouts  = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999Z07:00"}
	zonelessLayouts = []string{"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"}
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
