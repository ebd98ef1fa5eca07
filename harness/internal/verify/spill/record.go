package spill

import (
	"encoding/binary"
	"errors"

	"github.com/seatrial/seatrial/harness/workload"
)

// Record is a record of any place. What is no text of its own is 0 where a place
// does not say it.
type Record struct {
	Key     []byte
	Version int64  // -1: not told
	Order   uint64 // of two with the same version, the one that came later has the higher
	Deleted bool
	File    int // number of the file, as the reader counts them
	Line    int
	Where   []byte // as evidence
	Content []workload.Value
}

// errCorrupt says that what was spilled is not what is read back.
var errCorrupt = errors.New("a spilled record cannot be read back")

// appendTo writes the record so that decode reads it.
func (r *Record) appendTo(out []byte) []byte {
	out = appendBytes(out, r.Key)
	out = binary.AppendVarint(out, r.Version)
	out = binary.AppendUvarint(out, r.Order)
	deleted := byte(0)
	if r.Deleted {
		deleted = 1
	}
	out = append(out, deleted)
	out = binary.AppendUvarint(out, uint64(r.File))
	out = binary.AppendUvarint(out, uint64(r.Line))
	out = appendBytes(out, r.Where)
	out = binary.AppendUvarint(out, uint64(len(r.Content)))
	for _, value := range r.Content {
		if !value.There {
			out = append(out, 0)
			continue
		}
		out = binary.AppendUvarint(out, uint64(len(value.Text))+1)
		out = append(out, value.Text...)
	}
	return out
}

func appendBytes(out, text []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(len(text))), text...)
}

// decode reads a record that is all of raw. Key and Where are parts of raw.
func (r *Record) decode(raw []byte) error {
	in := cursor{raw: raw}
	in.order(r)
	r.Deleted = in.byte() == 1
	r.File, r.Line = int(in.uvarint()), int(in.uvarint())
	r.Where = in.bytes(in.uvarint())
	n := in.uvarint()
	if n > uint64(len(in.raw)) { // each has a byte at least
		return errCorrupt
	}
	if uint64(cap(r.Content)) < n {
		r.Content = make([]workload.Value, n)
	}
	r.Content = r.Content[:n]
	for i := range r.Content {
		r.Content[i] = workload.Value{}
		if length := in.uvarint(); length > 0 {
			r.Content[i] = workload.Value{Text: string(in.bytes(length - 1)), There: true}
		}
	}
	if in.bad || len(in.raw) > 0 {
		return errCorrupt
	}
	return nil
}

// cursor reads what a record is made of; bad once there is less than is due.
type cursor struct {
	raw []byte
	bad bool
}

// order reads what records are sorted by, which comes first.
func (c *cursor) order(r *Record) {
	r.Key = c.bytes(c.uvarint())
	version, n := binary.Varint(c.raw)
	c.take(n)
	r.Version, r.Order = version, c.uvarint()
}

func (c *cursor) take(n int) {
	if n <= 0 || n > len(c.raw) {
		c.bad, c.raw = true, nil
		return
	}
	c.raw = c.raw[n:]
}

func (c *cursor) uvarint() uint64 {
	value, n := binary.Uvarint(c.raw)
	c.take(n)
	return value
}

func (c *cursor) byte() byte {
	if len(c.raw) == 0 {
		c.bad = true
		return 0
	}
	value := c.raw[0]
	c.raw = c.raw[1:]
	return value
}

func (c *cursor) bytes(n uint64) []byte {
	if c.bad || n > uint64(len(c.raw)) {
		c.bad, c.raw = true, nil
		return nil
	}
	text := c.raw[:n:n]
	c.raw = c.raw[n:]
	return text
}
