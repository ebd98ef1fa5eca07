package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

func hostile(c *workload.Config) {
	c.Files, c.RecordsPerFile, c.FullEvery, c.RecreatePercent = 14, 40, 5, 8
	c.Hostile = workload.Hostile{EncodingPercent: 5, NULPercent: 5, MarkupPercent: 5, MixedPercent: 8, BOMEvery: 4, CRLFEvery: 4, EmptyEvery: 5, BlankEvery: 7, CopiesEvery: 3}
	c.Uploads = workload.Uploads{CutEvery: 5, SlowEvery: 5, AgainEvery: 3, SameNameEvery: 3, LateEvery: 4}
}

// unusual is a run of a careful pipeline on which everything unusual is tried.
func unusual(t *testing.T, spoil func(r *run)) (*run, Result) { return try(t, hostile, spoil) }

func try(t *testing.T, change func(*workload.Config), spoil func(r *run)) (*run, Result) {
	r := newRun(t, change)
	r.control()
	r.drops()
	r.fault()
	r.sentinel()
	if spoil != nil {
		spoil(r)
	}
	return r, r.judged()
}

func TestUnusualDataAndUploadsAreValid(t *testing.T) {
	r, result := unusual(t, nil)
	require.Equal(t, Valid, result.Verdict, "%s %v", result.Reason, r.found(result))
	require.Positive(t, result.Fates[DeadLettered])
	// An operation is one, however often its row stands in the file and however often that is dropped.
	require.Equal(t, r.w.Operations(), result.Counts[Attempted])
	require.Equal(t, r.w.Operations(), result.Counts[OK])
}

