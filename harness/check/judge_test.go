package check

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

func TestCarefulPipelineIsNeverAccused(t *testing.T) {
	for name, change := range map[string]func(*workload.Config){
		"deltas":       nil,
		"full files":   func(c *workload.Config) { c.FullEvery, c.Files = 2, 7 },
		"only full":    func(c *workload.Config) { c.FullEvery = 1 },
		"digits":       func(c *workload.Config) { c.KeyShape = workload.DigitKeys },
		"mixed":        func(c *workload.Config) { c.KeyShape = workload.MixedKeys },
		"many updates": func(c *workload.Config) { c.UpdatePercent, c.DeletePercent, c.Files = 70, 20, 12 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, change)
			r.look(history.Documents)
			r.look(history.Rows)
			r.lookStatus()
			r.control()
			r.look(history.Documents)
			for i, f := range r.w.Files {
				if f.Kind == workload.Trial {
					r.deliver(i)
					r.lookStatus()
					r.look(history.Documents)
					r.look(history.Rows)
				}
			}
			r.fault()
			r.sentinel()
			r.look(history.Documents)
			r.staged = []history.Entry{{Number: 0, Version: 1, Where: "/staging/x"}} // handed on, and not yet cleared away
			result := r.judged()
			require.Equal(t, []string{}, r.found(result), result.Findings)
			require.Equal(t, Valid, result.Verdict, result.Reason)
			require.Equal(t, result.Counts[Acknowledged], result.Counts[OK])
			require.NotNil(t, result.Latency)
			require.LessOrEqual(t, result.Latency.Max, 4.0)
		})
	}
}

