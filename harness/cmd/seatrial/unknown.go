package main

import (
	"fmt"
	"strings"

	"github.com/seatrial/seatrial/harness/internal/nearest"
)

// unknown returns a usage error for a name that does not exist. It names the
// nearest that does, if one is near enough, and always how to see all.
func unknown(kind, name string, known []string, all string) error {
	if near := nearest.Of(name, known); near != "" {
		return usage("unknown %s %q: did you mean %q? %s", kind, name, near, all)
	}
	return usage("unknown %s %q: %s", kind, name, all)
}

// quantity returns a number with its noun: "1 run", "2 runs".
func quantity(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, noun)
	}
	if strings.HasSuffix(noun, "s") {
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
