package spill

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// longest is how many bytes a record can have: several fields as long as a row.
const longest = 64 << 20

// Reader returns records in order.
type Reader struct {
	sources sources
	failed  func(error) error
	record  Record
	left    int // records that are still due; -1: nobody counts
	moved   bool
}

// source is a run under way: its first record that was not taken.
type source struct {
	in   *bufio.Reader
	raw  []byte
	head Record // key, version and order only
}

func (s *Sorter) merged(from io.ReaderAt, parts []part, records int) (*Reader, error) {
	r := &Reader{failed: s.failed, left: records}
	buffer := min(max(mergeBytes/max(len(parts), 1), 4<<10), 256<<10)
	for _, p := range parts {
		next := &source{in: bufio.NewReaderSize(io.NewSectionReader(from, p.offset, p.length), buffer)}
		if err := next.advance(); err != nil {
			return nil, s.failed(unexpected(err))
		}
		r.sources = append(r.sources, next)
	}
	heap.Init(&r.sources)
	return r, nil
}

// Next returns the next record, valid until the call after it; io.EOF at the end.
func (r *Reader) Next() (*Record, error) {
	raw, err := r.raw()
	if err == io.EOF {
		if r.left > 0 {
			return nil, r.failed(fmt.Errorf("%d records did not come back", r.left))
		}
		return nil, io.EOF
	}
	if err == nil {
		err = r.record.decode(raw)
	}
	if err != nil {
		return nil, r.failed(err)
	}
	r.left--
	return &r.record, nil
}

// raw returns the next record as it was written.
func (r *Reader) raw() ([]byte, error) {
	if r.moved { // only now: what was returned was valid until this call
		switch err := r.sources[0].advance(); {
		case err == io.EOF:
			heap.Pop(&r.sources)
		case err != nil:
			return nil, err
		default:
			heap.Fix(&r.sources, 0)
		}
	}
	if r.moved = len(r.sources) > 0; !r.moved {
		return nil, io.EOF
	}
	return r.sources[0].raw, nil
}

// advance reads the next record of a run; io.EOF where it has none.
func (s *source) advance() error {
	length, err := binary.ReadUvarint(s.in)
	if err != nil {
		return err
	}
	if length > longest {
		return errCorrupt
	}
	if uint64(cap(s.raw)) < length {
		s.raw = make([]byte, length)
	}
	s.raw = s.raw[:length]
	if _, err := io.ReadFull(s.in, s.raw); err != nil {
		return unexpected(err)
	}
	head := cursor{raw: s.raw}
	head.order(&s.head)
	if head.bad {
		return errCorrupt
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sources are a heap, the run with the first record on top.
type sources []*source

func (s sources) Len() int           { return len(s) }
func (s sources) Less(i, j int) bool { return compare(&s[i].head, &s[j].head) < 0 }
func (s sources) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)        { *s = append(*s, x.(*source)) }
func (s *sources) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
