package reports

import (
	"slices"

	"github.com/seatrial/seatrial/harness/check"
)

// fatesIn returns the fates to show as columns: all that occur, in the
// checker's order.
func fatesIn(files []check.FileFates) []check.Fate {
	_, sum := addFates(files)
	var fates []check.Fate
	for fate, n := range sum {
		if n != 0 {
			fates = append(fates, fate)
		}
	}
	slices.SortFunc(fates, byPlaceIn(check.Fates))
	return fates
}

func addFates(files []check.FileFates) (attempted int, sum map[check.Fate]int) {
	sum = map[check.Fate]int{}
	for _, file := range files {
		attempted += file.Attempted
		for fate, n := range file.Fates {
			sum[fate] += n
		}
	}
	return attempted, sum
}

// selectFiles returns the files to list and the rest, both in their order:
// where there are too many, those of which something went astray come first.
func selectFiles(files []check.FileFates, limit int) (shown, rest []check.FileFates) {
	if len(files) <= limit {
		return files, nil
	}
	astray := func(file check.FileFates) bool {
		n := 0
		for fate, count := range file.Fates {
			if fate != check.Applied && fate != check.Superseded && fate != check.Rejected {
				n += count
			}
		}
		return n > 0
	}
	chosen := make([]bool, len(files))
	left := limit
	for _, first := range []bool{true, false} {
		for i, file := range files {
			if left > 0 && !chosen[i] && astray(file) == first {
				chosen[i] = true
				left--
			}
		}
	}
	for i, file := range files {
		if chosen[i] {
			shown = append(shown, file)
		} else {
			rest = append(rest, file)
		}
	}
	return shown, rest
}
