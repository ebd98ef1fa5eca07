package harness

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/history"
)

// Trigger says when something is to happen. Triggers count progress wherever
// they can: the same moment of the work on a fast machine and on a slow one.
type Trigger struct {
	Text string // in words, as it stands in plans and reports
	step int    // of the plan that it waits for; 0: none
	grew bool   // it waits for what comes after that step's bite, which may be its own step
	// probe is what of the pipeline's own state it looks at; empty: nothing.
	probe string
	// waiting: the broker is to be asked for Situation.Waiting.
	waiting bool
	// settled: Situation.Settled is to be found out.
	settled bool
	// at stops the pipeline at a boundary; its zero value: it waits for no boundary.
	at boundary.Breakpoint
	// sees are the places that it looks at: seesRows, …
	sees []string
	// both: it is one of two that are waited for together.
	both bool
	// byHand is how long people may take to bring it about; 0: it comes by itself.
	byHand time.Duration
	met    func(Situation) bool
}

// The places that triggers look at, as a pipeline's description calls them.
const (
	seesRows      = "rows"
	seesDocuments = "documents"
	seesQueues    = "queues"
)

// looking returns the trigger, which waits for what is seen in these places.
func (t Trigger) looking(places ...string) Trigger {
	t.sees = places
	return t
}

// Situation is what triggers look at.
type Situation struct {
	Marks      history.Marks
	Operations int             // in the trial's files
	Files      int             // in the trial
	Since      time.Duration   // since the step before was injected, or for a recovery since it bit
	BitFor     []time.Duration // by step, from 0: since it was proved to bite; negative: not yet
	HealedFor  []time.Duration // the same for being proved healed
	// Waiting counts the messages, ready and unacknowledged, in the pipeline's
	// queues on the broker that it began with; -1: not known.
	Waiting    int
	Settled    bool
	MarksAtBit []history.Marks // by step, from 0: when it was proved to bite
	Probed     int             // what the trigger's probe counts
}

// Immediately: as soon as it is this step's turn.
func Immediately() Trigger {
	return Trigger{Text: "at once", met: func(Situation) bool { return true }}
}

// After waits for a time, from the step before or, for a recovery, from the
// proof that the fault bit.
func After(d time.Duration) Trigger {
	return Trigger{Text: "after " + d.String(), met: func(s Situation) bool { return s.Since >= d }}
}

// Sent waits until the server has acknowledged percent of the trial's operations.
func Sent(percent int) Trigger {
	return share("sent", percent, func(s Situation) (int, int) { return s.Marks.Sent, s.Operations })
}

// Taken waits until the pipeline took percent of the trial's files from the inbox.
func Taken(percent int) Trigger {
	return share("taken from the inbox", percent, func(s Situation) (int, int) { return s.Marks.Taken, s.Files })
}

// Committed waits until percent of the trial's operations are found in Postgres.
func Committed(percent int) Trigger {
	return share("committed", percent, func(s Situation) (int, int) { return s.Marks.Committed, s.Operations }).looking(seesRows)
}

// Queued waits until messages as many as percent of the trial's operations are
// ready in the pipeline's queues: published, and in nobody's hands.
func Queued(percent int) Trigger {
	return share("queued", percent, func(s Situation) (int, int) { return s.Marks.Queued, s.Operations }).looking(seesQueues)
}

// Visible waits until percent of the trial's operations are returned by search.
func Visible(percent int) Trigger {
	return share("visible", percent, func(s Situation) (int, int) { return s.Marks.Visible, s.Operations }).looking(seesDocuments)
}

// TakenSince waits until the pipeline has taken so many more files from the
// inbox since another step of the plan (1, 2, …) was proved to bite.
func TakenSince(step, files int) Trigger {
	return Trigger{Text: fmt.Sprintf("%d more taken from the inbox since step %d bites", files, step), step: max(step, 1), grew: true, met: func(s Situation) bool {
		if step < 1 || step > len(s.BitFor) || s.BitFor[step-1] < 0 {
			return false
		}
		before := s.MarksAtBit[step-1].Taken
		return before >= 0 && s.Marks.Taken >= before+files
	}}
}

// VisibleBeyond waits until search returns so many more operations than were
// committed when another step of the plan (1, 2, …) was proved to bite: what was
// done after it is visible.
func VisibleBeyond(step, operations int) Trigger {
	return Trigger{Text: fmt.Sprintf("%d more visible than were committed when step %d bit", operations, step), step: max(step, 1), grew: true, sees: []string{seesRows, seesDocuments}, met: func(s Situation) bool {
		if step < 1 || step > len(s.BitFor) || s.BitFor[step-1] < 0 {
			return false
		}
		before := s.MarksAtBit[step-1].Committed
		return before >= 0 && s.Marks.Visible >= before+operations
	}}
}

// Bites waits until another step of the plan (1, 2, …) has been proved to bite
// for d.
func Bites(step int, d time.Duration) Trigger {
	return Trigger{Text: fmt.Sprintf("%s after step %d bites", d, step), step: max(step, 1), met: func(s Situation) bool {
		return step >= 1 && step <= len(s.BitFor) && s.BitFor[step-1] >= d
	}}
}

// Healed waits until another step of the plan (1, 2, …) has been proved healed
// for d.
func Healed(step int, d time.Duration) Trigger {
	return Trigger{Text: fmt.Sprintf("%s after step %d is healed", d, step), step: max(step, 1), met: func(s Situation) bool {
		return step >= 1 && step <= len(s.HealedFor) && s.HealedFor[step-1] >= d
	}}
}

// Settled waits until everything that was sent is in its place and nothing has
// changed for the pipeline's longest interval.
func Settled() Trigger {
	return Trigger{Text: "all that was sent is in its place", settled: true, met: func(s Situation) bool { return s.Settled }}
}

// Probe waits until a count that the pipeline declares of its own state
// ("syncs under way") is at least n. Pipelines that do not declare it fail the plan.
func Probe(name string, n int) Trigger {
	return Trigger{Text: fmt.Sprintf("at least %d %s", n, name), probe: name, met: func(s Situation) bool { return s.Probed >= n }}
}

// Drained waits until another step of the plan (1, 2, …) has been proved healed
// and no message waits, ready or unacknowledged, in the pipeline's queues on
// the broker that it began with.
func Drained(step int) Trigger {
	healed := Healed(step, 0)
	return Trigger{Text: fmt.Sprintf("queues drained after step %d is healed", step), step: healed.step, waiting: true, sees: []string{seesQueues}, met: func(s Situation) bool {
		return healed.met(s) && s.Waiting == 0
	}}
}

// Both waits until two triggers are met at the same time. Neither may be a
// breakpoint: what is held cannot wait for anything else.
func Both(a, b Trigger) Trigger {
	return Trigger{Text: a.Text + " and " + b.Text, step: max(a.step, b.step), grew: a.grew && b.grew, probe: cmp.Or(a.probe, b.probe), waiting: a.waiting || b.waiting, settled: a.settled || b.settled, sees: slices.Concat(a.sees, b.sees), at: cmp.Or(a.at, b.at), both: true,
		met: func(s Situation) bool { return a.met(s) && b.met(s) }}
}

func share(what string, percent int, of func(Situation) (done, all int)) Trigger {
	text := fmt.Sprintf("%d %% %s", percent, what)
	return Trigger{Text: text, met: func(s Situation) bool {
		done, all := of(s)
		return done >= 0 && done*100 >= all*percent
	}}
}
