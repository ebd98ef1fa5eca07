package harness

import (
	"slices"
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
	marks := r.marks()
	r.mu.Lock()
	moments[i] = time.Now()
	if &moments[i] == &r.bit[i] {
		r.marksAtBit[i] = marks
	}
	r.mu.Unlock()
	r.wake()
}

func (r *run) situation(since time.Time) Situation {
	situation := Situation{Marks: r.marks(), Operations: r.report.Records, Files: len(r.workload.Files) - 2, Since: time.Since(since)}
	r.mu.Lock()
	defer r.mu.Unlock()
	situation.BitFor, situation.HealedFor = ages(r.bit), ages(r.healed)
	situation.MarksAtBit = slices.Clone(r.marksAtBit)
	if pace := r.pace; pace > 1 {
		situation.Since = hastened(situation.Since, pace)
		for i := range r.bit {
			situation.BitFor[i], situation.HealedFor[i] = hastened(situation.BitFor[i], pace), hastened(situation.HealedFor[i], pace)
		}
	}
	return situation
}

// hastened returns how much of a scenario's time has gone by in d of a run that
// takes place pace times as fast.
func hastened(d time.Duration, pace float64) time.Duration {
	return time.Duration(float64(d) * pace)
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
