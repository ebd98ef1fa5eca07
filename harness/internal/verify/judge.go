package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// judging judges one key after the other.
type judging struct {
	c         *comparison
	rows      *comparer
	documents *comparer
	found     *findings
	told      map[check.Class]bool // classes of findings of the key under way
	suspects  int                  // that would be findings if everything were known

	strange  int // records under keys that no file has
	attempts int
	ok       int
	fates    account
}

func newJudging(c *comparison) *judging {
	tell := digests()
	if c.options.ShowValues {
		tell = values
	}
	return &judging{
		c: c, found: newFindings(c.options.Spill), told: map[check.Class]bool{},
		rows: newComparer(c.in.Sent.Format, c.places[history.Rows], tell), documents: newComparer(c.in.Sent.Format, c.places[history.Documents], tell),
	}
}

// account counts operations by their fates.
type account [len(fates)]int

type fate int

// The fates that can be told.
const (
	applied fate = iota
	superseded
	rejected
	lost
	untold
)

var fates = [...]check.Fate{check.Applied, check.Superseded, check.Rejected, check.LostFate, check.Untold}

func (a *account) add(f fate) { a[f]++ }

func (a account) sum() (n int) {
	for _, count := range a {
		n += count
	}
	return n
}

func (a account) byName() map[check.Fate]int {
	named := map[check.Fate]int{}
	for i, n := range a {
		if n > 0 {
			named[fates[i]] = n
		}
	}
	return named
}

// sure reports whether what a place does not show is missing there: it was read
// completely, so were the files, and nothing moved meanwhile.
func (j *judging) sure(place string) bool {
	_, partial := j.c.partial[place]
	return !partial && j.c.unreadable == 0 && len(j.c.moving) == 0
}

// expected is what should stand in every place for a key.
type expected struct {
	at      int // operation that should be in effect: the newest that was not rejected
	op      *operation
	deleted bool
	either  bool // an upsert and a deletion of one version: the order is not told
	any     bool // nothing can be expected
	file    int  // full file that deletes by leaving out; -1: none
	slack   int  // operations from at on that may have been rejected: which, is not told
}

// right reports whether what is in effect in a place is what was expected.
func (x expected) right(in effect) bool {
	switch {
	case x.any || in.newer:
		return true
	case in.none:
		return x.deleted || x.either
	case x.file >= 0:
		return in.index < x.at
	case x.either:
		return in.index <= x.at+x.slack+1
	}
	return in.index <= x.at+x.slack
}

// expect follows the rules of the workload: the highest version counts, whatever
// came when; a full file deletes what it leaves out, unless it is sent again. What
// the pipeline keeps among the rejected has no effect: whether rightly so, files
// do not tell.
func (j *judging) expect(g *group) expected {
	x := expected{at: slices.IndexFunc(g.operations, func(o operation) bool { return !g.refused(&o) }), file: -1}
	for i := range g.rejects.entries {
		if g.rejects.entries[i].version < 0 {
			x.slack++
		}
	}
	if x.at < 0 {
		x.any, x.at = true, 0
	}
	x.any = x.any || x.slack >= len(g.operations)+g.older-x.at
	x.op = &g.operations[x.at]
	x.deleted = x.op.delete
	if next := x.at + 1; next < len(g.operations) && x.op.version >= 0 && g.operations[next].version == x.op.version {
		x.either, x.op.last = true, max(x.op.last, g.operations[next].last)
	}
	for i := len(j.c.snapshots) - 1; i >= 0; i-- {
		at := j.c.snapshots[i]
		if at <= x.op.last {
			break
		}
		if g.in[at] == g.number {
			continue
		}
		x.file, x.deleted = at, true
		// An older version that came after it: who forgets what is deleted takes it for new.
		x.any = x.any || g.latest > at
		break
	}
	return x
}

// effect is what of the operations of a key stands in a place.
type effect struct {
	none  bool
	index int  // of the newest operation that does
	exact bool // that one, and not something between it and the one before
	newer bool // than everything that was sent
}

