package observe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seatrial/seatrial/harness/history"
)

const (
	// dutyCycle bounds what looking costs: after a read there is a pause of
	// this many times what one takes, which is what the quickest of the last
	// three took. One that had to wait for others says nothing about its own cost,
	// and what happens meanwhile is not to be missed for it.
	dutyCycle = 5
	// leastPause is the pause after a read that failed: waiting for a server
	// that is away costs nothing, and its return is to be seen soon.
	leastPause = 250 * time.Millisecond
)

// patience is how long a light read may take: 2 s and 1 s for every 100 000
// records.
func (o *Observer) patience() time.Duration {
	return 2*time.Second + time.Duration(o.wl.Records())*10*time.Microsecond
}

// place is how one place is watched.
type place struct {
	name string
	// brisk: a look costs next to nothing, is not stored, and triggers wait for
	// moments that it shows and that pass.
	brisk bool
	// read looks once and returns a digest of what it saw; with an error, of
	// what it saw before the read broke off.
	read func(ctx context.Context) (uint64, error)
	// store ends the reading with what read saw; nil: not stored.
	store func(reading *history.Reading, cause error) error
	// take makes what a whole read saw the latest; Observer.mu is held.
	take  func()
	close func()
}

// Live looks at every declared place again and again until ctx ends: each
// from a goroutine of its own, so that one that is frozen never delays
// another. Between two reads of a place lies at least every, and at least five
// times what a read takes. Marks (may be nil) is called after each read that
// moved the marks, one call at a time.
//
// Every read of rows, documents and status is in the history with its times,
// its content where it differs from the one before. Of a place that is away
// one partial read is stored, then nothing until it can be read again.
func (o *Observer) Live(ctx context.Context, every time.Duration, marks func(history.Marks)) {
	var reporting sync.Mutex
	var reported history.Marks
	report := func() {
		if marks == nil {
			return
		}
		reporting.Lock()
		defer reporting.Unlock()
		if now := o.Marks(); now != reported {
			reported = now
			marks(now)
		}
	}
	var group sync.WaitGroup
	for _, p := range o.places() {
		o.mu.Lock()
		o.last[p.name] = &last{}
		o.mu.Unlock()
		group.Go(func() { o.watch(ctx, p, every, report) })
	}
	group.Wait()
}

