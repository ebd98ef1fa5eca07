// Package nearest finds what somebody most likely meant by a name that does not exist.
package nearest

import "strings"

// Of returns the known name that name was most likely meant to be, or nothing
// if none is near.
func Of(name string, known []string) string {
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
