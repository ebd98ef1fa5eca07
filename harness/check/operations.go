package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
)

func fateOf(f Fate) fate { return fate(slices.Index(Fates, f) + 1) }

var (
	fateApplied      = fateOf(Applied)
	fateSuperseded   = fateOf(Superseded)
	fateRejected     = fateOf(Rejected)
	fateDeadLettered = fateOf(DeadLettered)
	fateStalled      = fateOf(StalledFate)
	fateLost         = fateOf(LostFate)
	fateAbsent       = fateOf(Absent)
	fateUntold       = fateOf(Untold)
)

// good reports whether the fate is one that an acknowledged operation should have.
func (o *op) good() bool {
	switch o.fate {
	case fateApplied, fateSuperseded:
		return o.accept != rejectable
	case fateRejected, fateDeadLettered:
		return o.accept != acceptable
	}
	return false
}

// operations gives each attempted operation its fate and judges by absence.
func (j *judge) operations() {
	state := j.table
	if state == nil {
		state = j.index
	}
	a := &account{j: j, state: state, rejected: j.rejections()}
	// Absence from one place is a loss only if all other places were read too.
	a.complete = state.whole && j.whole(history.Queues, history.Queued, history.DeadLetters, history.Inbox, history.Staged)
	a.healed = j.course.healed()
	// Without dead letters and counts there is no place for a trace.
	a.traces = j.expect.DeadLetters || a.rejected != nil
	untraced := false
	for number := range j.l.w.Records() {
		ops := j.l.of(number)
		if len(ops) == 0 {
			continue
		}
		top := j.inEffect(state, number, ops)
		for i := len(ops) - 1; i >= 0; i-- {
			o := &ops[i]
			if j.l.sent(o) == notSent {
				continue
			}
			untraced = untraced || o.accept != acceptable && !a.traces
			o.fate = a.fate(number, ops, o, top)
		}
		a.key(number, ops, top)
		a.withoutTrace(number)
	}
	if untraced {
		j.notJudged = append(j.notJudged, "whether rows were rejected with a trace")
	}
}

// account gives fates.
type account struct {
	j        *judge
	state    *place // what counts as applied: rows, or documents where there are no rows
	complete bool   // every place where an operation can be was read completely
	healed   bool
	traces   bool
	rejected map[int32]*rejections // by file
	untraced []*op                 // of the record under way: neither in effect nor rejected with a trace
}

// fate is what became of one operation while top is the version in effect.
func (a *account) fate(number int, ops []op, o *op, top int32) fate {
	j := a.j
	sent := j.l.sent(o)
	if o.seen&inQueue != 0 {
		j.find(Stalled, number, int(o.version), o, waits(j.queues[o]), "a message for it still waits")
	}
	switch {
	case o.version == top:
		if o.delete && sent == indeterminate && o.seen == 0 && !existed(j.l, ops, o) {
			return fateAbsent // nothing was there to delete: nothing shows that it came
		}
		return fateApplied
	case o.accept == acceptable && o.version < top:
		if sent == acknowledged || o.seen&^(inInbox|inStaging) != 0 || o.confirmed > 0 {
			return fateSuperseded
		}
		return fateAbsent
	}
	// Not in effect, and nothing that came after it explains that.
	switch {
	case o.seen&inQueue != 0:
		return fateStalled
	case o.seen&inDeadLetters != 0:
		if o.accept == acceptable && a.state.whole && sent != failed {
			j.find(WronglyRejected, number, int(o.version), o, "dead letters", "the row is acceptable and not in effect")
		}
		return fateDeadLettered
	case sent != acknowledged:
		return fateAbsent
	case o.accept != acceptable && o.version < top && o.accept != rejectable:
		return fateSuperseded // either is right: superseded needs no trace
	case a.countedAsRejected(o):
		if o.accept == acceptable {
			if !a.state.whole {
				return fateUntold
			}
			j.find(WronglyRejected, number, int(o.version), o, j.l.sentWhere(o), "the row is acceptable and not in effect; the import's status counts more rejected rows than had to be")
		}
		return fateRejected
	case o.accept != acceptable && !a.traces:
		return fateRejected
	case o.seen&inInbox != 0:
		j.find(Stalled, number, int(o.version), o, "inbox", "its file still lies where it was dropped")
		return fateStalled
	case o.seen&inStaging != 0:
		j.find(Stalled, number, int(o.version), o, "staging", "its file was taken from the inbox and was never handed on")
		return fateStalled
	case !a.complete:
		return fateUntold
	}
	if o.accept != acceptable {
		a.untraced = append(a.untraced, o)
	}
	if !a.healed {
		return fateUntold
	}
	return fateLost
}

