package spill

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	runBytes   = 12 << 20 // collected before they are sorted and written
	mergeBytes = 4 << 20  // of buffers, shared by the runs that are merged
	widest     = 256      // runs that are merged at once
)

// Sorter takes records in any order.
type Sorter struct {
	folder string
	create func() (store, error)
	limit  int // runBytes, in tests less
	width  int // widest, in tests less

	arena   []byte
	entries []entry
	runs    runs
	records int
	bytes   int64 // written so far
}

// store is a temporary file.
type store interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// entry is a record in the arena.
type entry struct{ begin, end int }

// runs are sorted parts of one store.
type runs struct {
	store store
	parts []part
	size  int64
}

type part struct{ offset, length int64 }

// New returns a sorter that spills into a folder.
func New(folder string) *Sorter {
	s := &Sorter{folder: folder, limit: runBytes, width: widest}
	s.create = func() (store, error) {
		file, err := os.CreateTemp(folder, ".seatrial-spill-*")
		if err != nil {
			return nil, err
		}
		// Open, and without a name: it goes with the process.
		if err := os.Remove(file.Name()); err != nil {
			file.Close()
			return nil, err
		}
		return file, nil
	}
	return s
}

// failed says what to do where the disk is the problem.
func (s *Sorter) failed(err error) error {
	return fmt.Errorf("spill to %s: %w (it needs about as much room as what is compared: make some, or name another folder)", s.folder, err)
}

// Add takes a copy of a record.
func (s *Sorter) Add(r *Record) error {
	begin := len(s.arena)
	if s.arena == nil {
		s.arena = make([]byte, 0, s.limit+s.limit/8)
	}
	s.arena = r.appendTo(s.arena)
	s.entries = append(s.entries, entry{begin, len(s.arena)})
	s.records++
	if len(s.arena) < s.limit {
		return nil
	}
	return s.write()
}

// Len returns how many records were added.
func (s *Sorter) Len() int { return s.records }

// Bytes returns how many bytes were written to disk.
func (s *Sorter) Bytes() int64 { return s.bytes }

// compare puts two records in their order.
func compare(a, b *Record) int {
	return cmp.Or(bytes.Compare(a.Key, b.Key), cmp.Compare(b.Version, a.Version), cmp.Compare(b.Order, a.Order))
}

// write sorts what was collected and writes it as a run.
func (s *Sorter) write() error {
	slices.SortFunc(s.entries, func(a, b entry) int {
		var x, y Record
		(&cursor{raw: s.arena[a.begin:a.end]}).order(&x)
		(&cursor{raw: s.arena[b.begin:b.end]}).order(&y)
		return compare(&x, &y)
	})
	if s.runs.store == nil {
		made, err := s.create()
		if err != nil {
			return s.failed(err)
		}
		s.runs.store = made
	}
	out := s.runs.begin()
	for _, e := range s.entries {
		if err := out.add(s.arena[e.begin:e.end]); err != nil {
			return s.failed(err)
		}
	}
	if err := out.end(); err != nil {
		return s.failed(err)
	}
	s.bytes += out.length
	s.arena, s.entries = s.arena[:0], s.entries[:0]
	return nil
}

// writing is a run that is being written.
type writing struct {
	to     *runs
	out    *bufio.Writer
	length int64
	size   [binary.MaxVarintLen64]byte
}

func (r *runs) begin() *writing { return &writing{to: r, out: bufio.NewWriterSize(r.store, 1<<16)} }

func (w *writing) add(raw []byte) error {
	n := binary.PutUvarint(w.size[:], uint64(len(raw)))
	if _, err := w.out.Write(w.size[:n]); err != nil {
		return err
	}
	_, err := w.out.Write(raw)
	w.length += int64(n + len(raw))
	return err
}

func (w *writing) end() error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	w.to.parts = append(w.to.parts, part{w.to.size, w.length})
	w.to.size += w.length
	return nil
}

// Sorted returns the records in order. Nothing can be added any more.
func (s *Sorter) Sorted() (*Reader, error) {
	if len(s.entries) > 0 {
		if err := s.write(); err != nil {
			return nil, err
		}
	}
	s.arena, s.entries = nil, nil
	for len(s.runs.parts) > s.width {
		if err := s.narrow(); err != nil {
			return nil, err
		}
	}
	return s.merged(s.runs.store, s.runs.parts, s.records)
}

// narrow merges the runs, as many at a time as can be, into fewer.
func (s *Sorter) narrow() error {
	made, err := s.create()
	if err != nil {
		return s.failed(err)
	}
	fewer := runs{store: made}
	for group := range slices.Chunk(s.runs.parts, s.width) {
		out := fewer.begin()
		in, err := s.merged(s.runs.store, group, -1)
		if err == nil {
			for {
				var raw []byte
				if raw, err = in.raw(); err != nil {
					break
				}
				if err = out.add(raw); err != nil {
					break
				}
			}
		}
		if err == io.EOF {
			err = out.end()
		}
		if err != nil {
			made.Close()
			return s.failed(err)
		}
		s.bytes += out.length
	}
	s.runs.store.Close()
	s.runs = fewer
	return nil
}

// Close gives the room on disk back.
func (s *Sorter) Close() {
	if s.runs.store != nil {
		s.runs.store.Close()
		s.runs.store = nil
	}
	s.arena, s.entries = nil, nil
}
