package observe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// Observer looks at one pipeline during one run. Its methods may be called
// from several goroutines.
type Observer struct {
	// Staged lists the files that wait in the pipeline's staging folder; nil
	// where it declares none.
	Staged func(ctx context.Context) (paths []string, err error)
	// Brokers returns the brokers that there are; nil: the one that the pipeline
	// began with is the only one.
	Brokers func() []Broker

	spec      pipeline.Spec
	endpoints stack.Endpoints
	wl        *workload.Workload
	history   *history.Writer
	exec      Exec
	confirmed *confirmations // knows what was read already, in Live and in Final
	reading   sync.Mutex     // held by whoever reads confirmations

	mu       sync.Mutex
	expect   *expectation
	marks    history.Marks
	changed  time.Time
	last     map[string]*last
	rows     *sight // the latest whole reads; nil: none yet
	docs     *sight
	confirms *sight
	statuses map[string]int // how often a file of that name is completed
	seenRow  []bool         // rows that were there at some time
	seenDoc  []bool
	soft     bool // deleted rows stay, marked
}

// last is what is known of the latest read of a place.
type last struct {
	digest uint64
	err    error
	begun  time.Time // of the latest whole read
}

// New returns an observer of the pipeline that spec declares. Exec runs
// rabbitmqctl in the broker's container.
func New(spec pipeline.Spec, e stack.Endpoints, wl *workload.Workload, w *history.Writer, exec Exec) *Observer {
	o := &Observer{
		spec: spec, endpoints: e, wl: wl, history: w, exec: exec,
		expect: newExpectation(wl), changed: time.Now(), last: map[string]*last{},
		marks: history.Marks{Taken: -1, Queued: -1, Committed: -1, Visible: -1, Confirmed: -1},
	}
	if spec.Confirmations != nil {
		o.confirmed = newConfirmations(*spec.Confirmations, wl, e)
	}
	return o
}

// Acknowledged tells the observer how the drop of a file ended: OK, Fail or
// Info. It fits send.Sender.Told.
func (o *Observer) Acknowledged(file workload.File, how history.Phase) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expect.acknowledge(file, how)
	o.marks.Sent = o.expect.ops
}

// Marks returns how far the run is, after the latest reads. What the pipeline
// does not declare, or was never read, is -1.
//
// Committed, Visible and Confirmed count operations: each version of a key up
// to the one seen, at most up to the highest acknowledged. So an operation
// that a later one overtook counts as done with it; one that was rejected
// counts once a later one was applied.
func (o *Observer) Marks() history.Marks {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.marks
}

// Changed returns when a live read last differed from the one before it of
// the same place (a place that went away or came back differs), or when the
// observer was made.
func (o *Observer) Changed() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.changed
}

// Quiet reports whether nothing changed for d: the latest change is that long
// ago, and every place was read whole by a read that began d after it or
// later. Otherwise waiting says for what.
func (o *Observer) Quiet(d time.Duration) (quiet bool, waiting string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	until := o.changed.Add(d)
	if left := time.Until(until); left > 0 {
		return false, fmt.Sprintf("something changed %s ago", time.Since(o.changed).Round(time.Millisecond))
	}
	for place, last := range o.last {
		if last.err != nil {
			return false, fmt.Sprintf("%s cannot be read: %v", place, last.err)
		}
		if last.begun.Before(until) {
			return false, fmt.Sprintf("%s was not read since", place)
		}
	}
	return true, ""
}

// Accounted reports whether, by the latest live reads, every acknowledged
// operation that must be accepted, or a later one of its key, is where it
// belongs: in the rows, in search, confirmed, and its file completed. Places
// that are not declared are left out. Missing names the first place that
// lacks something, with counts.
func (o *Observer) Accounted() (done bool, missing string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, check := range []func() string{o.lackingRows, o.lackingDocuments, o.lackingConfirmations, o.lackingStatus} {
		if missing := check(); missing != "" {
			return false, missing
		}
	}
	return true, ""
}

// Unfinished returns the first acknowledged file of which, by the latest live
// reads, something is still on its way to the rows or to its confirmation; ok
// is false if there is none. Search, from which deleted records are absent, is
// asked only where the pipeline declares neither.
func (o *Observer) Unfinished() (file workload.File, ok bool) {
	o.mu.Lock()
	sent := slices.Clone(o.expect.files)
	o.mu.Unlock()
	for _, file := range o.wl.Files {
		if slices.Contains(sent, file.Name) && !o.arrived(file, o.spec.Rows == nil && o.spec.Confirmations == nil) {
			return file, true
		}
	}
	return workload.File{}, false
}

