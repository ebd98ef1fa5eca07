package check

import (
	"fmt"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// place is what one place with records showed at the end: by record number
// the version of the operation in effect there.
type place struct {
	name  string // history.Rows or history.Documents
	word  string // for "two …"
	bit   seen
	whole bool
	// effect is the highest version present; 0: nothing; -v: marked deleted,
	// by the deletion with version v; unversioned: present, version not told.
	effect []int32
	// bare are the records without any content: altered if others have some,
	// otherwise the place shows none and content is not judged there.
	bare    []int32
	content bool
}

const (
	unversioned    = 1<<31 - 1
	strayTombstone = -(1<<31 - 1) // marked deleted, and nothing sent deletes it
	trialKind      = workload.Trial
	acceptable     = workload.Acceptable
	rejectable     = workload.Rejectable
	either         = workload.Either
	evidencePlaces = 4       // how many of many things are named in evidence
	always         = 1 << 62 // a time after every event
)

// entry is what is kept of a history entry until its record's others are read.
type entry struct {
	version int32
	deleted bool
	where   string
	o       *op    // the operation it shows; nil if none fits
	diff    string // fields that differ
	none    bool   // version not told and no content to tell it by
	bare    bool   // version told, no content
	removal bool   // it tells of a deletion
}

// scan reads a stored read record by record. visit gets the entries of one
// record together; they are valid until it returns. Entries of other keys
// go to strange, which may be nil.
func (j *judge) scan(read history.Read, content bool, visit func(number int, entries []entry), strange func(history.Entry)) error {
	if !content && read.File != "" && read.File == j.again.file {
		j.again.visit(visit)
		return nil
	}
	j.again.reset(read.File, read.Observation.Entries)
	current, compare := -1, j.comparer(read.Place)
	var group []entry
	flush := func() {
		if len(group) > 0 {
			j.again.keep(current, group)
			visit(current, group)
			group = group[:0]
		}
	}
	err := j.run.Entries(read, func(e history.Entry) error {
		if e.Number < 0 || e.Number >= j.l.w.Records() {
			if strange != nil {
				strange(e)
			}
			return nil
		}
		if e.Number < current {
			return fmt.Errorf("read observation %s: record %d stands after %d: it is not sorted", read.File, e.Number, current)
		}
		if e.Number != current {
			flush()
			current = e.Number
		}
		group = append(group, j.identify(compare, e, content))
		return nil
	})
	if err != nil || content {
		j.again.reset("", 0)
	}
	if err != nil {
		return err
	}
	flush()
	return nil
}

// again keeps what the read before showed: most reads of a quiet place show
// the same and share one file.
type again struct {
	file    string // "": nothing kept
	numbers []int32
	ends    []int32 // of each number's entries
	entries []entry
}

const keptEntries = 200_000

func (a *again) reset(file string, entries int) {
	a.file, a.numbers, a.ends, a.entries = file, a.numbers[:0], a.ends[:0], a.entries[:0]
	if entries > keptEntries {
		a.file = ""
	}
}

func (a *again) keep(number int, group []entry) {
	if a.file == "" {
		return
	}
	a.entries = append(a.entries, group...)
	a.numbers = append(a.numbers, int32(number))
	a.ends = append(a.ends, int32(len(a.entries)))
}

func (a *again) visit(visit func(number int, entries []entry)) {
	begin := int32(0)
	for i, number := range a.numbers {
		visit(int(number), a.entries[begin:a.ends[i]])
		begin = a.ends[i]
	}
}

// identify finds the operation that an entry shows, by version or, where the
// place does not say one, by content; and compares content if asked.
func (j *judge) identify(compare *comparer, e history.Entry, content bool) entry {
	ops := j.l.of(e.Number)
	found := entry{version: int32(min(max(e.Version, -1), unversioned-1)), deleted: e.Deleted, where: e.Where, removal: e.Deleted || e.Op == workload.Deletion}
	if e.Version < 0 {
		if e.Deleted {
			return found
		}
		if len(e.Fields) == 0 {
			found.none = true
			return found
		}
		var nearest *op
		for i := len(ops) - 1; i >= 0; i-- {
			o := &ops[i]
			if o.delete || j.l.sent(o) == notSent {
				continue
			}
			record := j.l.row(e.Number, o)
			if compare.equal(&record, e.Fields) {
				found.o, found.version = o, o.version
				return found
			}
			if nearest == nil || o.version == j.expectedVersion(ops) {
				nearest = o
			}
		}
		if nearest != nil {
			record := j.l.row(e.Number, nearest)
			found.o, found.version = nearest, nearest.version
			found.diff = "the content is that of no version sent; against version " + fmt.Sprint(nearest.version) + ": " + compare.difference(&record, e.Fields)
		}
		return found
	}
	found.o = find(ops, e.Version)
	if content && !e.Deleted && found.o != nil && !found.o.delete && found.o.accept != workload.Rejectable && j.l.sent(found.o) != notSent {
		if found.bare = len(e.Fields) == 0; found.bare {
			return found
		}
		record := j.l.row(e.Number, found.o)
		if !compare.equal(&record, e.Fields) {
			found.diff = compare.difference(&record, e.Fields)
		}
	}
	return found
}

func (j *judge) expectedVersion(ops []op) int32 {
	if o := j.l.expected(ops); o != nil {
		return o.version
	}
	return 0
}

// settle judges by presence what a place shows of one record at the end, and
// keeps what is in effect there.
func (j *judge) settle(p *place, number int, entries []entry) {
	ops := j.l.of(number)
	present, top := 0, int32(0)
	var where []string
	var tombstone *entry
	for i := range entries {
		e := &entries[i]
		if e.deleted {
			tombstone = e
			continue
		}
		present++
		where = append(where, j.describe(e))
		top = max(top, j.present(p, number, ops, e))
	}
	switch {
	case present > 0:
		p.effect[number] = top
	case tombstone != nil:
		p.effect[number] = j.tombstone(p, number, ops, tombstone)
	}
	if present > 1 {
		o := find(ops, int(top))
		if o == nil {
			o = j.l.expected(ops)
		}
		j.find(Duplicated, number, int(versionOf(o)), o, p.name, fmt.Sprintf("%d %s for one key: %s", present, p.word, list(where)))
	}
}

// present judges one entry that is there and returns the version that it
// brings into effect: 0 if none of those sent.
func (j *judge) present(p *place, number int, ops []op, e *entry) int32 {
	if e.none {
		return unversioned
	}
	o := e.o
	seenAt := p.name + whereOf(e)
	switch {
	case o == nil && e.version < 0: // content of no version, and none was sent
		j.find(Unexpected, number, -1, nil, seenAt, "no version of this record was ever sent")
		return 0
	case o == nil || o.implied:
		j.find(Unexpected, number, int(e.version), nil, seenAt, fmt.Sprintf("version %d of this record was never made; highest sent is %d", e.version, highestSent(j.l, ops)))
		return 0
	}
	switch j.l.sent(o) {
	case notSent:
		j.find(Unexpected, number, int(o.version), o, seenAt, "its file was never sent")
		return 0
	case failed:
		j.find(RefusedButPresent, number, int(o.version), o, seenAt, "the sending of its file failed for certain, and it is in effect all the same")
	}
	o.seen |= p.bit
	if o.delete {
		// Present under the version of its deletion: what is in effect is older.
		return lastUpsert(ops, o.version)
	}
	if o.accept == workload.Rejectable {
		j.find(Unexpected, number, int(o.version), o, seenAt, mustReject(o)+", and it is in effect")
		return o.version
	}
	switch {
	case e.bare:
		p.bare = append(p.bare, int32(number))
	case e.diff != "":
		j.find(Altered, number, int(o.version), o, seenAt, e.diff)
		fallthrough
	default:
		p.content = true
	}
	return o.version
}

// mustReject says why a row had to be rejected.
func mustReject(o *op) string {
	if o.twist == workload.Encoding {
		return "it is not UTF-8: it had to be rejected"
	}
	return "its birth date is none: it had to be rejected"
}

// tombstone returns the effect of an entry that is marked deleted. Deletions
// by absence have no version of their own in any store: the mark stands on
// the version before.
func (j *judge) tombstone(p *place, number int, ops []op, e *entry) int32 {
	if e.version < 0 {
		if last := j.l.lastDeletion(ops, always); last > 0 {
			return -last
		}
		return strayTombstone
	}
	var effective *op
	for i := range ops {
		// The next deletion, or the last by absence: a record that comes back too
		// late, after a snapshot without it, leaves the mark where it was.
		if o := &ops[i]; o.delete && j.l.sent(o) >= indeterminate && o.version >= e.version && (effective == nil || o.implied) {
			effective = o
		}
	}
	if effective != nil {
		effective.seen |= p.bit
		effective.marked = effective.marked || e.version == effective.version
		return -effective.version
	}
	if o := e.o; o != nil && o.delete && !o.implied && j.l.sent(o) == failed {
		o.seen |= p.bit
		j.find(RefusedButPresent, number, int(o.version), o, p.name+whereOf(e), "the sending of its file failed for certain, and the record is deleted all the same")
		return -o.version
	}
	return strayTombstone
}

// inEffect returns the version whose operation is in effect for a record in
// the place. Absence is the effect of a deletion, if one was sent.
func (j *judge) inEffect(p *place, number int, ops []op) int32 {
	switch effect := p.effect[number]; {
	case effect == unversioned:
		if e := j.l.expected(ops); e != nil && !e.delete {
			return e.version
		}
		return lastUpsert(ops, unversioned)
	case effect > 0:
		return effect
	case effect == strayTombstone:
		return 0
	case effect < 0:
		return -effect
	}
	if !p.whole {
		return 0
	}
	return j.l.lastDeletion(ops, always)
}

// shows reports whether the record is present in the place.
func (p *place) shows(number int) bool { return p.effect[number] > 0 }

func lastUpsert(ops []op, below int32) int32 {
	for i := len(ops) - 1; i >= 0; i-- {
		if !ops[i].delete && ops[i].version < below {
			return ops[i].version
		}
	}
	return 0
}

func highestSent(l *ledger, ops []op) int32 {
	for i := len(ops) - 1; i >= 0; i-- {
		if l.sent(&ops[i]) > notSent && !ops[i].implied {
			return ops[i].version
		}
	}
	return 0
}

func versionOf(o *op) int32 {
	if o == nil {
		return -1
	}
	return o.version
}

func whereOf(e *entry) string {
	if e.where == "" {
		return ""
	}
	return " (" + e.where + ")"
}

func (j *judge) describe(e *entry) string {
	text := "version " + fmt.Sprint(e.version)
	if e.version < 0 {
		text = "version not told"
	}
	return text + whereOf(e)
}

func list(parts []string) string {
	if len(parts) > evidencePlaces {
		return strings.Join(parts[:evidencePlaces], ", ") + fmt.Sprintf(" and %d more", len(parts)-evidencePlaces)
	}
	return strings.Join(parts, ", ")
}
