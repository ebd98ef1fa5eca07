package observe

import (
	"context"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// rejects reads the table in which a pipeline keeps the rows that it rejected.
type rejects struct {
	query string
	wl    *workload.Workload
	db    database
}

// The columns of a query for rejected rows are those of rows less the deletion.
const (
	rejectedWhere   = 2
	rejectedColumns = 3
)

func (r *rejects) all(ctx context.Context) ([]history.Entry, error) {
	var entries []history.Entry
	err := r.db.each(ctx, r.query, rejectedColumns, func(_ []string, values [][]byte) error {
		e := history.Entry{Number: -1, Version: parseVersion(values[versionColumn]), Where: string(values[rejectedWhere])}
		if number, ok := r.wl.Number(string(values[keyColumn])); ok {
			e.Number = number
		} else {
			e.Key = string(values[keyColumn])
		}
		entries = append(entries, e)
		return nil
	})
	return entries, err
}
