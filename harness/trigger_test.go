package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/observe"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

func TestTriggers(t *testing.T) {
	unseen := history.Marks{Sent: -1, Taken: -1, Queued: -1, Committed: -1, Visible: -1, Confirmed: -1}
	at := func(change func(*Situation)) Situation {
		s := Situation{Marks: unseen, Operations: 1000, Files: 10, BitFor: []time.Duration{-1, -1}, HealedFor: []time.Duration{-1, -1}, MarksAtBit: make([]history.Marks, 2)}
		change(&s)
		return s
	}
	nothing := func(*Situation) {}
	for _, tc := range []struct {
		trigger Trigger
		text    string
		early   func(*Situation)
		due     func(*Situation)
	}{
		{Immediately(), "at once", nil, nothing},
		{After(2 * time.Second), "after 2s", func(s *Situation) { s.Since = 1999 * time.Millisecond }, func(s *Situation) { s.Since = 2 * time.Second }},
		{Sent(30), "30 % sent", func(s *Situation) { s.Marks.Sent = 299 }, func(s *Situation) { s.Marks.Sent = 300 }},
		{Taken(25), "25 % taken from the inbox", func(s *Situation) { s.Marks.Taken = 2 }, func(s *Situation) { s.Marks.Taken = 3 }},
		{Committed(100), "100 % committed", func(s *Situation) { s.Marks.Committed = 999 }, func(s *Situation) { s.Marks.Committed = 1005 }},
		{Visible(1), "1 % visible", func(s *Situation) { s.Marks.Visible = 9 }, func(s *Situation) { s.Marks.Visible = 10 }},
		{Bites(2, 0), "0s after step 2 bites", func(s *Situation) { s.BitFor[0] = time.Hour }, func(s *Situation) { s.BitFor[1] = 0 }},
		{TakenSince(2, 3), "3 more taken from the inbox since step 2 bites",
			func(s *Situation) { s.BitFor[1], s.MarksAtBit[1].Taken, s.Marks.Taken = 0, 4, 6 },
			func(s *Situation) { s.BitFor[1], s.MarksAtBit[1].Taken, s.Marks.Taken = 0, 4, 7 }},
		{Healed(1, time.Second), "1s after step 1 is healed", func(s *Situation) { s.HealedFor[0] = 999 * time.Millisecond }, func(s *Situation) { s.HealedFor[0] = time.Second }},
		{Drained(1), "queues drained after step 1 is healed", func(s *Situation) { s.HealedFor[0], s.Waiting = 0, 1 }, func(s *Situation) { s.HealedFor[0], s.Waiting = 0, 0 }},
		{Probe("syncs begun", 2), "at least 2 syncs begun", func(s *Situation) { s.Probed = 1 }, func(s *Situation) { s.Probed = 2 }},
		// What was never read is not known to have happened, however little is asked.
		{Committed(0), "0 % committed", nothing, func(s *Situation) { s.Marks.Committed = 0 }},
		// A step that the plan does not have is never healed.
		{Healed(3, 0), "0s after step 3 is healed", func(s *Situation) { s.HealedFor = []time.Duration{1, 1} }, func(s *Situation) { s.HealedFor = []time.Duration{1, 1, 1} }},
	} {
		t.Run(tc.text, func(t *testing.T) {
			require.Equal(t, tc.text, tc.trigger.Text)
			if tc.early != nil {
				require.False(t, tc.trigger.met(at(nothing)), "before anything was seen")
				require.False(t, tc.trigger.met(at(tc.early)), "just before")
			}
			require.True(t, tc.trigger.met(at(tc.due)))
		})
	}
}

