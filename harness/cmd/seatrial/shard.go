package main

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// shard is one of several equal parts of a list of runs. The zero value is
// the whole list.
type shard struct{ number, of int }

// parseShard reads "i/n", with 1 ≤ i ≤ n.
func parseShard(text string) (shard, error) {
	if text == "" {
		return shard{}, nil
	}
	number, of, ok := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(number)
	n, err2 := strconv.Atoi(of)
	if !ok || err1 != nil || err2 != nil || n < 1 || i < 1 || i > n {
		return shard{}, usage("--shard %q: give it as i/n with 1 <= i <= n, for example 2/4", text)
	}
	return shard{i, n}, nil
}

// holds reports whether the run at index (from 0) belongs to the shard. Every
// index belongs to exactly one of 1/n … n/n, and their sizes differ by at most 1.
func (s shard) holds(index int) bool {
	return s.of == 0 || index%s.of == s.number-1
}

// holdsNamed is the same for lists that each shard derives itself: a name belongs
// to the same shard whatever else is in the list. The sizes are about equal.
func (s shard) holdsNamed(name string) bool {
	if s.of == 0 {
		return true
	}
	hash := fnv.New64a()
	hash.Write([]byte(name)) // never fails
	sum := hash.Sum64()
	return (sum>>32^sum&0xffffffff)%uint64(s.of) == uint64(s.number-1) // folded: the low bits alone are poor
}
