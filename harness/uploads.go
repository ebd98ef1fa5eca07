package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// uploads follows what becomes of the trial's drops.
type uploads struct {
	workload *workload.Workload
	drops    []workload.Drop

	mu       sync.Mutex
	outcomes map[workload.Drop]history.Phase
	acked    map[int]bool  // by file
	update   chan struct{} // closed and replaced with every outcome
}

func newUploads(w *workload.Workload) *uploads {
	return &uploads{workload: w, drops: w.Drops(), outcomes: map[workload.Drop]history.Phase{}, acked: map[int]bool{}, update: make(chan struct{})}
}

// dealt takes an outcome in. First says that it is the first acknowledgement of
// the file.
func (u *uploads) dealt(drop workload.Drop, how history.Phase) (first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.outcomes[drop] = how
	first = how == history.OK && !u.acked[drop.File]
	if first {
		u.acked[drop.File] = true
	}
	close(u.update)
	u.update = make(chan struct{})
	return first
}

// look returns the outcomes of the drops that carry a trait (none yet: ""), and
// what is closed with the next outcome.
func (u *uploads) look(trait workload.Trait) (drops []workload.Drop, outcomes []history.Phase, changed <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, drop := range u.drops {
		if u.workload.Carries(drop, trait) {
			drops = append(drops, drop)
			outcomes = append(outcomes, u.outcomes[drop])
		}
	}
	return drops, outcomes, u.update
}

func (u *uploads) Carrying(trait workload.Trait) (operations int, err error) {
	drops, _, _ := u.look(trait)
	if len(drops) == 0 {
		return 0, fmt.Errorf("no drop of the trial carries %s: take more files, or the fault out of the plan", trait)
	}
	files := map[int]bool{}
	for _, drop := range drops {
		if !files[drop.File] {
			files[drop.File] = true
			operations += len(u.workload.Files[drop.File].Ops)
		}
	}
	if operations == 0 { // an empty file: what stumbles over it shows in the others
		for _, drop := range u.drops {
			operations += len(u.workload.Files[drop.File].Ops)
		}
	}
	return operations, nil
}

// proves reports whether an outcome proves that a drop brought to the server
// what is unusual in it.
func proves(drop workload.Drop, how history.Phase) bool {
	switch drop.How {
	case workload.Cut:
		return how == history.Info
	case workload.Repeat:
		return false
	case workload.Start:
		return how == history.Note
	}
	return how == history.OK
}

func (u *uploads) First(ctx context.Context, trait workload.Trait) (string, error) {
	for {
		drops, outcomes, changed := u.look(trait)
		for i, how := range outcomes {
			if proves(drops[i], how) {
				return u.evidence(drops[i]) + " carries " + string(trait), nil
			}
		}
		if !slices.Contains(outcomes, "") {
			return "", errors.New("the server acknowledged no drop that carries " + string(trait))
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no drop that carries %s came to the server: %w", trait, ctx.Err())
		case <-changed:
		}
	}
}

// evidence says what was sent, and what the server said.
func (u *uploads) evidence(drop workload.Drop) string {
	file := u.workload.Files[drop.File]
	what := fmt.Sprintf("%s with %d rows", file.Name, file.Rows())
	switch drop.How {
	case workload.Cut, workload.Start:
		at, row := u.workload.Begin(file)
		if row < 0 {
			return what + " was begun and not ended"
		}
		done := "was not ended"
		if drop.How == workload.Cut {
			done = "the connection was closed"
		}
		return fmt.Sprintf("%s stands there under its name up to byte %d, within line %d; %s:", what, at, file.Ops[row].Line, done)
	case workload.Again:
		return what + ", dropped a second time and acknowledged,"
	}
	return what + ", acknowledged,"
}

func (u *uploads) All(ctx context.Context, trait workload.Trait) (string, error) {
	for {
		drops, outcomes, changed := u.look(trait)
		waiting, acked := 0, 0
		for _, how := range outcomes {
			switch how {
			case "":
				waiting++
			case history.OK:
				acked++
			}
		}
		if waiting == 0 {
			return fmt.Sprintf("%d drops that carry %s were dealt with, %d of them acknowledged", len(drops), trait, acked), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%d of %d drops that carry %s are not dealt with: %w", waiting, len(drops), trait, ctx.Err())
		case <-changed:
		}
	}
}

var _ fault.Uploads = (*uploads)(nil)

// Uploads are what faults in the data travel with.
func (w world) Uploads() fault.Uploads { return w.uploads }
