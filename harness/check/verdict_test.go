package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// TestVerdicts has one case for every rule between valid, invalid and
// unknown. Each is judged three times: as it is, with a record missing, and
// with a record doubled. What stands by presence must be invalid whatever
// else failed.
func TestVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		story   func(r *run)
		change  func(r *run) // after the story, before the final reads
		clean   Verdict
		missing Verdict
		doubled Verdict // Invalid unless given
		reason  string  // of the clean one
	}{
		"whole": {clean: Valid, missing: Invalid, reason: "1 fault that bit and healed"},
		"no plan": {story: func(r *run) {
			r.stored.Header.Plan = nil
			r.control()
			r.trial()
			r.sentinel()
		}, clean: Valid, missing: Invalid, reason: "acknowledged operations have the right fate."},
		"faults left out": {story: func(r *run) {
			r.stored.Header.NoFault = true
			r.control()
			r.trial()
			r.sentinel()
		}, clean: Unknown, missing: Invalid, reason: "faults were left out"},
		"never injected": {story: func(r *run) { r.control(); r.trial(); r.sentinel() },
			clean: Unknown, missing: Unknown, reason: "the fault kill on loader is not proved to have bitten"},
		"did not bite": {story: lives(history.OK, history.Fail, history.OK, 17), clean: Unknown, missing: Unknown, reason: "not proved to have bitten"},
		"not healed":   {story: lives(history.OK, history.OK, history.Fail, 17), clean: Unknown, missing: Unknown, reason: "was not healed"},
		"nothing in flight": {story: lives(history.OK, history.OK, history.OK, 0),
			clean: Unknown, missing: Invalid, reason: "nothing was in flight when the fault kill on loader struck"},
		"in flight not counted": {story: lives(history.OK, history.OK, history.OK, -1), clean: Unknown, missing: Invalid, reason: "not counted"},
		"injected again after the heal": {change: func(r *run) {
			r.act(history.Inject, "kill", history.OK, history.FaultAct{Step: 1, Name: "kill"})
		}, clean: Unknown, missing: Unknown, reason: "not healed"},
		"a fault by hand": {change: func(r *run) {
			r.act(history.Inject, "pause", history.OK, history.FaultAct{Step: 9, Name: "pause", Target: "broker"})
		}, clean: Unknown, missing: Unknown, reason: "pause on broker"},
		"no control": {story: func(r *run) { r.deliver(0); r.trial(); r.fault(); r.sentinel() }, clean: Unknown, missing: Unknown, reason: "no control"},
		"control failed": {story: func(r *run) {
			r.deliver(0)
			r.act(history.Control, "", history.Fail, nil)
			r.trial()
			r.fault()
			r.sentinel()
		}, clean: Unknown, missing: Unknown, reason: "Not proved: while nothing was broken yet, for the test."},
		"broken off in the control": {story: func(r *run) {
			r.deliver(0)
			r.act(history.Control, "", history.Info, nil)
			r.act(history.Abort, "", history.Fail, nil)
		}, clean: Unknown, missing: Unknown, reason: "the run was aborted"},
		"no sentinel": {story: func(r *run) {
			r.control()
			r.trial()
			r.fault()
			r.deliver(len(r.w.Files) - 1)
			r.act(history.Quiet, "", history.OK, nil)
		}, clean: Unknown, missing: Unknown, reason: "no sentinel"},
		"sentinel not acknowledged": {story: func(r *run) {
			r.control()
			r.trial()
			r.fault()
			r.send(len(r.w.Files)-1, history.Info)
			r.apply(len(r.w.Files) - 1)
			r.act(history.Sentinel, "", history.Fail, nil)
			r.act(history.Quiet, "", history.OK, nil)
		}, clean: Unknown, missing: Unknown, reason: "no sentinel"},
		"the sentinel's deadline passed": {story: func(r *run) {
			r.control()
			r.trial()
			r.fault()
			r.deliver(len(r.w.Files) - 1)
			r.act(history.Sentinel, "", history.Fail, nil)
			r.act(history.Quiet, "", history.OK, nil)
		}, clean: Valid, missing: Invalid},
		"never quiet": {story: func(r *run) {
			r.control()
			r.trial()
			r.fault()
			r.deliver(len(r.w.Files) - 1)
			r.act(history.Sentinel, "", history.OK, nil)
			r.act(history.Quiet, "", history.Fail, nil)
		}, clean: Unknown, missing: Unknown, reason: "never became quiet"},
		"waits for ever, never quiet": {story: func(r *run) {
			r.control()
			r.trial()
			r.fault()
			r.deliver(len(r.w.Files) - 1)
			r.act(history.Sentinel, "", history.Fail, nil)
			r.act(history.Quiet, "", history.Fail, nil)
		}, clean: Unknown, missing: Invalid, reason: "never became quiet"},
		"most of it refused": {story: func(r *run) {
			r.control()
			r.deliver(1)
			r.send(2, history.Fail)
			r.send(3, history.Info)
			r.send(4, history.Fail)
			r.fault()
			r.send(5, history.OK)
			r.apply(5)
			r.act(history.Sentinel, "", history.OK, nil)
			r.act(history.Quiet, "", history.OK, nil)
		}, clean: Unknown, missing: Invalid, reason: "3 of 6 files were not acknowledged"},
		"not taken back as planned": {change: func(r *run) {
			act := history.FaultAct{Step: 1, Name: "kill", Target: "loader", InFlight: 17}
			r.act(history.Recover, "kill", history.Fail, act)
		}, clean: Unknown, missing: Invalid, reason: "the fault kill on loader was not taken back as planned"},
		"aborted": {change: func(r *run) { r.act(history.Abort, "", history.Fail, nil) }, clean: Unknown, missing: Unknown, reason: "aborted (for the test)"},
		"a role stayed down": {change: func(r *run) {
			r.act(history.Stop, "loader", history.OK, history.RoleAct{Role: "loader"})
		}, clean: Unknown, missing: Unknown, reason: "the role loader was stopped and not started again"},
		"a role was started again": {change: func(r *run) {
			r.act(history.Stop, "loader", history.OK, history.RoleAct{Role: "loader"})
			r.act(history.Start, "loader", history.OK, history.RoleAct{Role: "loader"})
		}, clean: Valid, missing: Invalid},
		"files never sent": {story: func(r *run) {
			r.control()
			r.deliver(1)
			r.deliver(2)
			r.deliver(3)
			r.fault()
			r.sentinel()
		}, clean: Unknown, missing: Invalid, reason: "1 of 6 files were never sent"},
		"nothing acknowledged": {story: func(r *run) {
			r.control()
			for i := 1; i <= 4; i++ {
				r.send(i, history.Fail)
			}
			r.fault()
			r.sentinel()
		}, clean: Unknown, missing: Invalid, reason: "no file of the trial was acknowledged"},
		"rows partial":            {change: partial(history.Rows), clean: Unknown, missing: Unknown, reason: "the place rows could not be read completely"},
		"documents partial":       {change: partial(history.Documents), clean: Unknown, missing: Invalid, reason: "the place documents"},
		"dead letters partial":    {change: partial(history.DeadLetters), clean: Unknown, missing: Unknown, reason: "the place dead-letters"},
		"queues partial":          {change: partial(history.Queues), clean: Unknown, missing: Unknown, reason: "the place queues"},
		"inbox partial":           {change: partial(history.Inbox), clean: Unknown, missing: Unknown, reason: "the place inbox"},
		"staging partial":         {change: partial(history.Staged), clean: Unknown, missing: Unknown, reason: "the place staged"},
		"confirmations partial":   {change: partial(history.Confirmations), clean: Unknown, missing: Invalid, reason: "the place confirmations"},
		"status partial":          {change: partial(history.Status), clean: Unknown, missing: Invalid, reason: "the place status"},
		"rows unread":             {change: unread(history.Rows), clean: Unknown, missing: Unknown, doubled: Unknown, reason: "the place rows was not read at the end"},
		"documents unread":        {change: unread(history.Documents), clean: Unknown, missing: Invalid, reason: "the place documents was not read"},
		"status unread":           {change: unread(history.Status), clean: Unknown, missing: Invalid, reason: "the place status was not read"},
		"messages held, depth ok": {change: partial(history.Queued), clean: Unknown, missing: Unknown, reason: "the place queued"},
		"history not whole":       {change: func(r *run) { r.stored.Problem = "line 7 is cut off" }, clean: Unknown, missing: Unknown, doubled: Unknown, reason: "line 7 is cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			judged := func(spoil func(r *run)) Result {
				r := newRun(t, nil)
				if test.story != nil {
					test.story(r)
				} else {
					r.story()
				}
				spoil(r)
				if test.change != nil {
					test.change(r)
				}
				return r.judged()
			}
			clean := judged(func(*run) {})
			require.Equal(t, test.clean, clean.Verdict, "%s %+v", clean.Reason, clean.Findings)
			require.Contains(t, clean.Reason, test.reason)
			missing := judged(func(r *run) {
				r.forget(0) // a control record: sent in every story
				r.rows[0] = nil
				r.statusOf(0).Completed = false
			})
			require.Equal(t, test.missing, missing.Verdict, "%s %+v", missing.Reason, missing.Findings)
			doubled := judged(func(r *run) {
				r.rows[0] = append(r.rows[0], r.rows[0][0])
			})
			want := test.doubled
			if want == "" {
				want = Invalid
			}
			require.Equal(t, want, doubled.Verdict, "%s %+v", doubled.Reason, doubled.Findings)
		})
	}
}

