package harness

import (
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// marks returns how far the run is: what the sender knows and what the live
// observers saw last.
func (r *run) marks() history.Marks {
	r.mu.Lock()
	defer r.mu.Unlock()
	marks := r.latest
	marks.Sent = r.observer.Marks().Sent
	return marks
}

// changed returns a channel that is closed when marks or healed steps change.
func (r *run) changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.update
}

func (r *run) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.update)
	r.update = make(chan struct{})
}

// heal notes that the step with index i is healed.
func (r *run) heal(i int) {
	r.mu.Lock()
	r.healed[i] = time.Now()
	r.mu.Unlock()
	r.wake()
}

func (r *run) situation(since time.Time) Situation {
	situation := Situation{Marks: r.marks(), Operations: r.report.Records, Files: len(r.workload.Files) - 2, Since: time.Since(since)}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.healed {
		held := time.Duration(-1)
		if !at.IsZero() {
			held = time.Since(at)
		}
		situation.HealedFor = append(situation.HealedFor, held)
	}
	return situation
}

// trialOperations counts the rows of the trial's files.
func (r *run) trialOperations() int {
	rows := 0
	for _, file := range r.workload.Files {
		if file.Kind == workload.Trial {
			rows += file.Rows()
		}
	}
	return rows
}

func (r *run) undoFailed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undoErrs = append(r.undoErrs, err)
}