// Arrived reports whether, by the latest live reads, everything in a file that
// must be accepted is in the rows, in search and confirmed.
func (o *Observer) Arrived(file workload.File) bool { return o.arrived(file, true) }

func (o *Observer) arrived(file workload.File, search bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, op := range file.Ops {
		n := op.Number
		for _, sight := range []struct {
			declared bool
			of       *sight
		}{{o.spec.Rows != nil, o.rows}, {search && o.spec.Documents != nil, o.docs}, {o.spec.Confirmations != nil, o.confirms}} {
			if sight.declared && (sight.of == nil || sight.of.cells[n].version < op.Version) {
				return false
			}
		}
	}
	return true
}

// unread says why there is no sight of a place to go by; o.mu is held.
func (o *Observer) unread(place string) string {
	switch last := o.last[place]; {
	case last == nil:
		return place + ": not read yet"
	case last.err != nil:
		return fmt.Sprintf("%s: the last read failed: %v", place, last.err)
	case last.begun.IsZero():
		return place + ": not read yet"
	}
	return ""
}

func (o *Observer) lackingRows() string {
	if o.spec.Rows == nil {
		return ""
	}
	if why := o.unread(history.Rows); why != "" {
		return why
	}
	return o.expect.lacking(history.Rows, o.rows.cells, func(n int, e expected) bool { return e.stands(o.rows.cells[n], o.soft) })
}

func (o *Observer) lackingDocuments() string {
	if o.spec.Documents == nil {
		return ""
	}
	if why := o.unread(history.Documents); why != "" {
		return why
	}
	return o.expect.lacking(history.Documents, o.docs.cells, func(n int, e expected) bool {
		var row cell
		if o.rows != nil {
			row = o.rows.cells[n]
		}
		return e.searchable(o.docs.cells[n], row)
	})
}

func (o *Observer) lackingConfirmations() string {
	if o.spec.Confirmations == nil {
		return ""
	}
	if why := o.unread(history.Confirmations); why != "" {
		return why
	}
	return o.expect.lacking(history.Confirmations, o.confirms.cells, func(n int, e expected) bool {
		return e.implied || o.confirms.cells[n].version >= e.version
	})
}

func (o *Observer) lackingStatus() string {
	if o.spec.Status == nil {
		return ""
	}
	if why := o.unread(history.Status); why != "" {
		return why
	}
	lacking, first := 0, ""
	due := map[string]int{}
	for _, name := range o.expect.files {
		due[name]++
		if o.statuses[name] < due[name] {
			if lacking++; first == "" {
				first = name
			}
		}
	}
	if lacking == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %d of %d files are not completed (first %s)", history.Status, lacking, len(o.expect.files), first)
}

// The marks of a place are counted anew after each whole read; o.mu is held.

func (o *Observer) countRows() {
	if o.seenRow == nil {
		o.seenRow = make([]bool, len(o.rows.cells))
	}
	sum := 0
	for n, c := range o.rows.cells {
		o.seenRow[n] = o.seenRow[n] || c.version != 0
		o.soft = o.soft || c.deleted
		sum += o.expect.records[n].reached(c, o.seenRow[n])
	}
	o.marks.Committed = sum
}

func (o *Observer) countDocuments() {
	if o.seenDoc == nil {
		o.seenDoc = make([]bool, len(o.docs.cells))
	}
	sum := 0
	for n, c := range o.docs.cells {
		o.seenDoc[n] = o.seenDoc[n] || c.version != 0
		ever := o.seenDoc[n]
		if e := o.expect.records[n]; o.rows != nil && e.deleted {
			// A deletion is done in search once it was committed, not while its record is not there yet.
			row := o.rows.cells[n]
			ever = row.deleted && row.version >= e.tombstone() || row.version == 0 && o.seenRow[n]
		}
		sum += o.expect.records[n].reached(c, ever)
	}
	o.marks.Visible = sum
}

func (o *Observer) countConfirmations() {
	sum := 0
	for n, c := range o.confirms.cells {
		e := o.expect.records[n]
		c.deleted = false
		if e.implied && c.version >= e.tombstone() {
			c.version = e.version // nothing more will be confirmed
		}
		sum += e.reached(c, false)
	}
	o.marks.Confirmed = sum
}
