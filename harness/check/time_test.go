package check

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

func number(n int) string { return strconv.Itoa(n) }

func finding(class Class, n, version int) string {
	return string(class) + " " + number(n) + "/" + number(version)
}

// TestOverTime has what can only be judged by reads taken while the run goes on.
func TestOverTime(t *testing.T) {
	for name, story := range map[string]func(r *run) []string{
		"overwritten by an older version, repaired later": func(r *run) []string {
			r.story()
			n, _ := r.updated()
			r.look(history.Documents)
			now := r.documents[n]
			r.older(r.documents, n, 1)
			r.look(history.Documents)
			r.documents[n] = now
			r.look(history.Documents)
			return []string{finding(OutOfOrder, n, 1)}
		},
		"rows go back": func(r *run) []string {
			r.story()
			n, _ := r.updated()
			r.look(history.Rows)
			now := r.rows[n]
			r.older(r.rows, n, 1)
			r.look(history.Rows)
			r.rows[n] = now
			return []string{finding(OutOfOrder, n, 1)}
		},
		"overwritten for good": func(r *run) []string {
			r.story()
			n, v := r.updated()
			r.look(history.Documents)
			r.older(r.documents, n, 1)
			return []string{finding(Stale, n, v), finding(OutOfOrder, n, 1)}
		},
		"resurrected": func(r *run) []string {
			r.control()
			n, v := r.deleted()
			last := r.fileOf(n, v)
			for i := 1; i < last; i++ {
				r.deliver(i)
			}
			r.look(history.Documents)
			for i := last; i <= 4; i++ {
				r.deliver(i)
			}
			r.look(history.Documents)
			r.fault()
			r.sentinel()
			r.older(r.documents, n, 1)
			return []string{finding(Resurrected, n, 1)}
		},
		"deletion not seen yet": func(r *run) []string {
			r.control()
			n, v := r.deleted()
			last := r.fileOf(n, v)
			for i := 1; i <= 4; i++ {
				r.send(i, history.OK)
			}
			for i := 1; i < last; i++ {
				r.apply(i)
			}
			r.look(history.Documents)
			r.look(history.Documents)
			for i := last; i <= 4; i++ {
				r.apply(i)
			}
			r.fault()
			r.sentinel()
			return []string{}
		},
		"index lost and rebuilt": func(r *run) []string {
			// Nothing here is out of order or resurrected: the store lost all.
			r.story()
			r.look(history.Documents)
			r.lookStatus()
			now := r.documents
			r.documents = map[int][]history.Entry{}
			r.look(history.Documents)
			n, _ := r.updated()
			d, _ := r.deleted()
			r.older(r.documents, n, 1)
			r.older(r.documents, d, 1)
			r.look(history.Documents)
			r.documents = now
			return []string{}
		},
		"index lost before a deletion got there, and found empty twice": func(r *run) []string {
			r.control()
			n, v := r.deleted()
			last := r.fileOf(n, v)
			for i := 1; i <= 4; i++ {
				r.send(i, history.OK)
			}
			for i := 1; i < last; i++ {
				r.apply(i)
			}
			r.look(history.Documents)
			now := r.documents
			r.documents = map[int][]history.Entry{}
			r.look(history.Documents)
			r.look(history.Documents)
			r.documents = now
			r.look(history.Documents)
			for i := last; i <= 4; i++ {
				r.apply(i)
			}
			r.fault()
			r.sentinel()
			return []string{}
		},
		"two documents for a while": func(r *run) []string {
			r.story()
			n := r.single()
			now := r.documents[n]
			r.documents[n] = append(now[:1:1], history.Entry{Number: n, Version: 1, Where: "doc 2"})
			r.look(history.Documents)
			r.documents[n] = now
			return []string{finding(Duplicated, n, 1)}
		},
		"one document listed twice": func(r *run) []string {
			r.story()
			n := r.single()
			now := r.documents[n]
			r.documents[n] = append(now[:1:1], now[0])
			r.look(history.Documents)
			r.documents[n] = now
			return []string{}
		},
		"late": func(r *run) []string {
			r.expect.DeadlineSeconds = 30
			r.story()
			n := r.single()
			now := r.documents[n]
			delete(r.documents, n)
			r.look(history.Documents)
			r.now += 31
			r.look(history.Documents)
			r.documents[n] = now
			r.look(history.Documents)
			return []string{finding(Invisible, n, 1)}
		},
		"late, by reads that found nothing new": func(r *run) []string {
			r.expect.DeadlineSeconds = 30
			r.story()
			n := r.single()
			now := r.documents[n]
			delete(r.documents, n)
			r.look(history.Documents)
			r.lookAgain(history.Documents)
			r.now += 31
			r.lookAgain(history.Documents)
			r.documents[n] = now
			r.look(history.Documents)
			return []string{finding(Invisible, n, 1)}
		},
		"in time": func(r *run) []string {
			r.expect.DeadlineSeconds = 30
			r.story()
			n := r.single()
			now := r.documents[n]
			delete(r.documents, n)
			r.look(history.Documents)
			r.documents[n] = now
			r.now += 31
			r.look(history.Documents)
			return []string{}
		},
		"late, but a repair came after": func(r *run) []string {
			r.expect.DeadlineSeconds = 30
			r.story()
			n := r.single()
			now := r.documents[n]
			delete(r.documents, n)
			r.now += 31
			r.look(history.Documents)
			r.act(history.Operate, "sync", history.OK, history.RoleAct{Role: "index", Detail: "sync"})
			r.documents[n] = now
			r.look(history.Documents)
			return []string{}
		},
		"gone for a while after the deadline": func(r *run) []string {
			r.expect.DeadlineSeconds = 30
			r.story()
			n := r.single()
			now := r.documents[n]
			r.look(history.Documents)
			r.now += 31
			delete(r.documents, n)
			r.look(history.Documents)
			r.documents[n] = now
			return []string{finding(Invisible, n, 1)}
		},
		"completed too early": func(r *run) []string {
			r.story()
			n := r.single()
			now := r.documents[n]
			delete(r.documents, n)
			r.lookStatus()
			r.look(history.Documents)
			r.documents[n] = now
			return []string{"misreported " + r.w.Files[r.fileOf(n, 1)].Name}
		},
		"completed while an update was not visible": func(r *run) []string {
			r.story()
			n, v := r.updated()
			now := r.documents[n]
			r.older(r.documents, n, 1)
			r.lookStatus()
			r.look(history.Documents)
			r.documents[n] = now
			return []string{"misreported " + r.w.Files[r.fileOf(n, v)].Name}
		},
		"completed, the read had begun before": func(r *run) []string {
			r.story()
			n := r.single()
			now := r.documents[n]
			delete(r.documents, n)
			r.look(history.Documents)
			r.lookStatus()
			r.documents[n] = now
			return []string{}
		},
		"completed before the index was lost, read after that": func(r *run) []string {
			r.story()
			n, other := r.single(), -1
			for number := range r.documents {
				if number != n && (other < 0 || number < other) {
					other = number
				}
			}
			now, rest := r.documents[n], r.documents[other]
			delete(r.documents, n) // too short a time to be seen
			r.look(history.Documents)
			delete(r.documents, other)
			r.look(history.Documents)
			r.lookStatus()
			r.look(history.Documents)
			r.documents[n], r.documents[other] = now, rest
			return []string{}
		},
		"completed before a fault emptied the index, and no read between them": func(r *run) []string {
			r.story()
			n := r.single()
			now := r.documents[n]
			r.lookStatus()
			r.act(history.Inject, "mapping-conflict", history.OK, history.FaultAct{Step: 2, Name: "mapping-conflict", Target: index, Destroys: true})
			delete(r.documents, n)
			r.look(history.Documents)
			r.documents[n] = now
			return []string{}
		},
		"completed too early after a fault emptied the index": func(r *run) []string {
			r.story()
			n := r.single()
			now, said := r.documents[n], r.statusOf(r.fileOf(n, 1))
			r.act(history.Inject, "mapping-conflict", history.OK, history.FaultAct{Step: 2, Name: "mapping-conflict", Target: index, Destroys: true})
			delete(r.documents, n)
			said.Completed = false
			r.lookStatus()
			said.Completed = true
			r.lookStatus()
			r.look(history.Documents)
			r.documents[n] = now
			return []string{"misreported " + r.w.Files[r.fileOf(n, 1)].Name}
		},
		"completed and seen, gone later": func(r *run) []string {
			r.story()
			n := r.single()
			now := r.documents[n]
			r.look(history.Documents)
			r.lookStatus()
			delete(r.documents, n)
			r.look(history.Documents)
			r.documents[n] = now
			return []string{}
		},
		"a read that breaks off proves no absence": func(r *run) []string {
			r.expect.DeadlineSeconds = 30
			r.story()
			r.lookStatus()
			r.now += 100
			r.readEntries(history.Documents, false, false, nil)
			return []string{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, nil)
			want := story(r)
			result := r.judged()
			require.Equal(t, want, r.found(result), "%+v", result.Findings)
		})
	}
}

