package observe

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// expectation is what the sender's acknowledgements let us expect, densely by
// record number.
type expectation struct {
	wl      *workload.Workload
	records []expected
	files   []string     // acknowledged, in order; a name that several files have stands there for each
	acked   map[int]bool // files by index
	ops     int          // acknowledged
}

type expected struct {
	acked   int32 // highest acknowledged version
	version int32 // highest acknowledged version that must be accepted; 0: none
	deleted bool  // that version is a deletion
	implied bool  // by absence from a full file: no message carries its version
	existed bool  // an upsert that must be accepted was acknowledged
	// A deletion of an indeterminate file may have happened: its version.
	maybeDeleted int32
}

func newExpectation(wl *workload.Workload) *expectation {
	return &expectation{wl: wl, records: make([]expected, wl.Records()), acked: map[int]bool{}}
}

func (x *expectation) acknowledge(file workload.File, how history.Phase) {
	switch how {
	case history.OK:
		if x.acked[file.Index] {
			return // dropped again
		}
		x.acked[file.Index] = true
		if !file.Blank { // nobody need take it
			x.files = append(x.files, file.Name)
		}
		x.ops += len(file.Ops)
	case history.Info:
	default:
		return
	}
	for _, op := range file.Ops {
		e := &x.records[op.Number]
		if how == history.Info {
			if op.Delete {
				e.maybeDeleted = max(e.maybeDeleted, op.Version)
			}
			continue
		}
		e.acked = max(e.acked, op.Version)
		if op.Accept != workload.Acceptable {
			continue
		}
		e.existed = e.existed || !op.Delete
		if op.Version > e.version {
			e.version, e.deleted, e.implied = op.Version, op.Delete, op.Implied
		}
	}
}

// tombstone is the lowest version with which a deleted row may stand: a deletion
// by absence has no version of its own, and those before it may have been
// rejected or have come too late.
func (e expected) tombstone() int32 {
	if e.implied {
		return 1
	}
	return e.version
}

// reached returns how many operations of a key a place shows: each version
// counts one, never more than were acknowledged. Ever says that the place
// showed the key at some time.
func (e expected) reached(c cell, ever bool) int {
	switch {
	case c.version == 0 && e.deleted && (ever || !e.existed):
		return int(e.acked)
	case c.version <= 0:
		return 0
	case c.deleted && e.deleted && c.version >= e.tombstone():
		return int(e.acked)
	}
	return int(min(c.version, e.acked))
}

// stands reports whether a row is in the state expected. Soft says that this
// pipeline keeps deleted rows.
func (e expected) stands(c cell, soft bool) bool {
	switch {
	case e.version == 0 || c.version > e.version:
		return true // nothing expected, or a later indeterminate operation
	case c.version == 0 && e.deleted:
		return !soft || !e.existed
	case c.version == 0:
		return e.maybeDeleted > e.version
	case e.deleted:
		return c.deleted && c.version >= e.tombstone()
	}
	return c.version == e.version && !c.deleted
}

// searchable reports whether what search shows of a key is as expected; row
// is what the table shows.
func (e expected) searchable(c, row cell) bool {
	switch {
	case e.version == 0 || c.version > e.version:
		return true
	case c.version == 0:
		return e.deleted || e.maybeDeleted > e.version || row.deleted && row.version > e.version
	}
	return !e.deleted && c.version == e.version
}

// lacking counts the keys for which ok is false and describes the first.
func (x *expectation) lacking(place string, seen []cell, ok func(number int, e expected) bool) string {
	lacking, due, first := 0, 0, -1
	for number, e := range x.records {
		if e.version == 0 {
			continue
		}
		due++
		if ok(number, e) {
			continue
		}
		lacking++
		if first < 0 {
			first = number
		}
	}
	if lacking == 0 {
		return ""
	}
	e, c := x.records[first], seen[first]
	want, found := "version", "absent"
	if e.deleted {
		want = "deletion as version"
	}
	switch {
	case c.version < 0:
		found = "there with a content that no version has"
	case c.version > 0 && c.deleted:
		found = fmt.Sprintf("version %d, deleted", c.version)
	case c.version > 0:
		found = fmt.Sprintf("version %d", c.version)
	}
	return fmt.Sprintf("%s: %d of %d keys are not as expected (first %s: %s %d expected, seen: %s)",
		place, lacking, due, x.wl.Key(first), want, e.version, found)
}
