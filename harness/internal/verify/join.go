package verify

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// Limits of what is kept of one key, so that a key that fills a whole table needs no
// more memory than any other.
const (
	entriesKept    = 8    // records that a place shows, looked at one by one; more are counted
	operationsKept = 1024 // of the newest; older ones count as superseded
)

// operation is what was sent for a key: one version, or one deletion.
type operation struct {
	version int64 // -1: records do not say it
	delete  bool
	file    int // that it was sent in first
	line    int
	last    int // file that it was sent in last
	hurt    bool
}

// entry is a record that a place shows.
type entry struct {
	version int64 // -1: the place does not say it
	deleted bool
	where   string
	content []workload.Value

	op   int    // operation that it shows; -1: none was found
	same bool   // with the content of it
	diff string // where not
}

// seen is what a place shows of one key.
type seen struct {
	entries []entry // the first of them
	present int     // that are not marked deleted
	deleted int
}

// group is everything of one key.
type group struct {
	key        []byte
	operations []operation
	older      int            // operations beyond those kept
	upserts    bool           // any was sent
	latest     int            // file that sent anything of it last
	in         map[int]uint64 // snapshot → number of the last group that stood in it
	number     uint64

	rows, documents, confirmations, rejects seen
}

// stream is a source of the join.
type stream struct {
	reader *spill.Reader
	head   *spill.Record // nil: it is over
}

func (s *stream) advance() error {
	if s.reader == nil {
		return nil
	}
	head, err := s.reader.Next()
	if err == io.EOF {
		head, err = nil, nil
	}
	s.head = head
	return err
}

// join walks through all keys in order and judges each.
func (j *judging) join(ctx context.Context) error {
	c := j.c
	sent := &stream{}
	streams := []*stream{sent}
	var err error
	if sent.reader, err = c.sent.Sorted(); err != nil {
		return err
	}
	g := &group{in: map[int]uint64{}}
	into := map[*stream]*seen{}
	for name, seen := range map[string]*seen{history.Rows: &g.rows, history.Documents: &g.documents, history.Confirmations: &g.confirmations, history.DeadLetters: &g.rejects} {
		if r := c.places[name]; r != nil {
			s := &stream{}
			if s.reader, err = r.sorter.Sorted(); err != nil {
				return err
			}
			streams, into[s] = append(streams, s), seen
		}
	}
	for _, s := range streams {
		if err := s.advance(); err != nil {
			return err
		}
	}
	for {
		g.begin(streams)
		if g.key == nil {
			return nil
		}
		if g.number%1024 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.progress("comparing", int(g.number))
		for s, seen := range into {
			for s.head != nil && bytes.Equal(s.head.Key, g.key) {
				seen.add(s.head)
				if err := s.advance(); err != nil {
					return err
				}
			}
		}
		for sent.head != nil && bytes.Equal(sent.head.Key, g.key) {
			j.sent(g, sent.head)
			if err := sent.advance(); err != nil {
				return err
			}
		}
		if err := j.settle(g); err != nil {
			return err
		}
	}
}

// begin makes g the group of the lowest key of all; nil if there is none.
func (g *group) begin(streams []*stream) {
	var lowest []byte
	for _, s := range streams {
		if s.head != nil && (lowest == nil || bytes.Compare(s.head.Key, lowest) < 0) {
			lowest = s.head.Key
		}
	}
	if lowest == nil {
		g.key = nil
		return
	}
	g.key = append(g.key[:0], lowest...)
	g.operations, g.older, g.upserts, g.latest = g.operations[:0], 0, false, -1
	for _, s := range []*seen{&g.rows, &g.documents, &g.confirmations, &g.rejects} {
		s.entries, s.present, s.deleted = s.entries[:0], 0, 0
	}
	g.number++
}

func (s *seen) add(r *spill.Record) {
	if r.Deleted {
		s.deleted++
	} else {
		s.present++
	}
	if len(s.entries) < entriesKept {
		s.entries = append(s.entries, entry{version: r.Version, deleted: r.Deleted, where: string(r.Where), content: slices.Clone(r.Content), op: -1})
	}
}

// sent takes one operation, the newest first, and looks which entries show it.
func (j *judging) sent(g *group, r *spill.Record) {
	if j.c.files[r.File].full {
		g.in[r.File] = g.number
	}
	g.latest = max(g.latest, r.File)
	g.upserts = g.upserts || !r.Deleted
	at := len(g.operations)
	if last := at - 1; last >= 0 && r.Version >= 0 && g.operations[last].version == r.Version && g.operations[last].delete == r.Deleted {
		at = last // sent again
		o := &g.operations[at]
		o.file, o.line = r.File, r.Line // the first time is what people look up
	} else if at < operationsKept {
		g.operations = append(g.operations, operation{version: r.Version, delete: r.Deleted, file: r.File, line: r.Line, last: r.File})
	} else {
		g.older++
		j.c.files[r.File].account.add(superseded)
		return
	}
	for _, place := range []struct {
		seen    *seen
		compare *comparer
	}{{&g.rows, j.rows}, {&g.documents, j.documents}} {
		for i := range place.seen.entries {
			if e := &place.seen.entries[i]; !e.deleted {
				j.match(e, at, r, place.compare)
			}
		}
	}
}

// match notes what an entry has to do with an operation.
func (j *judging) match(e *entry, at int, r *spill.Record, compare *comparer) {
	if e.version >= 0 && r.Version >= 0 {
		if e.version != r.Version {
			return
		}
		if e.op < 0 {
			e.op = at
		}
		if r.Deleted || e.same {
			return
		}
		e.op = at // and no deletion of the same version
		if e.same = compare.same(r.Content, e.content); !e.same && e.diff == "" {
			e.diff = compare.difference(r.Content, e.content)
		}
		return
	}
	if e.same || r.Deleted {
		return
	}
	if compare.same(r.Content, e.content) {
		e.op, e.same = at, true
	} else if e.diff == "" {
		e.diff = compare.difference(r.Content, e.content)
	}
}