func TestHastened(t *testing.T) {
	s := Scenario{Hastened: 60, Plan: []Step{{When: After(40 * time.Second), Fault: fault.Kill(fault.Loader), Recover: Immediately()}}}
	require.Equal(t, 60.0, s.pace(false))
	require.Equal(t, 1.0, s.pace(true), "the real time")
	require.Equal(t, 1.0, Scenario{}.pace(false))
	require.Equal(t, "after 40s; taken back at once (time runs 60 times as fast)", planned(s.Plan, s.pace(false))[0].Trigger)
	require.Equal(t, "after 40s; taken back at once", planned(s.Plan, s.pace(true))[0].Trigger)

	r := &run{pace: 60, bit: make([]time.Time, 1), healed: make([]time.Time, 1), uploads: newUploads(smallWorkload(t))}
	r.workload, r.observer = r.uploads.workload, observe.New(pipeline.Spec{}, stack.Endpoints{}, r.uploads.workload, nil, nil)
	r.bit[0] = time.Now().Add(-time.Second)
	now := r.situation(time.Now().Add(-time.Second))
	require.GreaterOrEqual(t, now.Since, time.Minute)
	require.GreaterOrEqual(t, now.BitFor[0], time.Minute)
	require.Negative(t, now.HealedFor[0], "it never healed")
	require.True(t, s.Plan[0].When.met(now))
}

// What stands still because something is broken may move again.
func TestBroken(t *testing.T) {
	r := &run{bit: make([]time.Time, 3), healed: make([]time.Time, 3)}
	require.False(t, r.broken(2), "nothing bit yet")
	r.bit[1] = time.Now()
	require.False(t, r.broken(1), "a later step does not count")
	require.True(t, r.broken(2))
	r.healed[1] = time.Now()
	require.False(t, r.broken(2))
}

// Something is in flight at a breakpoint if records are named there, or if they
// may be in what it covers.
func TestInFlightAtBreakpoint(t *testing.T) {
	require.Equal(t, -1, (*stopped)(nil).inFlight())
	named := &stopped{event: boundary.Event{Count: 5, Records: []string{"a", "b"}}}
	require.Equal(t, 2, named.inFlight())
	require.Zero(t, (&stopped{event: boundary.Event{Count: 5}}).inFlight(), "all was in its place: it is something else")
	require.Equal(t, 5, (&stopped{event: boundary.Event{Count: 5}, underWay: true}).inFlight())
}

// What was to go on and could not is told, unless the fault itself ended the
// connection.
func TestReleased(t *testing.T) {
	gone := boundary.Release{Mode: boundary.Forward, Err: "broken pipe", Seconds: 1}
	require.ErrorContains(t, released(gone, false), "the connection was gone after 1.0 s: broken pipe")
	require.NoError(t, released(gone, true))
	require.NoError(t, released(boundary.Release{Mode: boundary.Forward}, false))
	require.NoError(t, released(boundary.Release{Mode: boundary.Drop, Err: "broken pipe"}, false), "it was to be gone")

	r := &run{spec: pipeline.Reference(nil, nil)}
	held := boundary.Event{Role: "loader", Service: fault.Postgres}
	for name, test := range map[string]struct {
		fault fault.Fault
		parts bool
	}{
		"by what the role does":    {fault.Kill(fault.Loader), true},
		"by its name":              {fault.Stop("loader", time.Second), true},
		"one of its containers":    {fault.Kill(fault.Replica(fault.Loader, 1)), true},
		"the other end":            {fault.CrashRecovery(), true},
		"another role":             {fault.Kill(fault.Indexer), false},
		"another service":          {fault.Kill(fault.RabbitMQ), false},
		"a pause ends nothing":     {fault.Pause(fault.Loader), false},
		"a hold ends nothing":      {fault.Hold(fault.Loader, time.Second), false},
		"a lock ends nothing":      {fault.LockTable(), false},
		"a toxic that ends them":   {fault.ResetPeer(fault.Postgres, fault.Downstream, 0), true},
		"a toxic that only delays": {fault.Latency(fault.Postgres, fault.Downstream, time.Second, 0), false},
	} {
		require.Equal(t, test.parts, r.parts(test.fault, held), name)
	}
}

func smallWorkload(t *testing.T) *workload.Workload {
	w, err := workload.New(workload.Config{Seed: 1, Tag: "T3ST", Files: 2, RecordsPerFile: 4, Control: 1, Sentinel: 1})
	require.NoError(t, err)
	return w
}