// TestFindings has one case for every way in which one record can go wrong.
func TestFindings(t *testing.T) {
	type spoil func(r *run) []string // what must be found, and nothing else
	one := func(class Class, number, version int) []string {
		return []string{fmt.Sprintf("%s %d/%d", class, number, version)}
	}
	for name, spoil := range map[string]spoil{
		"lost": func(r *run) []string {
			n := r.single()
			r.forget(n)
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Lost, n, 1)
		},
		"lost, and said to be completed": func(r *run) []string {
			n := r.single()
			r.forget(n)
			return append(one(Lost, n, 1), "misreported "+r.w.Files[r.fileOf(n, 1)].Name)
		},
		"lost, confirmed all the same": func(r *run) []string {
			n := r.single()
			delete(r.rows, n)
			delete(r.documents, n)
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Lost, n, 1)
		},
		"lost: marked deleted without a deletion": func(r *run) []string {
			n := r.single()
			r.rows[n][0].Deleted = true
			delete(r.documents, n)
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Lost, n, 1)
		},
		"rejectable without a trace": func(r *run) []string {
			op := r.rejected()
			r.drop(&r.dead, int(op.Number), int(op.Version))
			r.statusOf(r.fileOf(int(op.Number), 1)).Rejected = -1
			r.statusOf(r.fileOf(int(op.Number), 1)).Completed = false
			return one(Lost, int(op.Number), 1)
		},
		"wrongly rejected": func(r *run) []string {
			n := r.single()
			r.forget(n)
			r.dead = append(r.dead, history.Entry{Number: n, Version: 1, Where: "queue records.dead"})
			s := r.statusOf(r.fileOf(n, 1))
			s.Applied--
			s.Rejected++
			return one(WronglyRejected, n, 1)
		},
		"wrongly rejected, by the count": func(r *run) []string {
			n := r.single()
			r.forget(n)
			s := r.statusOf(r.fileOf(n, 1))
			s.Applied--
			s.Rejected++
			return one(WronglyRejected, n, 1)
		},
		"two rows": func(r *run) []string {
			n := r.single()
			r.rows[n] = append(r.rows[n], r.rows[n][0])
			return one(Duplicated, n, 1)
		},
		"two documents": func(r *run) []string {
			n := r.single()
			r.documents[n] = append(r.documents[n], r.documents[n][0])
			return one(Duplicated, n, 1)
		},
		"two versions of a row": func(r *run) []string {
			n, v := r.updated()
			r.rows[n] = append(r.rows[n], history.Entry{Number: n, Version: 1, Fields: r.w.Record(n, 1).Map()})
			return one(Duplicated, n, v)
		},
		"two confirmations": func(r *run) []string {
			n := r.single()
			r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: 1, Op: workload.Upsert, Where: "confirm-9.csv"})
			return one(Duplicated, n, 1)
		},
		"two confirmations of what was superseded": func(r *run) []string {
			n, _ := r.updated()
			r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: 1, Where: "confirm-9.csv"})
			return one(Duplicated, n, 1)
		},
		"altered row": func(r *run) []string {
			n := r.single()
			r.rows[n][0].Fields = r.w.Record(n, 1).Map()
			r.rows[n][0].Fields["city"] += " "
			return one(Altered, n, 1)
		},
		"altered document": func(r *run) []string {
			n := r.single()
			r.documents[n][0].Fields = r.w.Record(n+1, 1).Map()
			return one(Altered, n, 1)
		},
		"a field is missing": func(r *run) []string {
			n := r.single()
			r.rows[n][0].Fields = r.w.Record(n, 1).Map()
			delete(r.rows[n][0].Fields, "note")
			return one(Altered, n, 1)
		},
		"no content": func(r *run) []string {
			n := r.single()
			r.documents[n][0].Fields = nil
			return one(Altered, n, 1)
		},
		"version never made": func(r *run) []string {
			n := r.single()
			r.rows[n] = append(r.rows[n][:0:0], history.Entry{Number: n, Version: 77, Fields: r.w.Record(n, 77).Map()})
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return append(one(Lost, n, 1), one(Unexpected, n, 77)...)
		},
		"version beyond all numbers": func(r *run) []string {
			n := r.single()
			r.rows[n] = append(r.rows[n], history.Entry{Number: n, Version: 1 << 40})
			return append(one(Duplicated, n, 1), one(Unexpected, n, 1<<31-2)...)
		},
		"damaged key": func(r *run) []string {
			r.strangers[history.Rows] = []history.Entry{{Number: -1, Version: 1, Key: "T3ST000000", Where: "people x"}}
			return []string{`unexpected "T3ST000000"`}
		},
		"rejectable applied": func(r *run) []string {
			op := r.rejected()
			r.rows[int(op.Number)] = []history.Entry{{Number: int(op.Number), Version: 1, Fields: r.w.Record(int(op.Number), 1).Map()}}
			return one(Unexpected, int(op.Number), 1)
		},
		"confirmed and never made": func(r *run) []string {
			n := r.single()
			r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: 5})
			return one(Unexpected, n, 5)
		},
		"rejectable confirmed": func(r *run) []string {
			op := r.rejected()
			r.confirmations = append(r.confirmations, history.Entry{Number: int(op.Number), Version: 1})
			return one(Unexpected, int(op.Number), 1)
		},
		"stale everywhere": func(r *run) []string {
			n, v := r.updated()
			r.older(r.rows, n, 1)
			r.older(r.documents, n, 1)
			r.statusOf(r.fileOf(n, v)).Completed = false
			return one(Stale, n, v)
		},
		"an update of which nothing was ever seen": func(r *run) []string {
			n, v := r.updated()
			r.older(r.rows, n, 1)
			r.older(r.documents, n, 1)
			r.drop(&r.confirmations, n, v)
			r.statusOf(r.fileOf(n, v)).Completed = false
			return one(Lost, n, v)
		},
		"stale everywhere, and no confirmations to tell": func(r *run) []string {
			n, v := r.updated()
			r.older(r.rows, n, 1)
			r.older(r.documents, n, 1)
			r.expect.Confirmations = false
			r.statusOf(r.fileOf(n, v)).Completed = false
			return one(Stale, n, v)
		},
		"stale in the index": func(r *run) []string {
			n, v := r.updated()
			r.older(r.documents, n, 1)
			return one(Stale, n, v)
		},
		"invisible": func(r *run) []string {
			n := r.single()
			delete(r.documents, n)
			return one(Invisible, n, 1)
		},
		"undeleted": func(r *run) []string {
			n, v := r.deleted()
			r.older(r.rows, n, 1)
			r.older(r.documents, n, 1)
			r.drop(&r.confirmations, n, v)
			r.statusOf(r.fileOf(n, v)).Completed = false
			return one(Undeleted, n, v)
		},
		"undeleted in the index": func(r *run) []string {
			n, v := r.deleted()
			r.older(r.documents, n, 1)
			return one(Undeleted, n, v)
		},
		"undeleted under the deletion's version": func(r *run) []string {
			n, v := r.deleted()
			r.rows[n][0].Deleted = false
			r.statusOf(r.fileOf(n, v)).Completed = false
			return one(Undeleted, n, v)
		},
		"stalled in a queue": func(r *run) []string {
			n := r.single()
			r.forget(n)
			r.queued = append(r.queued, history.Entry{Number: n, Version: 1, Where: "queue records, message 1"})
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Stalled, n, 1)
		},
		"stalled on the way to the confirmation": func(r *run) []string {
			n := r.single()
			r.drop(&r.confirmations, n, 1)
			r.queued = append(r.queued, history.Entry{Number: n, Version: -1, Where: "queue records.applied, message 1"})
			return append(one(Stalled, n, 1), one(Unconfirmed, n, 1)...)
		},
		"a message that waits though all is done": func(r *run) []string {
			n := r.single()
			r.queued = append(r.queued, history.Entry{Number: n, Version: 1, Where: "queue records, message 1"})
			return one(Stalled, n, 1)
		},
		"held by a consumer": func(r *run) []string {
			n := r.single()
			r.forget(n)
			r.depths = []history.QueueDepth{{Queue: "records", Unacked: 1}}
			r.partial[history.Queued] = true
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Stalled, n, 1)
		},
		"held by a consumer though all is done": func(r *run) []string {
			r.depths = []history.QueueDepth{{Queue: "records", Unacked: 3}}
			return []string{`stalled ""`}
		},
		"more lost than wait": func(r *run) []string {
			n := r.single()
			r.forget(n)
			m := r.single2(n)
			r.forget(m)
			r.statusOf(r.fileOf(n, 1)).Completed = false
			r.statusOf(r.fileOf(m, 1)).Completed = false
			r.depths = []history.QueueDepth{{Queue: "records", Unacked: 1}}
			return append(append(one(Lost, min(n, m), 1), one(Lost, max(n, m), 1)...), `stalled ""`)
		},
		"stalled in the inbox": func(r *run) []string {
			n := r.single()
			r.forget(n)
			r.inbox = append(r.inbox, history.Entry{Number: n, Version: 1, Where: "/inbox/x"})
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Stalled, n, 1)
		},
		"stalled in staging": func(r *run) []string {
			n := r.single()
			r.forget(n)
			r.staged = append(r.staged, history.Entry{Number: n, Version: 1, Where: "/staging/x"})
			r.statusOf(r.fileOf(n, 1)).Completed = false
			return one(Stalled, n, 1)
		},
		"unconfirmed": func(r *run) []string {
			n := r.single()
			r.drop(&r.confirmations, n, 1)
			return one(Unconfirmed, n, 1)
		},
		"deletion unconfirmed": func(r *run) []string {
			n, v := r.deleted()
			r.drop(&r.confirmations, n, v)
			return one(Unconfirmed, n, v)
		},
		"0 imported": func(r *run) []string {
			s := r.statusOf(2)
			s.Applied, s.Rows, s.Rejected = 0, -1, 0
			return []string{"misreported " + r.w.Files[2].Name}
		},
		"wrong rows": func(r *run) []string {
			r.statusOf(2).Rows--
			return []string{"misreported " + r.w.Files[2].Name}
		},
		"wrong sum": func(r *run) []string {
			r.statusOf(2).Applied--
			return []string{"misreported " + r.w.Files[2].Name}
		},
		"rejected miscounted": func(r *run) []string {
			s := r.statusOf(2)
			s.Applied--
			s.Rejected++
			return []string{"misreported " + r.w.Files[2].Name}
		},
		"never completed": func(r *run) []string {
			s := r.statusOf(2)
			s.State, s.Completed = "loading", false
			return []string{"misreported " + r.w.Files[2].Name}
		},
		"nothing said of a file": func(r *run) []string {
			name := r.w.Files[2].Name
			for i, s := range r.status {
				if s.File == name {
					r.status = append(r.status[:i:i], r.status[i+1:]...)
					break
				}
			}
			return []string{"misreported " + name}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, nil).story()
			r.expect.DeadLetterQueues = []string{"records.dead"}
			want := spoil(r)
			result := r.judged()
			require.Equal(t, want, r.found(result), result.Findings)
			require.Equal(t, Invalid, result.Verdict)
			for _, f := range result.Findings {
				if f.Key != "" && f.Version > 0 && f.Class != Unexpected {
					require.NotEmpty(t, f.File)
					require.Positive(t, f.Line)
				}
			}
		})
	}
}