func TestWhatBecomesOfUnusualRows(t *testing.T) {
	// last is an operation that nothing follows.
	last := func(r *run, is func(workload.Op) bool) workload.Op {
		return r.pick(func(op workload.Op, ops []workload.Op) bool { return op == ops[len(ops)-1] && is(op) })
	}
	for name, c := range map[string]struct {
		spoil func(r *run) []string
	}{
		"a row with a zero byte left no trace": {func(r *run) []string {
			op := last(r, func(op workload.Op) bool { return op.Twist == workload.NUL && op.Version == 1 })
			n, v := int(op.Number), int(op.Version)
			r.drop(&r.dead, n, v)
			r.statusOf(r.fileOf(n, v)).Rejected--
			return []string{finding(Lost, n, v)}
		}},
		"a row with a zero byte is kept as it is": {func(r *run) []string {
			op := last(r, func(op workload.Op) bool { return op.Twist == workload.NUL && op.Version == 1 })
			r.drop(&r.dead, int(op.Number), int(op.Version))
			status := r.statusOf(r.fileOf(int(op.Number), int(op.Version)))
			status.Rejected--
			status.Applied++
			r.applyOp(op)
			return nil
		}},
		"what may be rejected was stored, and readers do not see it": {func(r *run) []string {
			op := last(r, func(op workload.Op) bool { return op.Twist == workload.NUL && op.Version == 1 })
			r.drop(&r.dead, int(op.Number), int(op.Version))
			status := r.statusOf(r.fileOf(int(op.Number), int(op.Version)))
			status.Rejected--
			status.Applied++
			r.applyOp(op)
			delete(r.documents, int(op.Number))
			return []string{finding(Invisible, int(op.Number), int(op.Version))}
		}},
		"what is not UTF-8 is in effect": {func(r *run) []string {
			op := last(r, func(op workload.Op) bool { return op.Twist == workload.Encoding && op.Version == 1 })
			r.applyOp(op)
			return []string{finding(Unexpected, int(op.Number), int(op.Version))}
		}},
		"an unknown date became one": {func(r *run) []string {
			op := last(r, func(op workload.Op) bool { return op.Twist == workload.Mixed })
			r.rows[int(op.Number)][0].Fields["birth_date"] = "1970-01-01"
			return []string{finding(Altered, int(op.Number), int(op.Version))}
		}},
		"a formula was defused": {func(r *run) []string {
			op := last(r, func(op workload.Op) bool { return op.Twist == workload.Markup })
			fields := r.rows[int(op.Number)][0].Fields
			fields["note"] = "'" + fields["note"]
			return []string{finding(Altered, int(op.Number), int(op.Version))}
		}},
		"what came back is still deleted": {func(r *run) []string {
			op := r.pick(func(op workload.Op, ops []workload.Op) bool {
				i := len(ops) - 1
				return i > 0 && op == ops[i] && ops[i-1].Delete && !ops[i-1].Implied && op.Accept == workload.Acceptable
			})
			n, v := int(op.Number), int(op.Version)
			r.rows[n] = []history.Entry{{Number: n, Version: v - 1, Deleted: true, Where: "people"}}
			delete(r.documents, n)
			r.drop(&r.confirmations, n, v)
			return []string{finding(Lost, n, v)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			r, result := unusual(t, func(r *run) { want = c.spoil(r) })
			require.ElementsMatch(t, want, without(r.found(result), Misreported))
		})
	}
}

func TestFilesOfOneNameAreToldApartByTheirRows(t *testing.T) {
	names := func(c *workload.Config) { c.Uploads.SameNameEvery = 3 }
	second := func(r *run) int {
		for i := 1; i < len(r.w.Files); i++ {
			if r.w.Files[i].Name == r.w.Files[i-1].Name {
				return i
			}
		}
		t.Fatal("no two files of one name")
		return 0
	}
	statusOf := func(r *run, index int) int {
		for i, status := range r.status {
			if status.File == r.w.Files[index].Name && status.Rows == r.w.Files[index].Rows() {
				return i
			}
		}
		t.Fatal("no status")
		return 0
	}
	t.Run("one is not said to be completed", func(t *testing.T) {
		r, result := try(t, names, func(r *run) { r.status[statusOf(r, second(r))].Completed = false })
		require.Equal(t, []string{"misreported " + r.w.Files[second(r)].Name}, r.found(result))
		require.Contains(t, result.Findings[0].Evidence, "everything of the file is where it belongs")
	})
	t.Run("one was never imported", func(t *testing.T) {
		_, result := try(t, names, func(r *run) {
			index := second(r)
			at := statusOf(r, index)
			r.status = append(r.status[:at], r.status[at+1:]...)
			for _, op := range r.w.Files[index].Ops {
				if ops := r.w.Files[index].Ops; len(ops) > 0 && op.Version == 1 && op.Accept == workload.Acceptable {
					r.forget(int(op.Number))
				}
			}
		})
		require.Positive(t, result.Counts[Lost])
		require.Zero(t, result.Counts[Misreported])
	})
	t.Run("rows that are of neither tell nothing", func(t *testing.T) {
		_, result := try(t, names, func(r *run) { r.status[statusOf(r, second(r))].Rows = 1 })
		require.Equal(t, Valid, result.Verdict, result.Reason)
	})
}

// Two deletions of a record were sent and it came back between them: that it was
// not there is no proof that the second had been carried out.
func TestARecordThatComesBackBetweenTwoDeletionsIsNotResurrected(t *testing.T) {
	r := newRun(t, func(c *workload.Config) { c.Files, c.DeletePercent, c.RecreatePercent, c.FullEvery = 16, 12, 12, 4 })
	returned := r.pick(func(op workload.Op, ops []workload.Op) bool {
		for i := range ops {
			if ops[i] == op {
				return i > 0 && i < len(ops)-1 && ops[i-1].Delete && ops[i+1].Delete && op.Accept == workload.Acceptable
			}
		}
		return false
	})
	first := r.fileOf(int(returned.Number), int(returned.Version)-1)
	back := r.fileOf(int(returned.Number), int(returned.Version))
	second := r.fileOf(int(returned.Number), int(returned.Version)+1)
	r.control()
	for i := 1; i < len(r.w.Files)-1; i++ {
		switch i {
		case back: // comes after the second deletion was sent
			r.send(second, history.OK)
			r.look(history.Documents)
			r.deliver(i)
			r.look(history.Documents)
		case second:
			r.apply(i)
		default:
			r.deliver(i)
			if i < first || i > back { // nobody looked right after the first
				r.look(history.Documents)
			}
		}
	}
	r.fault()
	r.sentinel()
	result := r.judged()
	require.Equal(t, Valid, result.Verdict, "%v", r.found(result))
}
