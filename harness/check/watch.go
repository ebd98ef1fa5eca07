package check

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// watch follows what one place shows over time: reads in the order in which
// they were taken. It judges order and resurrection by effect and, for the
// documents, keeps since when each operation is visible for good.
type watch struct {
	j          *judge
	name       string
	visibility bool
	reads      []history.Read

	shown   []int32 // version that the last read that saw the record showed; 0: none
	shownIn []int32 // that read's index
	gone    []int32 // deletion that the record was seen to have undergone; 0: none
	goneIn  []int32

	now       int   // index of the read under way
	next      int   // first record that the read under way has not told about
	vanished  []int // records that this read no longer shows although it did, and a deletion explains it
	gap       bool  // this read misses a record that nothing deletes: the store lost content
	lastGap   int64 // end of the last such read
	untimely  []*op // operations missed by this read although their import was said to be completed
	unordered bool  // this read overlaps the one before: order cannot be told
}

func (j *judge) watch(name string, visibility bool, reads []history.Read) *watch {
	n := j.l.w.Records()
	w := &watch{j: j, name: name, visibility: visibility, reads: reads}
	if len(reads) > 0 {
		w.shown, w.shownIn = make([]int32, n), make([]int32, n)
		w.gone, w.goneIn = make([]int32, n), make([]int32, n)
	}
	return w
}

// begin starts with the read at index i.
func (w *watch) begin(i int) {
	w.now, w.next, w.gap = i, 0, false
	w.vanished, w.untimely = w.vanished[:0], w.untimely[:0]
	w.unordered = i > 0 && w.reads[i].Begin <= w.reads[i-1].End
}

// record takes the entries of one record; records come in order.
func (w *watch) record(number int, entries []entry) {
	w.absentUpTo(number)
	w.next = number + 1
	version, deleted := int32(0), false
	for i := range entries {
		e := &entries[i]
		switch {
		case e.deleted:
			deleted = true
		case e.o == nil: // a version that was not told, or never made: judged at the end
		case e.o.delete:
			version = max(version, lastUpsert(w.j.l.of(number), e.o.version))
		default:
			version = max(version, e.version)
			if !w.visibility {
				e.o.seen |= inRowsOnce
			}
		}
	}
	if !w.reads[w.now].Final {
		w.twice(number, entries)
	}
	switch {
	case version > 0:
		w.present(number, version)
	case deleted:
		w.deleted(number)
	}
}

// end closes the read: whole says that what it did not show was not there.
func (w *watch) end() {
	w.absentUpTo(w.j.l.w.Records())
	if w.gap {
		w.lastGap = w.reads[w.now].End
		// What is missing is not deleted for that: it may come back as it was.
		for _, number := range w.vanished {
			w.shown[number] = 0
		}
		return
	}
	for _, number := range w.vanished {
		w.gone[number] = w.explains(number)
		w.goneIn[number] = int32(w.now)
	}
	for _, o := range w.untimely {
		// Said before the store lost content, and perhaps only read after that,
		// it was true; also where no read came between the one and the other.
		unsaid := w.j.unsaid[o.file]
		if (w.lastGap == 0 || unsaid > w.lastGap) && !w.j.course.emptiedBetween(unsaid, w.reads[w.now].End) {
			o.seen |= completedUnseen
		}
	}
}

func (w *watch) present(number int, version int32) {
	ops := w.j.l.of(number)
	before := w.shown[number]
	gone := w.gone[number]
	if !w.unordered {
		switch {
		case gone > 0 && version < gone:
			o := find(ops, int(version))
			w.j.resurrected[number] = true
			w.j.find(Resurrected, number, int(version), o, w.read(w.now), fmt.Sprintf("%s no longer showed it (deleted by version %d), %s shows version %d again", w.read(int(w.goneIn[number])), gone, w.read(w.now), version))
		case before > 0 && version < before:
			o := find(ops, int(version))
			w.j.find(OutOfOrder, number, int(version), o, w.read(w.now), fmt.Sprintf("%s showed version %d, %s shows version %d", w.read(int(w.shownIn[number])), before, w.read(w.now), version))
		}
	}
	w.shown[number], w.shownIn[number] = version, int32(w.now)
	if version >= gone {
		w.gone[number] = 0
	}
	if !w.visibility {
		return
	}
	for i := range ops {
		o := &ops[i]
		if !w.due(o) {
			continue
		}
		if version >= o.version {
			w.visible(o, true)
		} else {
			w.missing(o)
		}
	}
}

