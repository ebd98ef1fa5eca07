package harness

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/repair"
	"github.com/seatrial/seatrial/harness/workload"
)

// What was there before a repair is not held against it: only what was sent
// counts, and what is read at its end.
func TestOnlyTheEndOfARepairIsJudged(t *testing.T) {
	files, err := workload.New(workload.Config{Seed: 7, Tag: "T3ST", Files: 2, RecordsPerFile: 5, Control: 1, Sentinel: 1})
	require.NoError(t, err)
	config, err := json.Marshal(files.Config)
	require.NoError(t, err)
	expect, err := json.Marshal(check.Expectations{Rows: true, DeadlineSeconds: 5, QuietSeconds: 1})
	require.NoError(t, err)
	before, err := history.Create(t.TempDir(), history.Header{
		Generator: workload.Generator, Tag: "T3ST", Seed: 7, Scenario: "test", Pipeline: "reference:ack-before-commit", Workload: config, Expect: expect,
		Plan: []history.PlannedFault{{Step: 1, Name: "kill", Target: "load"}}, NoFault: true,
	})
	require.NoError(t, err)
	var rows []history.Entry
	sent := func(i int, end func(*history.Pending, history.Sent) error) {
		data := history.Sent{File: i, Name: files.Files[i].Name, Rows: files.Files[i].Rows()}
		pending, err := before.Invoke(history.Send, data.Name, data)
		require.NoError(t, err)
		require.NoError(t, end(pending, data))
	}
	ok := func(p *history.Pending, data history.Sent) error { return p.OK(data) }
	control, err := before.Invoke(history.Control, "", nil)
	require.NoError(t, err)
	sent(0, ok)
	require.NoError(t, control.OK(nil))
	sent(1, func(p *history.Pending, data history.Sent) error { return p.Info(errors.New("connection reset"), data) })
	sent(2, func(p *history.Pending, data history.Sent) error {
		return p.Fail(errors.New("permission denied"), data)
	})
	sent(2, ok)
	sent(3, ok)
	for _, file := range files.Files {
		for _, op := range file.Ops {
			rows = append(rows, history.Entry{Number: int(op.Number), Version: int(op.Version), Fields: files.Row(op).Map(), Where: "people (0,1)"})
		}
	}
	doubled, err := before.Observe(history.Rows, false)
	require.NoError(t, err)
	require.NoError(t, doubled.Entries(append(append([]history.Entry{}, rows...), rows...), nil))
	require.NoError(t, before.Close())
	stored, err := history.Load(before.Dir())
	require.NoError(t, err)

	dir := t.TempDir()
	w, err := history.Create(dir, repairedHeader(stored.Header))
	require.NoError(t, err)
	require.NoError(t, sentBefore(w, stored))
	for _, act := range []history.Act{history.Operate, history.Sentinel, history.Quiet} {
		pending, err := w.Invoke(act, "replay", history.RoleAct{})
		require.NoError(t, err)
		require.NoError(t, pending.OK(history.RoleAct{Role: "collector"}))
	}
	reading, err := w.Observe(history.Rows, true)
	require.NoError(t, err)
	require.NoError(t, reading.Entries(rows, nil))
	require.NoError(t, w.Close())
	repaired, err := history.Load(dir)
	require.NoError(t, err)
	result, err := check.Judge(repaired)
	require.NoError(t, err)
	require.Equal(t, check.Valid, result.Verdict, result.Reason)
	require.Equal(t, 5, result.Counts[check.Recovered], "the file whose outcome was unknown")
	require.Contains(t, result.NotJudged, "a deadline of visibility")
	require.Equal(t, stored.Header.Seed, repaired.Header.Seed)
}

func TestMeans(t *testing.T) {
	for _, name := range []string{"reference", "reference:ack-before-commit"} {
		m := meansOf(history.Header{Pipeline: name})
		require.Contains(t, m.Operations, "replay")
		require.Contains(t, m.Operations, "sync")
		require.Contains(t, m.Operations, "repoint")
		require.Equal(t, "exporter", m.Consumers["records.applied"])
		require.Equal(t, "collector", m.Takes)
	}
	require.Equal(t, history.Means{}, meansOf(history.Header{Pipeline: "somebody's"}), "nothing is known")
	own := history.Means{Operations: []string{"reload"}}
	require.Equal(t, own, meansOf(history.Header{Pipeline: "reference", Means: &own}))
}

func TestARepairIsCarriedOutOnlyWhereItHelps(t *testing.T) {
	for _, c := range []struct {
		result check.Result
		cause  error
	}{
		{check.Result{Verdict: check.Valid}, nil},
		{check.Result{Verdict: check.Unknown}, nil},
		{check.Result{Verdict: check.Invalid}, errors.New("the machine failed")},
		{check.Result{Verdict: check.Invalid}, errStop}, // and nothing found
	} {
		r := &run{}
		r.repair(t.Context(), c.result, c.cause)
		require.Nil(t, r.report.Repaired)
	}
}

func TestStepsThatNobodyCanTake(t *testing.T) {
	r := &run{}
	_, err := r.doStep(t.Context(), repair.Plan{}, repair.Step{Do: repair.Sync, ByHand: true}, &history.RoleAct{})
	require.ErrorContains(t, err, "left to people")
	_, err = r.doStep(t.Context(), repair.Plan{}, repair.Step{Do: "pray"}, &history.RoleAct{})
	require.ErrorContains(t, err, `the step "pray"`)
}
