package check

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// large stores the run of a careful pipeline without holding its content in
// memory: files of 5,000 rows, ten light reads of the documents.
func large(b *testing.B, records int) *history.Run {
	b.Helper()
	config := workload.Default(5, "B1G0")
	config.Files, config.RecordsPerFile = max(1, records/5000), min(records, 5000)
	r := newRun(b, func(c *workload.Config) { *c = config })
	r.expect.Confirmations, r.expect.DeadLetters, r.expect.Status, r.expect.Queues = false, false, false, false
	last := make([]workload.Op, r.w.Records())
	for _, f := range r.w.Files {
		for _, op := range f.Ops {
			last[op.Number] = op
		}
	}
	store := func(place string, final bool) {
		r.read(place, final, true, func(obs *history.Observation) {
			obs.File = "observed/" + place + "-" + number(obs.N) + ".jsonl.gz"
			file, err := os.Create(filepath.Join(r.stored.Dir, obs.File))
			require.NoError(b, err)
			zip, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
			encoder := json.NewEncoder(zip)
			encoder.SetEscapeHTML(false)
			for n, op := range last {
				if op.Delete && place == history.Documents {
					continue
				}
				e := history.Entry{Number: n, Version: int(op.Version), Deleted: op.Delete}
				if final && !op.Delete {
					e.Fields = r.w.Record(n, e.Version).Map()
				}
				require.NoError(b, encoder.Encode(e))
				obs.Entries++
			}
			require.NoError(b, zip.Close())
			require.NoError(b, file.Close())
		})
	}
	r.control()
	for i, f := range r.w.Files {
		if f.Kind == workload.Trial {
			r.send(i, history.OK)
		}
	}
	r.fault()
	r.send(len(r.w.Files)-1, history.OK)
	r.act(history.Sentinel, "", history.OK, nil)
	r.act(history.Quiet, "", history.OK, nil)
	for range 10 {
		store(history.Documents, false)
	}
	r.unread = map[string]bool{
		history.Inbox: true, history.Queues: true, history.Queued: true, history.DeadLetters: true, history.Rows: true,
		history.Documents: true, history.Confirmations: true, history.Status: true,
	}
	store(history.Rows, true)
	store(history.Documents, true)
	return r.final()
}

func benchmarkJudge(b *testing.B, records int) {
	stored := large(b, records)
	b.ReportAllocs()
	before := used(b)
	for b.Loop() {
		result, err := Judge(stored)
		require.NoError(b, err)
		require.Equal(b, Valid, result.Verdict, result.Reason)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/run")
	b.ReportMetric((used(b)-before).Seconds()/float64(b.N), "cpu-s/run")
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB")
}

// used is the processor time of this process: what a busy machine does not blur.
func used(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Two final reads with content and ten light ones.
func BenchmarkJudgeDefault(b *testing.B) { benchmarkJudge(b, 5000) }
func BenchmarkJudgeMillion(b *testing.B) { benchmarkJudge(b, 1_000_000) }
