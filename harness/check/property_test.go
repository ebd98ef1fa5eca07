package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// TestPlantedIsFoundExactly spoils random runs at random places: exactly what
// was planted must be found, and the fates add up (run.judged holds that).
func TestPlantedIsFoundExactly(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for round := range rounds {
		seed := uint64(round)*7919 + 1
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			r := newRun(t, func(c *workload.Config) {
				*c = workload.Config{
					Seed: random.Uint64(), Tag: "PR0P", Files: 1 + random.IntN(8), RecordsPerFile: 5 + random.IntN(60),
					UpdatePercent: random.IntN(70), DeletePercent: random.IntN(30), RejectPercent: random.IntN(20), FullEvery: random.IntN(5),
					KeyShape: []string{workload.TokenKeys, workload.DigitKeys, workload.MixedKeys}[random.IntN(3)], Control: 3, Sentinel: 1,
				}
				if random.IntN(2) == 0 {
					return
				}
				some := func() int { return random.IntN(4) * random.IntN(4) }
				c.UpdatePercent, c.RecreatePercent = c.UpdatePercent*4/5, some()
				c.Hostile = workload.Hostile{
					EncodingPercent: some(), NULPercent: some(), MarkupPercent: some(), MixedPercent: some(),
					BOMEvery: some(), CRLFEvery: some(), EmptyEvery: some(), BlankEvery: some(), CopiesEvery: some(),
				}
				c.Uploads = workload.Uploads{CutEvery: some(), SlowEvery: some(), AgainEvery: some(), SameNameEvery: some(), LateEvery: some()}
			})
			// Some files are acknowledged, some are not and arrive or do not.
			outcomes := map[int]bool{} // acknowledged
			r.control()
			outcomes[0] = true
			for _, d := range r.w.Drops() {
				i := d.File
				switch draw := random.IntN(10); {
				case d.How == workload.Cut:
					r.send(i, history.Info)
				case d.How == workload.Start || d.How == workload.Again && !outcomes[i]:
				case d.How == workload.Again:
					r.send(i, history.OK)
				case draw == 0 && i > 1:
					r.send(i, history.Info)
					r.apply(i)
				case draw == 1 && i > 1:
					r.send(i, []history.Phase{history.Info, history.Fail}[random.IntN(2)])
				default:
					r.deliver(i)
					outcomes[i] = true
				}
				if random.IntN(2) == 0 {
					r.look(history.Documents)
				}
			}
			r.fault()
			r.sentinel()
			outcomes[len(r.w.Files)-1] = true
			want := plant(r, random, outcomes)
			result := r.judged()
			// What the import says of files is another matter: see TestFindings.
			found := without(r.found(result), Misreported)
			slices.Sort(found)
			slices.Sort(want)
			require.Equal(t, want, found, "%+v", result.Findings)
		})
	}
}

// plant spoils records that are in effect as their last acknowledged,
// acceptable operation left them. It returns what must be found.
func plant(r *run, random *rand.Rand, outcomes map[int]bool) (want []string) {
	last := map[int]workload.Op{}
	before := map[int][]workload.Op{}
	for i, f := range r.w.Files {
		for _, op := range f.Ops {
			if outcomes[i] && op.Accept == workload.Acceptable {
				last[int(op.Number)] = op
			}
			before[int(op.Number)] = append(before[int(op.Number)], op)
		}
	}
	numbers := random.Perm(r.w.Records())
	for _, n := range numbers[:len(numbers)/3] {
		op, ok := last[n]
		if !ok || len(r.rows[n]) != 1 || r.rows[n][0].Version != int(op.Version) || r.rows[n][0].Deleted || op.Delete {
			continue // something else is in effect: an indeterminate operation, or a deletion
		}
		higher := slices.ContainsFunc(before[n], func(o workload.Op) bool { return o.Version > op.Version })
		v := int(op.Version)
		switch random.IntN(8) {
		case 0:
			if higher {
				continue // a deletion that may have come explains the absence
			}
			delete(r.rows, n)
			delete(r.documents, n)
			want = append(want, finding(Lost, n, v))
		case 1:
			r.rows[n] = append(r.rows[n], r.rows[n][0])
			want = append(want, finding(Duplicated, n, v))
		case 2:
			if v == 1 || before[n][0].Accept != workload.Acceptable || !outcomes[r.fileOf(n, 1)] {
				continue
			}
			seen := slices.ContainsFunc(r.stored.Events, func(e history.Event) bool { return e.Act == history.Observe })
			if seen {
				continue // it may be out of order as well
			}
			r.older(r.rows, n, 1)
			r.older(r.documents, n, 1)
			want = append(want, finding(Stale, n, v))
		case 3:
			delete(r.documents, n)
			if higher {
				r.documents[n] = []history.Entry{{Number: n, Version: v, Fields: r.content(n, v)}}
				continue
			}
			want = append(want, finding(Invisible, n, v))
		case 4:
			r.rows[n][0].Fields = r.w.Record(n, v+1).Map()
			want = append(want, finding(Altered, n, v))
		case 5:
			r.drop(&r.confirmations, n, v)
			want = append(want, finding(Unconfirmed, n, v))
		case 6:
			r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: v, Op: workload.Upsert})
			want = append(want, finding(Duplicated, n, v))
		case 7:
			r.queued = append(r.queued, history.Entry{Number: n, Version: v, Where: "queue records"})
			want = append(want, finding(Stalled, n, v))
		}
	}
	return want
}