// TestDeletionOvertakenByASnapshot: the snapshot was settled before a row of an
// older file came. The record was deleted already, as snapshots delete: without
// a word to downstream.
func TestDeletionOvertakenByASnapshot(t *testing.T) {
	for name, test := range map[string]struct {
		fullEvery   int
		change      func(r *run, number, version int)
		unconfirmed bool
	}{
		"the mark stands on the version before": {
			fullEvery: 3,
			change:    func(r *run, number, version int) { r.rows[number][0].Version = version - 1 },
		},
		"rows are removed": {
			fullEvery: 3,
			change:    func(r *run, number, version int) { delete(r.rows, number) },
		},
		"the mark is the deletion's own": {
			fullEvery:   3,
			change:      func(*run, int, int) {},
			unconfirmed: true,
		},
		"no snapshot came later": {
			change:      func(r *run, number, version int) { r.rows[number][0].Version = version - 1 },
			unconfirmed: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, func(c *workload.Config) { c.FullEvery, c.Files, c.DeletePercent = test.fullEvery, 4, 30 }).story()
			op := r.pick(func(op workload.Op, ops []workload.Op) bool {
				return op.Delete && !op.Implied && len(ops) == 2 && op == ops[1] && ops[0].Accept == workload.Acceptable &&
					r.fileOf(int(op.Number), int(op.Version)) < 3 // the third file of the trial may be a snapshot
			})
			number, version := int(op.Number), int(op.Version)
			r.drop(&r.confirmations, number, version)
			test.change(r, number, version)
			want := []string{}
			if test.unconfirmed {
				want = append(want, fmt.Sprintf("%s %d/%d", Unconfirmed, number, version))
			}
			result := r.judged()
			require.Equal(t, want, r.found(result), result.Findings)
		})
	}
}

// single2 is another insert that nothing follows.
func (r *run) single2(not int) int {
	return int(r.pick(func(op workload.Op, ops []workload.Op) bool {
		return len(ops) == 1 && op.Accept == workload.Acceptable && int(op.Number) != not
	}).Number)
}
