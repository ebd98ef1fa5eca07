package reader

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/seatrial/seatrial/harness/boundary"
)

// Keys recognises the keys of a run's records in any content: each pattern is
// what they begin with and how long they are.
type Keys struct {
	patterns atomic.Pointer[[]boundary.KeyPattern]
}

// Set replaces the patterns; what begins later is read with the new ones.
// Patterns out of their limits are an error, and nothing changes.
func (k *Keys) Set(patterns []boundary.KeyPattern) error {
	for _, p := range patterns {
		if len(p.Prefix) < 3 || p.Length <= len(p.Prefix) || p.Length > 64 {
			return fmt.Errorf("key pattern %q of %d bytes: want a prefix of at least 3 bytes and keys of at most 64", p.Prefix, p.Length)
		}
	}
	patterns = slices.Clone(patterns)
	k.patterns.Store(&patterns)
	return nil
}

func (k *Keys) load() []boundary.KeyPattern {
	if k == nil {
		return nil
	}
	if patterns := k.patterns.Load(); patterns != nil {
		return *patterns
	}
	return nil
}

func (k *Keys) active() bool { return len(k.load()) > 0 }

// finder looks for keys in content that comes in pieces.
type finder struct {
	patterns []boundary.KeyPattern
	tail     []byte // end of what came, that may be the beginning of a key
	found    []string
}

func (f *finder) reset(keys *Keys) {
	f.patterns, f.tail, f.found = keys.load(), f.tail[:0], nil
}

// write looks at the next piece.
func (f *finder) write(p []byte) {
	if len(f.patterns) == 0 || len(f.found) >= boundary.MostNames {
		return
	}
	longest := 0
	for _, pattern := range f.patterns {
		longest = max(longest, pattern.Length)
	}
	if len(f.tail) > 0 {
		// The seam: what is left of the last piece and the beginning of this one.
		f.tail = append(f.tail, p[:min(len(p), longest-1)]...)
		f.scan(f.tail)
		if len(p) < longest-1 {
			f.keep(f.tail, longest)
			return
		}
		f.tail = f.tail[:0]
	}
	f.scan(p)
	f.keep(p, longest)
}

func (f *finder) keep(p []byte, longest int) {
	f.tail = append(f.tail[:0], p[max(0, len(p)-(longest-1)):]...)
}

// scan finds the keys that are whole in p. One that is seen twice, at a seam,
// is found once.
func (f *finder) scan(p []byte) {
	for _, pattern := range f.patterns {
		prefix := []byte(pattern.Prefix)
		for at := 0; ; {
			i := bytes.Index(p[at:], prefix)
			if i < 0 || at+i+pattern.Length > len(p) {
				break
			}
			if key := p[at+i : at+i+pattern.Length]; plain(key[len(prefix):]) {
				f.found = addName(f.found, string(key))
			}
			at += i + len(prefix)
		}
	}
}

// plain: letters and digits, as keys are made of; names of files and messages
// may begin like keys.
func plain(p []byte) bool {
	for _, c := range p {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// addName appends a name that is not there yet, up to the limit.
func addName(names []string, name string) []string {
	// Most repeat the one before them; many names are rare.
	if name == "" || len(names) >= boundary.MostNames || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

func addNames(names []string, more []string) []string {
	for _, name := range more {
		names = addName(names, name)
	}
	return names
}