// TestSending has the outcomes of sending.
func TestSending(t *testing.T) {
	for name, test := range map[string]struct {
		outcome   history.Phase
		apply     bool
		found     func(r *run, index int) []string
		verdict   Verdict
		recovered bool
		fate      Fate
	}{
		"acknowledged, applied":    {history.OK, true, nil, Valid, false, Applied},
		"indeterminate, applied":   {history.Info, true, nil, Valid, true, Applied},
		"indeterminate, not there": {history.Info, false, nil, Valid, false, Absent},
		"failed, not there":        {history.Fail, false, nil, Valid, false, Absent},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent, c.RejectPercent = 0, 0, 0 })
			r.control()
			for i := 1; i <= 3; i++ {
				r.deliver(i)
			}
			r.send(4, test.outcome)
			if test.apply {
				r.apply(4)
			}
			r.fault()
			r.sentinel()
			result := r.judged()
			require.Equal(t, test.verdict, result.Verdict, "%s %+v", result.Reason, result.Findings)
			require.Equal(t, 25, result.Files[4].Fates[test.fate])
			require.Equal(t, test.recovered, result.Counts[Recovered] == 25)
		})
	}
	t.Run("failed, applied", func(t *testing.T) {
		r := newRun(t, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent, c.RejectPercent = 0, 0, 0 })
		r.control()
		for i := 1; i <= 3; i++ {
			r.deliver(i)
		}
		r.send(4, history.Fail)
		r.apply(4)
		r.fault()
		r.sentinel()
		result := r.judged()
		require.Equal(t, Invalid, result.Verdict)
		require.Equal(t, 25, result.Counts[RefusedButPresent])
		require.Len(t, result.Findings, 25)
	})
	t.Run("failed, then sent again", func(t *testing.T) {
		r := newRun(t, nil)
		r.control()
		r.send(1, history.Fail)
		r.send(1, history.Info)
		r.trial()
		r.fault()
		r.sentinel()
		require.Equal(t, Valid, r.judged().Verdict)
	})
	t.Run("an update that nobody acknowledged may be there or not", func(t *testing.T) {
		for _, applied := range []bool{true, false} {
			r := newRun(t, nil)
			r.control()
			n, v := r.updated()
			last := r.fileOf(n, v)
			for i := 1; i <= 4; i++ {
				if i != last {
					r.deliver(i)
					continue
				}
				r.send(i, history.Info)
				if applied {
					r.apply(i)
				}
			}
			r.fault()
			r.sentinel()
			result := r.judged()
			require.Equal(t, Valid, result.Verdict, "%s %+v", result.Reason, result.Findings)
		}
	})
	t.Run("the reply never came", func(t *testing.T) {
		r := newRun(t, nil)
		r.control()
		f := r.w.Files[1]
		r.event(history.Invoke, history.Send, f.Name, 0, "", history.Sent{File: 1, Name: f.Name})
		r.deliver(2)
		r.deliver(3)
		r.deliver(4)
		r.fault()
		r.sentinel()
		result := r.judged()
		require.Equal(t, Valid, result.Verdict, "%s %+v", result.Reason, result.Findings)
		require.Equal(t, "indeterminate", result.Files[1].Sent)
	})
	t.Run("files that are not of the workload", func(t *testing.T) {
		r := newRun(t, nil).story()
		r.act(history.Send, "poison.csv", history.OK, history.Sent{File: -1, Name: "poison.csv"})
		require.Equal(t, Valid, r.judged().Verdict)
	})
}