func waits(where string) string {
	if where == "" {
		return "queue"
	}
	return where
}

func existed(l *ledger, ops []op, before *op) bool {
	return slices.ContainsFunc(ops, func(o op) bool {
		return !o.delete && o.version < before.version && l.sent(&o) == acknowledged && o.accept == acceptable
	})
}

// overtaken reports whether a deletion may have found its record deleted
// already, by a later file that is a snapshot without it. Only a mark with the
// deletion's own version tells that it was the deletion.
func (j *judge) overtaken(o *op, ops []op) bool {
	if !o.delete || o.marked || !j.expect.FullDeletes {
		return false
	}
	l := j.l
	for i := o.file + 1; int(i) < len(l.files); i++ {
		holds := func(later op) bool { return later.file == i && !later.implied }
		if l.w.Files[i].Full && l.files[i].sent >= indeterminate && !slices.ContainsFunc(ops, holds) {
			return true
		}
	}
	return false
}

// withoutTrace judges the rows of a record that were neither applied nor
// rejected with a trace. What is wrong with the record's state is told first:
// of one class and record there is one finding.
func (a *account) withoutTrace(number int) {
	for _, o := range a.untraced {
		evidence := "the row had to be rejected and left no trace"
		if o.accept == either {
			evidence = "the row was neither applied nor rejected with a trace"
		}
		a.j.find(Lost, number, int(o.version), o, a.j.l.sentWhere(o)+"; not in dead letters, not counted as rejected", evidence)
	}
	a.untraced = a.untraced[:0]
}

// key judges by absence what a record's expected operation came to.
func (a *account) key(number int, ops []op, top int32) {
	j := a.j
	e := j.l.expected(ops)
	// What may be rejected or applied, and was applied, is held to it: readers see it, too.
	if o := find(ops, int(top)); o != nil && o.accept == either && j.l.sent(o) == acknowledged && (e == nil || e.version < top) {
		e = o
	}
	if e == nil {
		return
	}
	if top < e.version {
		if e.fate == fateUntold || e.fate == fateLost {
			a.missing(a.state, number, ops, e, Lost, a.complete)
		}
		return
	}
	stalled := e.seen&inQueue != 0
	if j.index != nil && j.index != a.state && j.inEffect(j.index, number, ops) < e.version && !stalled {
		a.missing(j.index, number, ops, e, Invisible, j.index.whole)
		return
	}
	if top == e.version && e.confirmed == 0 && !e.implied && j.expect.Confirmations && j.whole(history.Confirmations) {
		if e.delete && !existed(j.l, ops, e) || j.overtaken(e, ops) {
			return // nothing was there to delete: nothing to confirm
		}
		seen := a.furthest(number, e)
		if stalled { // its message may be the news that nobody passed on
			seen += " and " + waits(j.queues[e])
		}
		j.find(Unconfirmed, number, int(e.version), e, seen+"; not in confirmations", "it is in effect and was never confirmed downstream")
	}
}