// explains returns the first deletion after the version shown last that may
// have been carried out by now; 0: none, or nothing was shown. A later one may be
// what was seen, and need not: where files overtake each other a record may
// come back between the two.
func (w *watch) explains(number int) int32 {
	if w.shown[number] == 0 {
		return 0
	}
	ops := w.j.l.of(number)
	for i := range ops {
		o := &ops[i]
		if o.delete && o.version > w.shown[number] && w.j.l.sent(o) >= indeterminate && w.j.l.files[o.file].begun <= w.reads[w.now].End {
			return o.version
		}
	}
	return 0
}

func (w *watch) deleted(number int) {
	ops := w.j.l.of(number)
	if by := w.explains(number); by > 0 && w.gone[number] == 0 {
		w.gone[number], w.goneIn[number] = by, int32(w.now)
	}
	w.hidden(ops)
}

// absentUpTo takes the records before number that the read did not show.
func (w *watch) absentUpTo(number int) {
	if !w.reads[w.now].Whole {
		return
	}
	for ; w.next < number; w.next++ {
		ops := w.j.l.of(w.next)
		if before := w.shown[w.next]; before > 0 {
			if w.j.l.lastDeletion(ops, w.reads[w.now].End) > before {
				if w.gone[w.next] == 0 && !w.unordered {
					w.vanished = append(w.vanished, w.next)
				}
			} else {
				w.gap = true
				w.shown[w.next] = 0 // the store begins anew: an older version may well come first
			}
		}
		w.hidden(ops)
	}
}

// hidden notes what follows for a record's operations from its absence: a
// deletion that was sent explains it.
func (w *watch) hidden(ops []op) {
	if !w.visibility {
		return
	}
	deleted := w.j.l.lastDeletion(ops, w.reads[w.now].End)
	for i := range ops {
		o := &ops[i]
		if !w.due(o) {
			continue
		}
		if o.version <= deleted {
			w.visible(o, false)
		} else {
			w.missing(o)
		}
	}
}

// due reports whether the read should show the operation, or what came after
// it: its file was acknowledged before the read began.
func (w *watch) due(o *op) bool {
	f := &w.j.l.files[o.file]
	return o.accept == workload.Acceptable && f.sent == acknowledged && f.acked <= w.reads[w.now].Begin
}

func (w *watch) visible(o *op, seen bool) {
	if o.since < 0 {
		o.since = int32(w.now)
	}
	if seen {
		o.seen |= inDocumentsOnce
	}
}

func (w *watch) missing(o *op) {
	o.since = -1
	o.missed = int32(w.now)
	if o.seen&inDocumentsOnce == 0 && w.reads[w.now].Whole {
		if said := w.j.completed[o.file]; said > 0 && said < w.reads[w.now].Begin {
			w.untimely = append(w.untimely, o)
		}
	}
}

// twice judges whether a read while the run goes on shows one record more
// than once. One name twice is a listing that went over it twice.
func (w *watch) twice(number int, entries []entry) {
	if len(entries) < 2 || !w.reads[w.now].Whole {
		return
	}
	names, described := map[string]bool{}, []string(nil)
	for i := range entries {
		e := &entries[i]
		if !e.deleted && (e.where == "" || !names[e.where]) {
			names[e.where] = true
			described = append(described, w.j.describe(e))
		}
	}
	if len(described) > 1 {
		o := find(w.j.l.of(number), int(entries[0].version))
		w.j.find(Duplicated, number, int(entries[0].version), o, w.read(w.now), fmt.Sprintf("%s shows %d for one key: %s", w.read(w.now), len(described), list(described)))
	}
}

// read names a read as the run's folder does.
func (w *watch) read(i int) string {
	if w.reads[i].Final {
		return "the last read of the " + w.name
	}
	return fmt.Sprintf("read %d of the %s", w.reads[i].N, w.name)
}