// watch reads one place until ctx ends.
func (o *Observer) watch(ctx context.Context, p *place, every time.Duration, report func()) {
	defer p.close()
	var stored *history.Reading
	var storedDigest uint64
	var took []time.Duration
	away := false
	for ctx.Err() == nil {
		begun := time.Now()
		var reading *history.Reading
		if p.store != nil && !away {
			// An error here is one of the history, which keeps it: the run cannot be proved any more.
			reading, _ = o.history.Observe(p.name, false)
		}
		limit, cancel := context.WithTimeout(ctx, o.patience())
		digest, cause := p.read(limit)
		cancel()
		if cause != nil && ctx.Err() != nil {
			cause = fmt.Errorf("the watch ended during the read: %w", cause)
		}
		if reading != nil {
			if cause == nil && stored != nil && digest == storedDigest {
				reading.Unchanged(stored)
			} else {
				p.store(reading, cause)
			}
			if cause == nil {
				stored, storedDigest = reading, digest
			}
		}
		if ctx.Err() != nil {
			return
		}
		o.note(p, begun, digest, cause)
		report()
		took = append(took[max(0, len(took)-2):], time.Since(begun))
		pause := max(every, dutyCycle*slices.Min(took))
		if p.brisk {
			pause = max(every/5, time.Since(begun))
		}
		switch {
		case cause != nil:
			away, pause = true, max(every, leastPause)
		case away:
			away, pause = false, 0 // it is back: the next read is one to keep
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// note takes over what a read saw.
func (o *Observer) note(p *place, begun time.Time, digest uint64, cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	latest := o.last[p.name]
	cameOrWent := (cause == nil) != (latest.err == nil)
	if cameOrWent || cause == nil && (digest != latest.digest || latest.begun.IsZero()) {
		o.changed = time.Now()
	}
	latest.err = cause
	if cause == nil {
		latest.digest, latest.begun = digest, begun
		p.take()
	}
}

// places returns what the pipeline declares, ready to be watched.
func (o *Observer) places() []*place {
	places := []*place{o.watchInbox()}
	if o.spec.Rows != nil {
		r := &rows{spec: *o.spec.Rows, wl: o.wl, db: database{url: o.endpoints.PostgresURL}}
		places = append(places, o.watchRecords(history.Rows, r.look, &o.rows, o.countRows, r.close))
	}
	if o.spec.Documents != nil {
		d := &documents{spec: *o.spec.Documents, wl: o.wl, es: newElastic(o.endpoints.ElasticsearchURL)}
		places = append(places, o.watchRecords(history.Documents, d.look, &o.docs, o.countDocuments, d.close))
	}
	if o.confirmed != nil {
		look := func(ctx context.Context, into *sight) error {
			o.reading.Lock()
			defer o.reading.Unlock()
			return o.confirmed.look(ctx, into)
		}
		p := o.watchRecords(history.Confirmations, look, &o.confirms, o.countConfirmations, func() {
			o.reading.Lock()
			defer o.reading.Unlock()
			o.confirmed.close()
		})
		p.store = nil // files do not change: the final read shows them all
		places = append(places, p)
	}
	if len(o.spec.Queues) > 0 {
		places = append(places, o.watchQueues())
	}
	if o.spec.Status != nil {
		places = append(places, o.watchStatus())
	}
	return places
}

// watchRecords watches a place with records. Two sights take turns: the
// latest stays as it is while the next is filled.
func (o *Observer) watchRecords(name string, look func(context.Context, *sight) error, latest **sight, count, close func()) *place {
	current, next := newSight(o.wl.Records()), newSight(o.wl.Records())
	return &place{
		name: name,
		read: func(ctx context.Context) (uint64, error) {
			err := look(ctx, next)
			return next.digest, err
		},
		store: func(reading *history.Reading, cause error) error { return reading.Entries(next.entries(), cause) },
		take: func() {
			*latest, current, next = next, next, current
			count()
		},
		close: close,
	}
}

func (o *Observer) watchStatus() *place {
	s := &status{query: o.spec.Status.Query, db: database{url: o.endpoints.PostgresURL}}
	var seen []history.StatusEntry
	return &place{
		name: history.Status,
		read: func(ctx context.Context) (digest uint64, err error) {
			seen, err = s.all(ctx)
			return statusDigest(seen), err
		},
		store: func(reading *history.Reading, cause error) error { return reading.Status(seen, cause) },
		take: func() {
			o.statuses = make(map[string]int, len(seen))
			for _, e := range seen {
				if e.Completed {
					o.statuses[e.File]++
				}
			}
		},
		close: s.close,
	}
}

func (o *Observer) watchQueues() *place {
	b := o.newBrokers()
	ready := 0
	return &place{
		name: history.Queues,
		read: func(ctx context.Context) (digest uint64, err error) {
			ready, err = b.ready(ctx, o.spec.Queues)
			return uint64(ready), err
		},
		take:  func() { o.marks.Queued = ready },
		close: b.close,
	}
}

func (o *Observer) watchInbox() *place {
	in := newInbox(o.spec.Inbox, o.wl, o.endpoints)
	var names, sent []string
	return &place{
		name:  history.Inbox,
		brisk: true,
		read: func(ctx context.Context) (digest uint64, err error) {
			o.mu.Lock()
			sent = o.expect.files // before the list: what is not in it was taken
			o.mu.Unlock()
			names, err = in.look(ctx)
			return textsDigest(names), err
		},
		take: func() {
			slices.Sort(names)
			o.marks.Taken = 0
			for _, name := range sent {
				if _, there := slices.BinarySearch(names, name); !there {
					o.marks.Taken++
				}
			}
		},
		close: in.close,
	}
}
