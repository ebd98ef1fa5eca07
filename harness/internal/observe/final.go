package observe

import (
	"context"
	"errors"
	"time"

	"github.com/seatrial/seatrial/harness/history"
)

const (
	// finalTries is how often a place is tried within one final read: a
	// connection lost once is no reason to prove nothing.
	finalTries = 3
	// finalPatience limits one try, beside 1 s for every 10 000 records.
	finalPatience = 20 * time.Second
)

// Final reads all declared places completely, with content, and stores each
// read as final: whole, or partial with the reason. An error says that the
// history could not be written.
//
// Places are read in the order of the data's way, one after the other: a
// record that still moves is seen at least once.
func (o *Observer) Final(ctx context.Context) error {
	steps := []func(context.Context) error{o.finalInbox, o.finalStaged, o.finalQueues, o.finalRejects}
	if o.spec.Rows != nil {
		steps = append(steps, o.finalRows)
	}
	if o.spec.Documents != nil {
		steps = append(steps, o.finalDocuments)
	}
	if o.spec.Confirmations != nil {
		steps = append(steps, o.finalConfirmations)
	}
	if o.spec.Status != nil {
		steps = append(steps, o.finalStatus)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// try calls read until it succeeds, finalTries times at most.
func (o *Observer) try(ctx context.Context, read func(context.Context) error) (err error) {
	for try := range finalTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return errors.Join(context.Cause(ctx), err)
			case <-time.After(500 * time.Millisecond):
			}
		}
		limit, cancel := context.WithTimeout(ctx, finalPatience+time.Duration(o.wl.Records())*100*time.Microsecond)
		err = read(limit)
		cancel()
		var incomplete *incomplete
		if err == nil || errors.As(err, &incomplete) {
			return err
		}
	}
	return err
}

// incomplete says what a read that went well could not show: trying again
// would not help.
type incomplete struct{ cause error }

func (i *incomplete) Error() string { return i.cause.Error() }

// finalEntries stores one final read of a place with records.
func (o *Observer) finalEntries(ctx context.Context, place string, read func(context.Context) (entries []history.Entry, evidence string, err error)) error {
	reading, err := o.history.Observe(place, true)
	if err != nil {
		return err
	}
	var entries []history.Entry
	cause := o.try(ctx, func(ctx context.Context) error {
		found, evidence, err := read(ctx)
		entries = found
		reading.Evidence(evidence)
		return err
	})
	return reading.Entries(entries, cause)
}

func (o *Observer) finalInbox(ctx context.Context) error {
	in := newInbox(o.spec.Inbox, o.wl, o.endpoints)
	defer in.close()
	return o.finalEntries(ctx, history.Inbox, func(ctx context.Context) ([]history.Entry, string, error) {
		entries, err := in.all(ctx)
		return entries, "", err
	})
}

// finalStaged lists what was taken and not yet handed on.
func (o *Observer) finalStaged(ctx context.Context) error {
	if o.spec.Staging == nil || o.Staged == nil {
		return nil
	}
	return o.finalEntries(ctx, history.Staged, func(ctx context.Context) ([]history.Entry, string, error) {
		paths, err := o.Staged(ctx)
		return stagedEntries(o.wl, o.spec.Staging.Path, paths), "", err
	})
}

// finalQueues reads the depths of all queues and then what is in those that
// the pipeline declares.
func (o *Observer) finalQueues(ctx context.Context) error {
	if len(o.spec.Queues)+len(o.spec.DeadLetters) == 0 {
		return nil
	}
	b := o.newBrokers()
	defer b.close()
	reading, err := o.history.Observe(history.Queues, true)
	if err != nil {
		return err
	}
	var depths []history.QueueDepth
	unknown := o.try(ctx, func(ctx context.Context) (err error) {
		depths, err = b.depths(ctx)
		return err
	})
	if err := reading.Queues(depths, unknown); err != nil {
		return err
	}
	for _, kind := range []struct {
		place  string
		queues []string
	}{{history.Queued, o.spec.Queues}, {history.DeadLetters, o.spec.DeadLetters}} {
		if len(kind.queues) == 0 || kind.place == history.DeadLetters && o.spec.Rejects != nil {
			continue
		}
		err := o.finalEntries(ctx, kind.place, func(ctx context.Context) ([]history.Entry, string, error) {
			if unknown != nil {
				return nil, "", unknown
			}
			entries, err := b.messages(ctx, kind.queues, depths)
			return entries, "", err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// finalRejects reads where rejected rows are kept, besides dead-letter queues or
// instead of them: both are traces, and one place.
func (o *Observer) finalRejects(ctx context.Context) error {
	if o.spec.Rejects == nil {
		return nil
	}
	b := o.newBrokers()
	defer b.close()
	r := &rejects{query: o.spec.Rejects.Query, wl: o.wl, db: database{url: o.endpoints.PostgresURL}}
	defer r.db.close()
	return o.finalEntries(ctx, history.DeadLetters, func(ctx context.Context) ([]history.Entry, string, error) {
		entries, err := r.all(ctx)
		if err != nil || len(o.spec.DeadLetters) == 0 {
			return entries, "", err
		}
		depths, err := b.depths(ctx)
		if err != nil {
			return entries, "", err
		}
		messages, err := b.messages(ctx, o.spec.DeadLetters, depths)
		return append(entries, messages...), "", err
	})
}

func (o *Observer) finalRows(ctx context.Context) error {
	r := &rows{spec: *o.spec.Rows, wl: o.wl, db: database{url: o.endpoints.PostgresURL}}
	defer r.close()
	return o.finalEntries(ctx, history.Rows, func(ctx context.Context) ([]history.Entry, string, error) {
		entries, err := r.all(ctx)
		return entries, "", err
	})
}

func (o *Observer) finalDocuments(ctx context.Context) error {
	d := &documents{spec: *o.spec.Documents, wl: o.wl, es: newElastic(o.endpoints.ElasticsearchURL)}
	d.es.patience = 10
	defer d.close()
	return o.finalEntries(ctx, history.Documents, d.all)
}

func (o *Observer) finalConfirmations(ctx context.Context) error {
	o.reading.Lock()
	defer o.reading.Unlock()
	defer o.confirmed.sftp.close()
	return o.finalEntries(ctx, history.Confirmations, func(ctx context.Context) ([]history.Entry, string, error) {
		entries, err := o.confirmed.all(ctx)
		return entries, "", err
	})
}

func (o *Observer) finalStatus(ctx context.Context) error {
	s := &status{query: o.spec.Status.Query, db: database{url: o.endpoints.PostgresURL}}
	defer s.close()
	reading, err := o.history.Observe(history.Status, true)
	if err != nil {
		return err
	}
	var entries []history.StatusEntry
	cause := o.try(ctx, func(ctx context.Context) (err error) {
		entries, err = s.all(ctx)
		return err
	})
	return reading.Status(entries, cause)
}
