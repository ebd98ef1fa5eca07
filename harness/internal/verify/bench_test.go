package verify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// BenchmarkCompare compares records that are made while they are read, of files as
// of places, so that the memory is that of the comparison alone:
//
//	SEATRIAL_VERIFY_ROWS=10000000 go test -run - -bench Compare -benchtime 1x ./harness/internal/verify
//
// peak-MiB is the highest of the process (on Linux as the kernel counts it).
func BenchmarkCompare(b *testing.B) {
	n := 100_000
	if rows, err := strconv.Atoi(os.Getenv("SEATRIAL_VERIFY_ROWS")); err == nil {
		n = rows
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	for b.Loop() {
		in := Inputs{Sent: Sent{Name: "made", Folder: madeFolder{n: n}, Format: people(nil)}, Rows: madePlace(history.Rows, n), Documents: madePlace(history.Documents, n)}
		result, err := Compare(b.Context(), in, Options{Spill: b.TempDir()})
		require.NoError(b, err)
		require.Equal(b, check.Valid, result.Verdict, result.Reason)
		require.Equal(b, n, result.Counts[check.OK])
		b.ReportMetric(float64(result.SpilledBytes)/float64(n), "spilled-B/record")
		result.Close()
	}
	b.ReportMetric(float64(PeakBytes())/(1<<20), "peak-MiB")
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// made is the content of record i, in an order that is not that of the keys.
func made(i, n int) (key, name string) {
	at := i * 7919 % n
	return fmt.Sprintf("K%09d", at), fmt.Sprintf("Name of the record number %d", at)
}

type madeFolder struct {
	fstest.MapFS
	n int
}

func (f madeFolder) ReadDir(string) ([]fs.DirEntry, error) {
	return fstest.MapFS{"1-A.csv": {Data: []byte("x"), ModTime: time.Unix(1, 0)}}.ReadDir(".")
}

func (f madeFolder) Open(string) (fs.File, error) {
	return &madeFile{n: f.n, rest: *bytes.NewBufferString(head)}, nil
}

type madeFile struct {
	fs.File
	i, n int
	rest bytes.Buffer
}

func (f *madeFile) Close() error { return nil }
func (f *madeFile) Read(p []byte) (int, error) {
	for f.rest.Len() < len(p) && f.i < f.n {
		key, name := made(f.i, f.n)
		fmt.Fprintf(&f.rest, "%s,1,upsert,%s,1990-01-01\n", key, name)
		f.i++
	}
	if f.rest.Len() == 0 {
		return 0, io.EOF
	}
	return f.rest.Read(p)
}

func madePlace(name string, n int) *Place {
	return &Place{Name: name, Fields: []int{surname, born}, Read: func(_ context.Context, add func(*spill.Record) error) error {
		r := spill.Record{Version: 1, Content: make([]workload.Value, len(workload.Fields))}
		for i := range n {
			key, name := made(i, n)
			r.Key, r.Where = append(r.Key[:0], key...), fmt.Appendf(r.Where[:0], "people (%d,%d)", i/100, i%100)
			r.Content[surname], r.Content[born] = workload.Value{Text: name, There: true}, workload.Value{Text: "1990-01-01", There: true}
			if err := add(&r); err != nil {
				return err
			}
		}
		return nil
	}}
}
