package observe

import (
	"context"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/workload"
)

// rows reads the pipeline's table.
type rows struct {
	spec pipeline.Rows
	wl   *workload.Workload
	db   database
	// versions tells versions from content, once the table was seen not to say them.
	versions *identity
}

// The columns that come before the content.
const (
	keyColumn = iota
	versionColumn
	deletedColumn
	whereColumn
	contentColumn
)

// look fills into with all rows, without their content where the table has
// versions.
func (r *rows) look(ctx context.Context, into *sight) error {
	into.reset()
	query := r.spec.Light
	if r.versions != nil || query == "" {
		query = r.spec.Query
	}
	unversioned := false
	err := r.db.each(ctx, query, contentColumn, func(columns []string, values [][]byte) error {
		number, ok := r.wl.Number(string(values[keyColumn]))
		if !ok {
			number = -1
		}
		version := -1
		switch {
		case values[versionColumn] != nil:
			version = parseVersion(values[versionColumn])
		case r.versions != nil && number >= 0:
			version = r.versions.version(number, content(columns, values))
		default:
			unversioned = unversioned || number >= 0
		}
		into.add(number, version, isTrue(values[deletedColumn]), values[keyColumn], values[whereColumn])
		return nil
	})
	if err == nil && unversioned && r.versions == nil {
		r.versions = newIdentity(r.wl)
		return r.look(ctx, into)
	}
	return err
}

// all returns every row with its content.
func (r *rows) all(ctx context.Context) ([]history.Entry, error) {
	var entries []history.Entry
	err := r.db.each(ctx, r.spec.Query, contentColumn, func(columns []string, values [][]byte) error {
		e := history.Entry{
			Number: -1, Version: parseVersion(values[versionColumn]), Deleted: isTrue(values[deletedColumn]),
			Fields: content(columns, values), Where: string(values[whereColumn]),
		}
		if number, ok := r.wl.Number(string(values[keyColumn])); ok {
			e.Number = number
		} else {
			e.Key = string(values[keyColumn])
		}
		if values[versionColumn] == nil && e.Number >= 0 {
			if r.versions == nil {
				r.versions = newIdentity(r.wl)
			}
			e.Version = r.versions.version(e.Number, e.Fields)
		}
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// content returns the columns after the first four; NULL is no content.
func content(columns []string, values [][]byte) map[string]string {
	fields := make(map[string]string, len(columns)-contentColumn)
	for i := contentColumn; i < len(columns); i++ {
		if values[i] != nil {
			fields[columns[i]] = string(values[i])
		}
	}
	return fields
}

func (r *rows) close() { r.db.close() }
