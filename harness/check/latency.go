package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial/harness/history"
)

// late judges operations that readers saw for good only after the deadline.
func (j *judge) late() {
	if j.expect.DeadlineSeconds == 0 || j.index == nil {
		return
	}
	limit := int64(j.expect.DeadlineSeconds * float64(time.Second))
	for number := range j.l.w.Records() {
		ops := j.l.of(number)
		for i := range ops {
			o := &ops[i]
			if o.missed < 0 || o.since < 0 || o.hurt || !o.good() {
				continue
			}
			due := max(j.l.files[o.file].acked, j.course.repaired) + limit
			missed := j.reads[o.missed]
			if missed.Begin > due {
				j.find(Invisible, number, int(o.version), o, "documents, late", fmt.Sprintf(
					"the deadline passed at %s; read %d of the documents, begun at %s, did not show it yet", seconds(due), missed.N, seconds(missed.Begin)))
			}
		}
	}
}

func seconds(ns int64) string { return fmt.Sprintf("%.3f s", float64(ns)/1e9) }

// inSeconds rounds to milliseconds: reads take longer than that.
func inSeconds(ns int64) float64 { return float64(max(0, ns)/1e6) / 1e3 }

// latency adds up the stable latencies. There are as many different ones as
// files times reads, so nothing is held per operation.
func (j *judge) latency() *Latency {
	if len(j.reads) < 2 || !slices.ContainsFunc(j.reads[:len(j.reads)-1], func(r history.Read) bool { return r.Whole }) {
		return nil
	}
	byFile := make([]map[[2]int32]int, len(j.l.files))
	for i := range j.l.ops {
		o := &j.l.ops[i]
		if o.since < 0 || o.accept != acceptable {
			continue
		}
		if byFile[o.file] == nil {
			byFile[o.file] = map[[2]int32]int{}
		}
		byFile[o.file][[2]int32{o.since, o.missed}]++
	}
	l := &Latency{Reads: len(j.reads)}
	var bins []bin
	for index, reads := range byFile {
		if reads == nil {
			continue
		}
		acked := j.l.files[index].acked
		f := FileLatency{File: j.l.files[index].name}
		slowest := int32(-1)
		var own []bin
		for pair, count := range reads {
			since, missed := pair[0], pair[1]
			own = append(own, bin{inSeconds(j.reads[since].End - acked), count})
			f.Operations += count
			if since < slowest {
				continue
			}
			if since > slowest {
				f.AtLeast, f.AbsentRead = 0, 0
			}
			slowest = since
			f.Seconds, f.VisibleRead = inSeconds(j.reads[since].End-acked), j.reads[since].N
			if missed >= 0 {
				if least := inSeconds(j.reads[missed].Begin - acked); least > f.AtLeast {
					f.AtLeast, f.AbsentRead = least, j.reads[missed].N
				}
			}
		}
		own = sorted(own)
		f.P50, f.P95 = quantile(own, f.Operations, 0.5), quantile(own, f.Operations, 0.95)
		if j.l.w.Files[index].Kind == trialKind {
			bins = append(bins, own...)
			l.Operations += f.Operations
		}
		l.Files = append(l.Files, f)
	}
	bins = sorted(bins)
	l.P50, l.P95, l.P99 = quantile(bins, l.Operations, 0.5), quantile(bins, l.Operations, 0.95), quantile(bins, l.Operations, 0.99)
	l.Max = quantile(bins, l.Operations, 1)
	return l
}

// bin is a latency and how many operations had it.
type bin struct {
	seconds float64
	count   int
}

func sorted(bins []bin) []bin {
	slices.SortFunc(bins, func(a, b bin) int { return cmp.Compare(a.seconds, b.seconds) })
	return bins
}

// quantile returns a quantile of sorted bins with so many operations in all; 0 of none.
func quantile(bins []bin, operations int, q float64) float64 {
	rest := int(q * float64(operations))
	for _, b := range bins {
		if rest -= b.count; rest < 0 {
			return b.seconds
		}
	}
	if len(bins) == 0 {
		return 0
	}
	return bins[len(bins)-1].seconds
}
