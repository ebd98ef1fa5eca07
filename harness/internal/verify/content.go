package verify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/seatrial/seatrial/harness/internal/evidence"
	"github.com/seatrial/seatrial/harness/workload"
)

// comparer compares contents as the pipeline declared.
type comparer struct {
	fields []compared
	tell   func(text string) string
}

type compared struct {
	workload.Comparison
	at    int    // position in workload.Fields
	shown string // what the records call it
}

// newComparer compares the fields that a place shows and the records have.
func newComparer(f *workload.Format, place *reading, tell func(string) string) *comparer {
	c := &comparer{tell: tell}
	if place == nil {
		return c
	}
	for _, at := range place.Fields {
		if field := workload.Fields[at]; f.Holds(field.Name) {
			c.fields = append(c.fields, compared{f.Comparison(field), at, f.Shown(field.Name)})
		}
	}
	return c
}

// same reports whether found is what was sent. Where nothing is compared, nothing
// tells.
func (c *comparer) same(sent, found []workload.Value) bool {
	for i := range c.fields {
		if !c.fields[i].same(sent, found) {
			return false
		}
	}
	return len(c.fields) > 0
}

func (f *compared) same(sent, found []workload.Value) bool {
	s, there := sent[f.at], workload.Value{}
	if f.at < len(found) {
		there = found[f.at]
	}
	switch {
	case s.There && there.There:
		return f.Same(s.Text, there.Text)
	case !there.There:
		return !s.There || f.SameAsNone(s.Text)
	}
	return there.Text == "" && f.SameAsNone("") // nothing was sent, and an empty text stored for it
}

// difference names the fields that differ, at most three one by one.
func (c *comparer) difference(sent, found []workload.Value) string {
	var parts []string
	more := 0
	for i := range c.fields {
		f := &c.fields[i]
		if f.same(sent, found) {
			continue
		}
		if len(parts) == 3 {
			more++
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: sent %s, found %s", f.shown, c.told(sent, f.at), c.told(found, f.at)))
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more fields", more))
	}
	return strings.Join(parts, "; ")
}

func (c *comparer) told(content []workload.Value, at int) string {
	if at >= len(content) || !content[at].There {
		return "nothing"
	}
	return c.tell(content[at].Text)
}

// digests returns what tells contents apart without showing them: a digest under
// a key that is made anew each time and kept nowhere, as a birth date's plain
// digest would be found by trying all of them.
func digests() func(text string) string {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return func(text string) string {
		sum := hmac.New(sha256.New, key)
		sum.Write([]byte(text))
		return "digest " + hex.EncodeToString(sum.Sum(nil)[:6])
	}
}

// values shows contents: quoted in ASCII, and cut where they are long.
func values(text string) string { return evidence.Quoted(text, 60) }