// A run that died proves nothing, but what was broken in it is known.
func TestAHistoryThatIsCutOffTellsItsFaults(t *testing.T) {
	r := newRun(t, nil)
	r.control()
	r.fault()
	r.stored.Problem = "its end is missing"
	result := r.judged()
	require.Equal(t, Unknown, result.Verdict)
	require.Len(t, result.Faults, 1)
	require.True(t, result.Faults[0].Bit)
}

func lives(inject, bite, heal history.Phase, inFlight int) func(r *run) {
	return func(r *run) {
		r.control()
		r.trial()
		act := history.FaultAct{Step: 1, Name: "kill", Target: "loader", InFlight: inFlight}
		r.act(history.Inject, "kill", inject, act)
		r.act(history.Bite, "kill", bite, act)
		r.act(history.Heal, "kill", heal, act)
		r.sentinel()
	}
}

func partial(place string) func(r *run) { return func(r *run) { r.partial[place] = true } }
func unread(place string) func(r *run)  { return func(r *run) { r.unread[place] = true } }

// What is missing where nothing is proved is said, and accuses nobody.
func TestSuspectsAreCountedOnly(t *testing.T) {
	r := newRun(t, nil)
	lives(history.OK, history.OK, history.Fail, 17)(r)
	r.forget(r.single())
	r.statusOf(1).Completed = false
	result := r.judged()
	require.Equal(t, Unknown, result.Verdict)
	require.Contains(t, result.Reason, "not where they belong")
	require.Equal(t, 1, result.Fates[Untold])
	require.Zero(t, result.Fates[LostFate])
}