func TestSnapshots(t *testing.T) {
	full := func(c *workload.Config) { c.FullEvery, c.Files = 3, 6 }
	impliedOf := func(r *run) (int, int) {
		op := r.pick(func(op workload.Op, ops []workload.Op) bool { return op.Implied })
		return int(op.Number), int(op.Version)
	}
	t.Run("still present", func(t *testing.T) {
		r := newRun(t, full).story()
		n, v := impliedOf(r)
		r.older(r.rows, n, v-1)
		r.older(r.documents, n, v-1)
		r.statusOf(r.fileOf(n, v)).Completed = false
		require.Equal(t, []string{finding(Undeleted, n, v)}, r.found(r.judged()))
	})
	t.Run("still present, but snapshots delete nothing", func(t *testing.T) {
		r := newRun(t, full).story()
		r.expect.FullDeletes = false
		for _, f := range r.w.Files {
			for _, op := range f.Ops {
				if op.Implied {
					n, v := int(op.Number), int(op.Version)
					r.older(r.rows, n, v-1)
					r.older(r.documents, n, v-1)
				}
			}
		}
		result := r.judged()
		require.Equal(t, Valid, result.Verdict, "%s %+v", result.Reason, result.Findings)
		require.Contains(t, result.Reason, "deletions by absence from full files")
	})
	t.Run("removed instead of marked", func(t *testing.T) {
		r := newRun(t, full).story()
		n, _ := impliedOf(r)
		delete(r.rows, n)
		require.Equal(t, Valid, r.judged().Verdict)
	})
	t.Run("announced under the version before", func(t *testing.T) {
		r := newRun(t, full).story()
		n, v := impliedOf(r)
		r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: v - 1, Op: workload.Deletion}, history.Entry{Number: n, Version: v, Op: workload.Deletion})
		require.Equal(t, Valid, r.judged().Verdict)
	})
	t.Run("confirmed as a deletion that nobody sent", func(t *testing.T) {
		r := newRun(t, nil).story()
		n := r.single()
		r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: 1, Op: workload.Deletion})
		require.Equal(t, []string{finding(Unexpected, n, 1)}, r.found(r.judged()))
	})
}

