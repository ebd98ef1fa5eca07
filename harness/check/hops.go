package check

import (
	"fmt"
	"slices"

	"github.com/seatrial/seatrial/harness/history"
)

// rows judges the table by presence.
func (j *judge) rows() {
	if !j.expect.Rows {
		return
	}
	j.table = j.place(history.Rows, "rows", inRows)
	j.table.whole = j.whole(history.Rows)
}

// documents judges by presence what search returned, over time and at the end.
func (j *judge) documents() {
	if !j.expect.Documents {
		return
	}
	j.index = j.place(history.Documents, "documents", inDocuments)
	j.index.whole = j.whole(history.Documents)
}

// place goes through all reads of a place in the order of time.
func (j *judge) place(name, word string, bit seen) *place {
	p := &place{name: name, word: word, bit: bit, effect: make([]int32, j.l.w.Records())}
	last, hasLast := j.final[name]
	reads := slices.Clone(j.live[name])
	reads = slices.DeleteFunc(reads, func(r history.Read) bool { return r.File == "" })
	if hasLast && last.File != "" {
		reads = append(reads, last)
	}
	slices.SortStableFunc(reads, func(a, b history.Read) int { return int(min(max(a.Begin-b.Begin, -1), 1)) })
	visibility := name == history.Documents
	w := j.watch(name, visibility, reads)
	if visibility {
		j.reads = reads
	}
	before := map[string]bool{} // keys that were there before the first file was sent
	for i, read := range reads {
		final := hasLast && read.Seq == last.Seq
		w.begin(i)
		err := j.scan(read, final, func(number int, entries []entry) {
			w.record(number, entries)
			if final {
				j.settle(p, number, entries)
			}
		}, func(e history.Entry) {
			switch {
			case read.End < j.course.first:
				before[e.Key] = true
			case final:
				j.strange(p, e, before)
			}
		})
		if err != nil {
			w.reads[i].Whole = false
			if final {
				j.broken(name, err)
			} else {
				j.notJudged = append(j.notJudged, fmt.Sprintf("read %d of the %s, which cannot be read back", read.N, name))
			}
		}
		w.end()
	}
	j.contentless(p)
	return p
}

// contentless judges records without content, once it is known whether the
// place shows any.
func (j *judge) contentless(p *place) {
	if len(p.bare) > 0 && !p.content {
		j.notJudged = append(j.notJudged, "the content of "+p.name+", which were read without")
		return
	}
	for _, number := range p.bare {
		version := p.effect[number]
		j.find(Altered, int(number), int(version), find(j.l.of(int(number)), int(version)), p.name, "it has no content at all")
	}
}

// strange judges an entry whose key is none of this run's.
func (j *judge) strange(p *place, e history.Entry, before map[string]bool) {
	if before[e.Key] || j.l.w.Foreign(e.Key) {
		j.leftovers++
		return
	}
	if e.Deleted {
		return
	}
	where := p.name
	if e.Where != "" {
		where += " (" + e.Where + ")"
	}
	j.stranger(Unexpected, e.Key, where, "the key is none of this run's: it was made up or damaged on the way")
}

// confirmed judges the confirmations by presence and counts them per operation.
func (j *judge) confirmed() {
	read, ok := j.final[history.Confirmations]
	if !j.expect.Confirmations || !ok {
		return
	}
	place := &place{name: "confirmations", word: "confirmations"}
	err := j.scan(read, false, j.confirmations, func(e history.Entry) { j.strange(place, e, nil) })
	if err != nil {
		j.broken(history.Confirmations, err)
	}
}

func (j *judge) confirmations(number int, entries []entry) {
	ops := j.l.of(number)
	versionless := 0
	for i := range entries {
		e := &entries[i]
		if e.version < 0 {
			versionless++
			continue
		}
		o := e.o
		if o != nil && o.implied || e.removal && (o == nil || !o.delete) && anyImplied(ops) {
			// Deletions by absence have no version of their own: they are
			// announced under any, or not at all.
			continue
		}
		seenAt := "confirmations" + whereOf(e)
		switch {
		case o == nil:
			j.find(Unexpected, number, int(e.version), nil, seenAt, fmt.Sprintf("version %d was confirmed and never made; highest sent is %d", e.version, highestSent(j.l, ops)))
			continue
		case e.removal && !o.delete:
			j.find(Unexpected, number, int(e.version), o, seenAt, "an upsert was sent, a deletion is confirmed")
			continue
		case j.l.sent(o) == notSent:
			j.find(Unexpected, number, int(e.version), o, seenAt, "it was confirmed, and its file was never sent")
		case j.l.sent(o) == failed:
			j.find(RefusedButPresent, number, int(e.version), o, seenAt, "the sending of its file failed for certain, and it is confirmed all the same")
		case o.accept == rejectable:
			j.find(Unexpected, number, int(e.version), o, seenAt, mustReject(o)+", and it is confirmed")
		}
		if o.confirmed < 255 {
			o.confirmed++
		}
		if o.confirmed == 2 {
			var where []string
			for k := range entries {
				if entries[k].o == o && entries[k].removal == e.removal {
					where = append(where, entries[k].where)
				}
			}
			j.find(Duplicated, number, int(o.version), o, "confirmations", fmt.Sprintf("%d confirmations of one operation: %s", len(where), list(where)))
		}
	}
	j.versionless(number, ops, versionless)
}

// versionless takes confirmations that name the key only: no more of them
// than operations were sent.
func (j *judge) versionless(number int, ops []op, confirmations int) {
	if confirmations == 0 {
		return
	}
	sent := 0
	for i := range ops {
		if j.l.sent(&ops[i]) >= indeterminate && ops[i].accept != rejectable {
			sent++
		}
	}
	o := j.l.expected(ops)
	if o != nil {
		o.confirmed++
	}
	if confirmations > sent {
		j.find(Duplicated, number, int(versionOf(o)), o, "confirmations", fmt.Sprintf("%d confirmations of one key, for which %d operations were sent", confirmations, sent))
	}
}

func anyImplied(ops []op) bool {
	return slices.ContainsFunc(ops, func(o op) bool { return o.implied })
}
