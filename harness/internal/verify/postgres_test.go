package verify

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// What the server quotes of the data is not passed on, unless contents may be shown.
func TestPostgresQuotesNothing(t *testing.T) {
	quoting := &pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type integer: "Smith"`}
	require.NotContains(t, (&Postgres{}).said(quoting).Error(), "Smith")
	require.ErrorContains(t, (&Postgres{}).said(quoting), "SQLSTATE 22P02")
	require.ErrorContains(t, (&Postgres{values: true}).said(quoting), "Smith")
	require.ErrorContains(t, (&Postgres{}).said(&pgconn.PgError{Code: "57014", Message: "canceling statement"}), "canceling statement (SQLSTATE 57014)")
	require.NoError(t, (&Postgres{}).said(nil))
	gone := errors.New("gone")
	require.ErrorIs(t, (&Postgres{}).said(gone), gone)
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "17": 17, "9223372036854775807": 9223372036854775807, "": -1, "-1": -1, "1.5": -1, "x": -1, "9223372036854775808": -1} {
		require.Equal(t, want, number([]byte(text)), text)
	}
}
