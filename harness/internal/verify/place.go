package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// Place is where the effects of an import are seen: rows, documents,
// confirmations, rejected rows.
type Place struct {
	Name string // history.Rows, …
	// Fields are the content fields that it shows, by position in workload.Fields.
	Fields []int
	// Read calls add for every record of the place, all as they were at one
	// moment. Without an error that was all of them. A record without a key (Key
	// empty) is one that nobody can be told to own.
	Read func(ctx context.Context, add func(*spill.Record) error) error
	// Wordless says after Read that its records do not tell deletions from upserts.
	Wordless bool
	// Changed looks again and returns in words what has changed since Read, or "".
	Changed func(ctx context.Context) (string, error)
}

// Statement is what the import says of a file. Counts are -1 where it does not
// say them.
type Statement struct {
	File                                string
	State                               string
	Completed                           bool
	Rows, Applied, Superseded, Rejected int
}

// Status reads what the import says of its files.
type Status func(ctx context.Context, add func(Statement)) error

// ErrUsage is in errors of those who use the command: a folder that is not there,
// a table that the description names and the database does not have.
var ErrUsage = errors.New("usage")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUsage, fmt.Errorf(format, args...))
}

// positions returns where fields stand in workload.Fields.
func positions(names []string) []int {
	var at []int
	for i, field := range workload.Fields {
		for _, name := range names {
			if name == field.Name {
				at = append(at, i)
			}
		}
	}
	return at
}
