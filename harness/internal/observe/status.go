package observe

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/seatrial/seatrial/harness/history"
)

// status reads what the import says of itself.
type status struct {
	query string
	db    database
}

// The columns of a status query.
const (
	fileColumn = iota
	stateColumn
	completedColumn
	countColumn   // rows, applied, superseded, rejected
	statusColumns = countColumn + 4
)

func (s *status) all(ctx context.Context) ([]history.StatusEntry, error) {
	var entries []history.StatusEntry
	err := s.db.each(ctx, s.query, statusColumns, func(_ []string, values [][]byte) error {
		var counts [4]int
		for i := range counts {
			counts[i] = count(values[countColumn+i])
		}
		entries = append(entries, history.StatusEntry{
			File: string(values[fileColumn]), State: string(values[stateColumn]), Completed: isTrue(values[completedColumn]),
			Rows: counts[0], Applied: counts[1], Superseded: counts[2], Rejected: counts[3],
		})
		return nil
	})
	slices.SortFunc(entries, func(a, b history.StatusEntry) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.State, b.State), cmp.Compare(a.Rows, b.Rows))
	})
	return entries, err
}

// count returns -1 where nothing, or no number, was said.
func count(text []byte) int {
	if value, err := strconv.Atoi(string(text)); err == nil {
		return value
	}
	return -1
}

func statusDigest(entries []history.StatusEntry) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, e := range entries {
		maphash.WriteComparable(&h, e)
	}
	return h.Sum64()
}

func (s *status) close() { s.db.close() }