// settle judges one key.
func (j *judging) settle(g *group) error {
	clear(j.told)
	if len(g.operations) == 0 {
		return j.stranger(g)
	}
	x := j.expect(g)
	state, name := &g.rows, history.Rows
	if j.c.places[history.Rows] == nil {
		state, name = &g.documents, history.Documents
	}
	var err error
	keep := func(e error) { err = cmp.Or(err, e) }
	inRows, inDocuments := effect{none: true}, effect{none: true}
	if j.c.places[history.Rows] != nil {
		inRows, err = j.present(g, x, &g.rows, history.Rows)
	}
	if j.c.places[history.Documents] != nil {
		var e error
		inDocuments, e = j.present(g, x, &g.documents, history.Documents)
		keep(e)
	}
	in := inRows
	if name == history.Documents {
		in = inDocuments
	}
	if !x.right(in) {
		keep(j.missing(g, x, state, name, in, inDocuments))
	} else {
		if name == history.Rows && j.c.places[history.Documents] != nil {
			keep(j.visible(g, x, inDocuments))
		}
		keep(j.confirmed(g, x, name))
	}
	j.account(g, x, in, name)
	return err
}

// present judges by presence what a place shows of a key, and returns what of it
// is in effect there.
func (j *judging) present(g *group, x expected, s *seen, place string) (effect, error) {
	in := effect{none: s.present == 0, index: len(g.operations)}
	var err error
	keep := func(e error) { err = cmp.Or(err, e) }
	var where []string
	for i := range s.entries {
		e := &s.entries[i]
		if e.deleted {
			continue
		}
		where = append(where, describe(e))
		switch {
		case e.op < 0 && e.version > x.op.version && x.op.version >= 0:
			in.newer = true
			if j.sure(place) { // with files that were not read it may have been sent
				keep(j.find(check.Unexpected, g, x.op, e.version, place+behind(e), fmt.Sprintf("version %d was never sent; the highest that was is %d", e.version, x.op.version)))
			}
		case e.op < 0 && e.version >= 0: // older than anything that was sent, or between
			older := slices.IndexFunc(g.operations, func(o operation) bool { return o.version < e.version })
			if older < 0 {
				older = len(g.operations)
			}
			if older < in.index {
				in.index, in.exact = older, false
			}
		case e.op < 0 && e.diff != "" && j.sure(place) && !x.deleted:
			in.index, in.exact = 0, true
			keep(j.find(check.Altered, g, x.op, x.op.version, place+behind(e), "the content is that of no version sent; against the last: "+e.diff))
		case e.op < 0 && e.diff == "" && !x.deleted: // nothing tells which it is: see comparison.read
			in.index, in.exact = 0, true
		case e.op < 0: // content that nobody sent, or that a file may have which was not read
			if in.index > 1 {
				in.index, in.exact = 1, false
			}
		case g.operations[e.op].delete: // present under the version of its deletion: what stands there is older
			in.index, in.exact = min(in.index, e.op+1), false
		default:
			if e.op < in.index {
				in.index, in.exact = e.op, true
			}
			if !e.same && e.version >= 0 && e.diff != "" {
				keep(j.find(check.Altered, g, &g.operations[e.op], e.version, place+behind(e), e.diff))
			}
		}
	}
	if s.present > 1 {
		word := map[string]string{history.Rows: "rows", history.Documents: "documents"}[place]
		keep(j.find(check.Duplicated, g, x.op, x.op.version, place, fmt.Sprintf("%d %s for one key: %s", s.present, word, strings.Join(where, ", "))))
	}
	return in, err
}

// missing judges a key that does not stand where it should in what counts as
// applied.
func (j *judging) missing(g *group, x expected, s *seen, place string, in, inDocuments effect) error {
	if !j.sure(place) {
		j.suspects++
		return nil
	}
	if x.deleted {
		return j.undeleted(g, x, s, place)
	}
	lastSeen := j.sentWhere(x.op)
	if place == history.Rows && !inDocuments.none && inDocuments.index == x.at && j.c.places[history.Documents] != nil {
		lastSeen = history.Documents
	}
	lastSeen += "; not in " + place
	switch {
	case in.none && s.deleted > 0:
		return j.find(check.Lost, g, x.op, x.op.version, lastSeen, "it is marked deleted in "+place+behind(&s.entries[0])+", and its deletion was never sent")
	case in.none:
		return j.find(check.Lost, g, x.op, x.op.version, lastSeen, "no trace in "+j.places())
	case j.traceless(g, x, inDocuments):
		return j.find(check.Lost, g, x.op, x.op.version, lastSeen, place+" show "+shows(s)+"; the newer one was neither confirmed nor is it in "+j.places())
	}
	return j.find(check.Stale, g, x.op, x.op.version, strings.Replace(lastSeen, "; not in ", "; older in ", 1), place+" show "+shows(s))
}

