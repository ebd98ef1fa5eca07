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

// reach notes that the step with index i reached a moment of its life (r.bit
// or r.healed).
func (r *run) reach(moments []time.Time, i int) {
	r.mu.Lock()
	moments[i] = time.Now()
	r.mu.Unlock()
	r.wake()
}

func (r *run) situation(since time.Time) Situation {
	situation := Situation{Marks: r.marks(), Operations: r.report.Records, Files: len(r.workload.Files) - 2, Since: time.Since(since)}
	r.mu.Lock()
	defer r.mu.Unlock()
	situation.BitFor, situation.HealedFor = ages(r.bit), ages(r.healed)
	return situation
}

// ages returns how long ago each moment was; -1 for those that never came.
func ages(moments []time.Time) []time.Duration {
	list := make([]time.Duration, len(moments))
	for i, at := range moments {
		list[i] = -1
		if !at.IsZero() {
			list[i] = time.Since(at)
		}
	}
	return list
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