// missing judges a record that does not show in a place what it should: what
// shows there instead decides the class.
func (a *account) missing(p *place, number int, ops []op, e *op, class Class, known bool) {
	if !known {
		return
	}
	j := a.j
	if p.shows(number) {
		version := p.effect[number]
		switch {
		case e.delete:
			if j.resurrected[number] {
				return
			}
			j.find(Undeleted, number, int(e.version), e, a.furthest(number, e)+"; still in "+p.name, fmt.Sprintf("%s still show version %s", p.name, versionText(version)))
		case class == Lost && a.traceless(e):
			j.find(Lost, number, int(e.version), e, j.l.sentWhere(e)+"; not in "+p.name, fmt.Sprintf("%s show version %s; no trace of version %d in %s, nor was it ever seen there", p.name, versionText(version), e.version, a.places(class)))
		default:
			j.find(Stale, number, int(e.version), e, a.furthest(number, e)+"; older in "+p.name, fmt.Sprintf("%s show version %s", p.name, versionText(version)))
		}
		return
	}
	evidence := "no trace in " + a.places(class)
	if p.effect[number] < 0 {
		evidence = "it is marked deleted in " + p.name + ", and its deletion was never sent"
		if p.effect[number] != strayTombstone {
			evidence = fmt.Sprintf("it is marked deleted in %s by version %d, which is older", p.name, -p.effect[number])
		}
	}
	j.find(class, number, int(e.version), e, a.furthest(number, e)+"; not in "+p.name, evidence)
}

// traceless reports whether an operation was never seen to have been applied:
// then it was lost on the way. Otherwise, and where confirmations could not
// tell, an older version has overwritten it.
func (a *account) traceless(o *op) bool {
	return a.j.expect.Confirmations && a.j.whole(history.Confirmations) && o.confirmed == 0 &&
		o.seen&(inRows|inRowsOnce|inDocuments|inDocumentsOnce) == 0
}

func versionText(version int32) string {
	if version == unversioned {
		return "unknown"
	}
	return fmt.Sprint(version)
}

// places lists where an operation was looked for.
func (a *account) places(class Class) string {
	if class == Invisible {
		return history.Documents
	}
	var names []string
	for _, name := range []string{history.Rows, history.Documents, history.Confirmations, history.Queued, history.Queues, history.DeadLetters, history.Inbox, history.Staged} {
		if _, ok := a.j.final[name]; ok && (name != history.Documents || a.state == a.j.index) {
			names = append(names, strings.ReplaceAll(name, "-", " "))
		}
	}
	return strings.Join(names, ", ")
}

// furthest says at which hop an operation was seen last, furthest first.
func (a *account) furthest(number int, o *op) string {
	switch {
	case o.confirmed > 0:
		return "confirmed downstream"
	case o.seen&inDocuments != 0:
		return "documents"
	case o.seen&inDocumentsOnce != 0:
		return "documents, earlier in the run"
	case o.seen&inRows != 0:
		return "rows"
	case o.seen&inRowsOnce != 0:
		return "rows, earlier in the run"
	case a.state == a.j.table && a.state.effect[number] <= 0 && o.delete && o.fate == fateApplied:
		return "rows (deleted there)"
	}
	return a.j.l.sentWhere(o)
}

// rejections is what the import's status says of a file, less what is known.
type rejections struct {
	rightly int // rows to be rejected that may still be explained by the count
	wrongly int // rows counted beyond those
}

// rejections takes the counts of rejected rows from the last read of the
// status; nil if it has none.
func (j *judge) rejections() map[int32]*rejections {
	var byFile map[int32]*rejections
	for index, entries := range j.statements {
		counted := -1
		for _, entry := range entries {
			counted = max(counted, entry.Rejected)
		}
		if counted < 0 {
			continue
		}
		if byFile == nil {
			byFile = map[int32]*rejections{}
		}
		due, dead := 0, 0
		file := j.l.w.Files[index]
		for i, planned := range file.Ops {
			if planned.Accept == acceptable {
				continue
			}
			due += file.Weight(i)
			if o := find(j.l.of(int(planned.Number)), int(planned.Version)); o.seen&inDeadLetters != 0 {
				dead += file.Weight(i)
			}
		}
		rightly := min(counted, due)
		if rightly >= dead { // those among the dead letters are what is counted
			rightly -= dead
		}
		byFile[int32(index)] = &rejections{rightly: rightly, wrongly: max(0, counted-due)}
	}
	return byFile
}

func (a *account) countedAsRejected(o *op) bool {
	r := a.rejected[o.file]
	if r == nil {
		return false
	}
	left := &r.rightly
	if o.accept == acceptable {
		left = &r.wrongly
	}
	if *left == 0 {
		return false
	}
	*left--
	return true
}
