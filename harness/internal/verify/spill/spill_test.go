package spill

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/workload"
)

func some(n int) []Record {
	random := rand.New(rand.NewPCG(1, 2))
	var records []Record
	for i := range n {
		r := Record{Key: fmt.Appendf(nil, "k%03d", random.IntN(n/3+1)), Version: random.Int64N(4) - 1, Order: uint64(i), File: i % 3, Line: i, Deleted: i%7 == 0}
		if i%2 == 0 {
			r.Where = []byte("somewhere")
			r.Content = []workload.Value{{Text: "", There: true}, {}, {Text: "é\x00", There: true}}
		}
		records = append(records, r)
	}
	return records
}

func drain(t *testing.T, r *Reader) (records []Record) {
	t.Helper()
	for {
		next, err := r.Next()
		if err == io.EOF {
			return records
		}
		require.NoError(t, err)
		c := *next
		c.Key, c.Where, c.Content = slices.Clone(c.Key), slices.Clone(c.Where), slices.Clone(c.Content)
		if len(c.Where) == 0 {
			c.Where = nil
		}
		if len(c.Content) == 0 {
			c.Content = nil
		}
		records = append(records, c)
	}
}

// However little fits into memory, and however few runs are merged at once, the
// order is the same and nothing is missing.
func TestSorts(t *testing.T) {
	for _, c := range []struct{ n, limit, width int }{{0, 100, 2}, {1, 100, 2}, {500, 1 << 20, 256}, {500, 700, 256}, {500, 300, 2}, {2000, 50, 3}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			folder := t.TempDir()
			s := New(folder)
			defer s.Close()
			s.limit, s.width = c.limit, c.width
			want := some(c.n)
			for i := range want {
				require.NoError(t, s.Add(&want[i]))
			}
			require.Equal(t, c.n, s.Len())
			reader, err := s.Sorted()
			require.NoError(t, err)
			got := drain(t, reader)
			slices.SortFunc(want, func(a, b Record) int { return compare(&a, &b) })
			require.Equal(t, want, got)
			left, err := os.ReadDir(folder)
			require.NoError(t, err)
			require.Empty(t, left, "nothing has a name that could stay behind")
		})
	}
}

// full is a disk without room for more than a few bytes.
type full struct {
	store
	left int
}

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("no space left on device")
	}
	return f.store.Write(p)
}

func TestNoRoomToSpill(t *testing.T) {
	for _, room := range []int{0, 3000, 20000} { // for no run; for some; while they are merged
		s := New(t.TempDir())
		s.limit, s.width = 1000, 2
		create := s.create
		s.create = func() (store, error) {
			file, err := create()
			return &full{file, room}, err
		}
		records := some(400)
		var err error
		for i := range records {
			if err = s.Add(&records[i]); err != nil {
				break
			}
		}
		if err == nil {
			s.create = func() (store, error) {
				file, err := create()
				return &full{file, 100}, err
			}
			_, err = s.Sorted()
		}
		require.ErrorContains(t, err, "no space left on device (it needs about as much room as what is compared: make some, or name another folder)")
		s.Close()
	}
	s := New("/nowhere")
	s.limit = 1
	require.ErrorContains(t, s.Add(&Record{}), "spill to /nowhere")
}

// broken is a disk that gives back something else.
type broken struct{ store }

func (b broken) ReadAt(p []byte, at int64) (int, error) {
	n, err := b.store.ReadAt(p, at)
	for i := range n / 2 {
		p[i] = 0xff
	}
	return n, err
}

func TestWhatDoesNotComeBackIsAnError(t *testing.T) {
	s := New(t.TempDir())
	create := s.create
	s.create = func() (store, error) {
		file, err := create()
		return broken{file}, err
	}
	records := some(50)
	for i := range records {
		require.NoError(t, s.Add(&records[i]))
	}
	_, err := s.Sorted()
	require.ErrorContains(t, err, "spill to")
	s.Close()
}

func FuzzRecord(f *testing.F) {
	for _, r := range some(10) {
		f.Add(r.appendTo(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var r, again Record
		if r.decode(raw) != nil {
			return
		}
		require.NoError(t, again.decode(r.appendTo(nil)))
		require.Equal(t, r, again)
	})
}