// traceless reports whether an update left no trace anywhere, where it would have
// left one: then it was lost on the way, and not overwritten.
func (j *judging) traceless(g *group, x expected, inDocuments effect) bool {
	if j.c.places[history.Confirmations] == nil || !j.sure(history.Confirmations) {
		return false
	}
	return j.confirmations(g, x.op) == 0 && (inDocuments.none || inDocuments.index > x.at)
}

func (j *judging) undeleted(g *group, x expected, s *seen, place string) error {
	evidence := place + " still show " + shows(s)
	if x.file >= 0 {
		file := j.c.files[x.file]
		return j.note(check.Finding{Class: check.Undeleted, Key: string(g.key), Version: int(x.op.version), File: file.name,
			LastSeen: "sent in " + file.name + ", a full file, by its absence; still in " + place, Evidence: evidence}, x.op)
	}
	return j.find(check.Undeleted, g, x.op, x.op.version, j.sentWhere(x.op)+"; still in "+place, evidence)
}

// visible judges what readers find of a key whose rows are right.
func (j *judging) visible(g *group, x expected, in effect) error {
	if x.right(in) {
		return nil
	}
	if !j.sure(history.Documents) || !j.sure(history.Rows) {
		j.suspects++
		return nil
	}
	switch {
	case x.deleted:
		return j.undeleted(g, x, &g.documents, history.Documents)
	case in.none:
		return j.find(check.Invisible, g, x.op, x.op.version, "rows; not in documents", "no trace in documents")
	}
	return j.find(check.Stale, g, x.op, x.op.version, "rows; older in documents", "documents show "+shows(&g.documents))
}

// stranger judges a key that was never sent.
func (j *judging) stranger(g *group) error {
	j.strange += g.rows.present + g.documents.present
	if g.rows.present+g.documents.present == 0 {
		return nil
	}
	place, s := history.Rows, &g.rows
	if s.present == 0 {
		place, s = history.Documents, &g.documents
	}
	finding := check.Finding{Key: string(g.key), Version: int(s.entries[0].version), LastSeen: place + behind(&s.entries[0])}
	switch {
	case j.c.options.Complete:
		finding.Class, finding.Evidence = check.Unexpected, "nothing was ever sent under this key"
	case len(j.c.snapshots) > 0:
		file := j.c.files[j.c.snapshots[len(j.c.snapshots)-1]]
		finding.Class, finding.File, finding.Evidence = check.Undeleted, file.name, "the last full file leaves it out, and no file after it has it"
	default:
		return nil
	}
	if !j.sure(place) {
		j.suspects++
		return nil
	}
	j.strange -= g.rows.present + g.documents.present
	return j.note(finding, nil)
}

// refused reports whether the pipeline keeps an operation among those that it
// rejected.
func (g *group) refused(o *operation) bool {
	return o.version >= 0 && slices.ContainsFunc(g.rejects.entries, func(e entry) bool { return e.version == o.version })
}