func TestFaultsAreReported(t *testing.T) {
	result := newRun(t, nil).story().judged()
	require.Equal(t, []FaultResult{{Name: "kill", Target: "loader", Bit: true, Healed: true, InFlight: 17, Evidence: "exit code 137"}}, result.Faults)
}

func TestUndeclaredIsNotJudgedAndSaid(t *testing.T) {
	r := newRun(t, nil).story()
	n := r.single()
	r.expect = Expectations{Rows: true, FullDeletes: true}
	delete(r.documents, n)
	r.drop(&r.confirmations, n, 1)
	r.statusOf(2).Rows = 1
	r.dead = nil
	result := r.judged()
	require.Equal(t, Valid, result.Verdict, result.Reason)
	require.Equal(t, []string{"documents", "confirmations", "dead letters", "queues", "the import's status", "a deadline of visibility", "whether rows were rejected with a trace"}, result.NotJudged)
	for _, what := range result.NotJudged {
		require.Contains(t, result.Reason, what)
	}
	require.Nil(t, result.Latency)
}

func TestDocumentsAlone(t *testing.T) {
	r := newRun(t, nil).story()
	r.expect = Expectations{Documents: true, DeadLetters: true, FullDeletes: true}
	n := r.single()
	delete(r.documents, n)
	require.Equal(t, []string{"lost " + number(n) + "/1"}, r.found(r.judged()))
}

func TestContentlessPlacesAreNamed(t *testing.T) {
	r := newRun(t, nil).story()
	for n := range r.documents {
		r.documents[n][0].Fields = nil
	}
	result := r.judged()
	require.Equal(t, Valid, result.Verdict, result.Reason)
	require.Contains(t, result.Reason, "the content of documents, which were read without")
}

func TestOnlyDeclaredFieldsAreCompared(t *testing.T) {
	r := newRun(t, nil).story()
	r.expect.Fields = map[string]workload.Type{"city": workload.Text, "hours": workload.Number}
	n := r.single()
	r.rows[n][0].Fields = map[string]string{"city": r.w.Record(n, 1).Get("city"), "hours": r.w.Record(n, 1).Get("hours") + ""}
	result := r.judged()
	require.Equal(t, Valid, result.Verdict, result.Reason)
	require.Contains(t, result.NotJudged, "the content of undeclared fields")
}

func TestJudgeRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, test := range map[string]struct {
		change func(r *run)
		err    string
	}{
		"generator":        {func(r *run) { r.stored.Header.Generator = "people/9" }, "this version knows"},
		"tag":              {func(r *run) { r.stored.Header.Tag = "ELSE" }, "not of one run"},
		"seed":             {func(r *run) { r.stored.Header.Seed++ }, "not of one run"},
		"workload":         {func(r *run) { r.stored.Header.Workload = []byte(`[]`) }, "read the workload"},
		"nothing declared": {func(r *run) { r.expect = Expectations{} }, "nothing can be judged"},
		"unknown field":    {func(r *run) { r.expect.Fields = map[string]workload.Type{"x": workload.Text} }, "no field"},
		"file of another workload": {func(r *run) {
			r.act(history.Send, "x.csv", history.OK, history.Sent{File: 1, Name: "x.csv"})
		}, "not the workload's"},
		"rows of another workload": {func(r *run) {
			r.act(history.Send, "x.csv", history.OK, history.Sent{File: 1, Name: r.w.Files[1].Name, Rows: 3})
		}, "the workload gives it 25"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, nil).story()
			test.change(r)
			_, err := Judge(r.final())
			require.ErrorContains(t, err, test.err)
		})
	}
}
