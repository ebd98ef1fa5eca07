package main

import (
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
