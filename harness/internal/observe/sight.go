package observe

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"

	"github.com/seatrial/seatrial/harness/history"
)

// sight is what one light read of a place showed. It is filled again and
// again: numbering records densely keeps a read of millions without garbage.
type sight struct {
	cells  []cell // by record number
	items  []item
	keys   []string // of items that are none of this run's
	where  []byte   // texts of all items, one after the other
	digest uint64   // of keys, versions and deletions; the order does not matter
}

// cell is what was seen of one record.
type cell struct {
	version int32 // the highest seen; 0 none; -1 present, version not known
	deleted bool  // of that version
	several bool  // more than one item
}

// item is one row, document or confirmation.
type item struct {
	number  int32    // -1: none of this run's
	version int32    // -1: not known
	key     int32    // index in keys where number is -1
	where   [2]int32 // begin and end of its text in where
	deleted bool
}

func newSight(records int) *sight { return &sight{cells: make([]cell, records)} }

func (s *sight) reset() {
	clear(s.cells)
	s.items, s.keys, s.where, s.digest = s.items[:0], s.keys[:0], s.where[:0], 0
}

// seed makes digests comparable within the process.
var seed = maphash.MakeSeed()

// add takes one item in. Key is only kept where number is -1.
func (s *sight) add(number, version int, deleted bool, key, where []byte) {
	it := item{number: int32(number), version: int32(version), deleted: deleted}
	mark := uint64(uint32(it.version)) << 1
	if deleted {
		mark |= 1
	}
	if number < 0 {
		it.key = int32(len(s.keys))
		s.keys = append(s.keys, string(key))
		s.digest += mix(maphash.Bytes(seed, key) ^ mark)
	} else {
		s.digest += mix(uint64(number)<<33 ^ mark)
		c := &s.cells[number]
		c.several = c.version != 0
		if c.version == 0 || it.version > c.version {
			c.version, c.deleted = it.version, deleted
		}
	}
	it.where[0] = int32(len(s.where))
	s.where = append(s.where, where...)
	it.where[1] = int32(len(s.where))
	s.items = append(s.items, it)
}

// mix spreads a value over 64 bits (the finisher of splitmix64), so that sums
// of mixed values differ where the sets differ.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// entries returns the items for the history. Where something stands is
// evidence for what should not be: only several of one key and keys of other
// runs carry it.
func (s *sight) entries() []history.Entry {
	// The history wants this order; small items are moved with less effort.
	slices.SortFunc(s.items, func(a, b item) int { return cmp.Compare(a.number, b.number) })
	entries := make([]history.Entry, len(s.items))
	for i, it := range s.items {
		e := history.Entry{Number: int(it.number), Version: int(it.version), Deleted: it.deleted}
		if it.number < 0 {
			e.Key = s.keys[it.key]
		}
		if it.number < 0 || s.cells[it.number].several {
			e.Where = string(s.where[it.where[0]:it.where[1]])
		}
		entries[i] = e
	}
	return entries
}

// parseVersion returns -1 for what is no version.
func parseVersion(text []byte) int {
	version := 0
	if len(text) == 0 || len(text) > 18 {
		return -1
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return -1
		}
		version = version*10 + int(c-'0')
	}
	return min(version, math.MaxInt32)
}

// textsDigest is a digest of a set of texts.
func textsDigest(texts []string) (digest uint64) {
	for _, text := range texts {
		digest += mix(maphash.String(seed, text))
	}
	return digest
}
