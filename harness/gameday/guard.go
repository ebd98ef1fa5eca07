package gameday

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// mostUnchecked is how many times in a row a condition may fail to be checked:
// then nobody knows any more whether it holds, and that is as bad as if it did.
const mostUnchecked = 3

// Reading is one look at a condition.
type Reading struct {
	Condition Condition
	Status    string // Clear, Met or NotChecked
	Seen      string // what was seen, or why it could not be checked
	InARow    int    // NotChecked: how many times until now
}

// Guard asks conditions, each in its interval and at once, until ctx ends, and
// tells every reading.
func Guard(ctx context.Context, conditions []Condition, of Sources, tell func(Reading)) {
	var all sync.WaitGroup
	for _, c := range conditions {
		all.Go(func() { c.watch(ctx, of, tell) })
	}
	all.Wait()
}

func (c Condition) watch(ctx context.Context, of Sources, tell func(Reading)) {
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	unchecked := 0
	for {
		holds, seen, err := c.Ask(ctx, of)
		if ctx.Err() != nil {
			return
		}
		reading := Reading{Condition: c, Status: Clear, Seen: seen}
		switch {
		case err != nil:
			unchecked++
			reading.Status, reading.Seen, reading.InARow = NotChecked, err.Error(), unchecked
		case holds:
			reading.Status, unchecked = Met, 0
		default:
			unchecked = 0
		}
		tell(reading)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// aborts says why a reading is a reason to abort; empty: it is none.
func (r Reading) aborts() string {
	switch {
	case r.Status == Met:
		return fmt.Sprintf("the abort condition %q is met: %s", r.Condition.Text, r.Seen)
	case r.InARow >= mostUnchecked:
		return fmt.Sprintf("the abort condition %q could not be checked %d times in a row: %s", r.Condition.Text, r.InARow, r.Seen)
	}
	return ""
}
