package main

import (
	"fmt"
	"strings"
)

// unknown returns a usage error for a name that does not exist. It names the
// nearest that does, if one is near enough, and always how to see all.
func unknown(kind, name string, known []string, all string) error {
	if near := nearest(name, known); near != "" {
		return usage("unknown %s %q: did you mean %q? %s", kind, name, near, all)
	}
	return usage("unknown %s %q: %s", kind, name, all)
}

// nearest returns the known name that name was most likely meant to be, or
// nothing if none is near.
func nearest(name string, known []string) string {
	name = strings.ToLower(name)
	best, least := "", max(2, len([]rune(name))/3)+1
	for _, candidate := range known {
		if d := distance(name, strings.ToLower(candidate)); d < least {
			best, least = candidate, d
		}
	}
	if best != "" || len(name) < 3 {
		return best
	}
	for _, candidate := range known {
		if strings.Contains(strings.ToLower(candidate), name) {
			return candidate
		}
	}
	return ""
}

// distance is Levenshtein's: how many characters must be inserted, deleted or
// replaced to make b of a.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			cost := diagonal
			if from[i] != to[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
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