// Where a foreign table has no version column the content tells the version.
func TestVersionsByContent(t *testing.T) {
	blind := func(r *run) {
		for n := range r.rows {
			if !r.rows[n][0].Deleted {
				r.rows[n][0].Version = -1
			}
		}
	}
	t.Run("as sent", func(t *testing.T) {
		r := newRun(t, nil).story()
		blind(r)
		require.Equal(t, Valid, r.judged().Verdict)
	})
	t.Run("older", func(t *testing.T) {
		r := newRun(t, nil).story()
		n, v := r.updated()
		r.older(r.rows, n, 1)
		blind(r)
		require.Equal(t, []string{finding(Stale, n, v)}, without(r.found(r.judged()), Misreported))
	})
	t.Run("none", func(t *testing.T) {
		r := newRun(t, nil).story()
		n, v := r.updated()
		r.rows[n][0].Fields = r.w.Record(n+1, 1).Map()
		blind(r)
		require.Equal(t, []string{finding(Altered, n, v)}, r.found(r.judged()))
	})
	t.Run("a mixture of two versions", func(t *testing.T) {
		r := newRun(t, nil).story()
		n, v := r.updated()
		r.rows[n][0].Fields = r.w.Record(n, v).Map()
		r.rows[n][0].Fields["note"] = r.w.Record(n, 1).Get("note")
		blind(r)
		require.Equal(t, []string{finding(Altered, n, v)}, r.found(r.judged()))
	})
	t.Run("confirmations that name the key only", func(t *testing.T) {
		r := newRun(t, nil).story()
		for i := range r.confirmations {
			r.confirmations[i].Version, r.confirmations[i].Op = -1, ""
		}
		require.Equal(t, Valid, r.judged().Verdict)
		n := r.single()
		r2 := newRun(t, nil).story()
		r2.confirmations = append(r2.confirmations, history.Entry{Number: n, Version: -1}, history.Entry{Number: n, Version: -1})
		r2.drop(&r2.confirmations, n, 1)
		require.Equal(t, []string{finding(Duplicated, n, 1)}, r2.found(r2.judged()))
	})
}

func without(found []string, class Class) []string {
	var rest []string
	for _, f := range found {
		if len(f) < len(class) || f[:len(class)] != string(class) {
			rest = append(rest, f)
		}
	}
	return rest
}

// Leftovers of other runs are recognised and neither success nor failure.
func TestLeftovers(t *testing.T) {
	r := newRun(t, nil)
	other, err := workload.New(workload.Config{Seed: 11, Tag: "E1SE"})
	require.NoError(t, err)
	r.strangers[history.Rows] = []history.Entry{{Number: -1, Version: 1, Key: "there before"}}
	r.look(history.Rows)
	r.strangers[history.Rows] = append(r.strangers[history.Rows], history.Entry{Number: -1, Version: 1, Key: other.Key(3)})
	r.story()
	result := r.judged()
	require.Equal(t, Valid, result.Verdict, result.Reason)
	require.Equal(t, 2, result.Counts[Leftover])
}

func TestStableLatency(t *testing.T) {
	r := newRun(t, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent, c.RejectPercent, c.Files = 0, 0, 0, 1 })
	r.stored.Header.Plan = nil
	r.control()
	r.send(1, history.OK)
	acked := r.now
	r.look(history.Documents)
	r.apply(1)
	n := int(r.w.Files[1].Ops[0].Number)
	now := r.documents[n]
	delete(r.documents, n)
	r.look(history.Documents)
	r.now += 10
	least := r.now
	r.look(history.Documents)
	r.documents[n] = now
	r.look(history.Documents)
	most := r.now
	r.sentinel()
	result := r.judged()
	require.NotNil(t, result.Latency)
	var f FileLatency
	for _, file := range result.Latency.Files {
		if file.File == r.w.Files[1].Name {
			f = file
		}
	}
	require.InDelta(t, most-acked, f.Seconds, 0.01)
	require.InDelta(t, least-acked, f.AtLeast, 0.01)
	require.Equal(t, 25, f.Operations)
	require.Equal(t, result.Latency.P50, f.P50, "of the only file of the trial")
	require.Equal(t, result.Latency.P95, f.P95)
	require.Equal(t, 25, result.Latency.Operations)
	require.InDelta(t, most-acked, result.Latency.Max, 0.01)
	require.Less(t, result.Latency.P50, result.Latency.Max)
}