// confirmed judges the confirmations of a key that stands where it should.
func (j *judging) confirmed(g *group, x expected, place string) error {
	if j.c.places[history.Confirmations] == nil {
		return nil
	}
	n := j.confirmations(g, x.op)
	switch {
	case n > 1 && x.op.version >= 0 && g.confirmations.entries[0].version >= 0:
		return j.find(check.Duplicated, g, x.op, x.op.version, history.Confirmations, fmt.Sprintf("%d confirmations of one operation: %s", n, j.confirmedWhere(g, x.op)))
	case n > 0 || x.either || x.any || x.file >= 0:
		return nil
	case x.op.delete && (!g.upserts || j.leftOutBefore(x.op)):
		return nil // nothing was there to delete: nothing to confirm
	case x.op.delete && len(g.confirmations.entries) > 0 && j.c.places[history.Confirmations].Wordless:
		return nil // what was confirmed may be the deletion
	case !j.sure(history.Confirmations) || !j.sure(place):
		j.suspects++
		return nil
	}
	return j.find(check.Unconfirmed, g, x.op, x.op.version, place+"; not in confirmations", "it is in effect and was never confirmed downstream")
}

// leftOutBefore reports whether a full file may have deleted a record before its
// deletion came.
func (j *judging) leftOutBefore(o *operation) bool {
	return len(j.c.snapshots) > 0 && j.c.snapshots[0] < o.last
}

func (j *judging) confirmations(g *group, o *operation) (n int) {
	for i := range g.confirmations.entries {
		if e := &g.confirmations.entries[i]; e.confirms(o) {
			n++
		}
	}
	return n
}

func (e *entry) confirms(o *operation) bool {
	if e.version >= 0 && o.version >= 0 {
		return e.version == o.version
	}
	return e.deleted == o.delete
}

func (j *judging) confirmedWhere(g *group, o *operation) string {
	var where []string
	for i := range g.confirmations.entries {
		if e := &g.confirmations.entries[i]; e.confirms(o) {
			where = append(where, e.where)
		}
	}
	return strings.Join(where, ", ")
}

// account gives every operation of a key its fate.
func (j *judging) account(g *group, x expected, in effect, place string) {
	if in.none && x.right(in) {
		in.index, in.exact = x.at, x.op.delete && x.file < 0
	}
	if in.newer {
		in.index, in.exact = 0, false
	}
	for i := range g.operations {
		o, fate := &g.operations[i], superseded
		switch {
		case i == in.index && in.exact:
			fate = applied
		case (g.refused(o) || i < x.at+x.slack) && (in.none || i < in.index):
			fate = rejected
		case i >= in.index || x.any || x.either && i <= x.at+1:
		case j.sure(place):
			fate = lost
		default:
			fate = untold
		}
		file := j.c.files[o.file]
		file.account.add(fate)
		j.fates.add(fate)
		j.attempts++
		switch {
		case o.hurt:
			file.hurt++
		case fate != lost && fate != untold:
			j.ok++
		}
	}
	j.attempts, j.ok = j.attempts+g.older, j.ok+g.older
	j.fates[superseded] += g.older
}

// find adds a finding about an operation, one per class and key.
func (j *judging) find(class check.Class, g *group, o *operation, version int64, lastSeen, evidence string) error {
	return j.note(check.Finding{Class: class, Key: string(g.key), Version: int(version), File: j.c.files[o.file].name, Line: o.line, LastSeen: lastSeen, Evidence: evidence}, o)
}

func (j *judging) note(finding check.Finding, o *operation) error {
	if o != nil {
		o.hurt = true
	}
	if j.told[finding.Class] {
		return nil
	}
	j.told[finding.Class] = true
	return j.found.add(finding)
}

func (j *judging) sentWhere(o *operation) string {
	return fmt.Sprintf("sent in %s line %d", j.c.files[o.file].name, o.line)
}

// places lists where a record was looked for.
func (j *judging) places() string {
	var names []string
	for _, name := range []string{history.Rows, history.Documents, history.Confirmations, history.DeadLetters} {
		if j.c.places[name] != nil {
			names = append(names, strings.ReplaceAll(name, "-", " "))
		}
	}
	return strings.Join(names, ", ")
}

// shows says what a place shows of a key.
func shows(s *seen) string {
	for i := range s.entries {
		if e := &s.entries[i]; !e.deleted {
			return describe(e)
		}
	}
	return "it"
}

func describe(e *entry) string {
	text := fmt.Sprintf("version %d", e.version)
	if e.version < 0 {
		text = "version not told"
	}
	return text + behind(e)
}

func behind(e *entry) string {
	if e.where == "" {
		return ""
	}
	return " (" + e.where + ")"
}
