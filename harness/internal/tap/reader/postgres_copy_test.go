package reader

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
)

// Some clients send a Sync with the Execute of a COPY, and another one behind the
// data: the server ignores the first and answers once.
func TestPostgresCopyByExecute(t *testing.T) {
	keys := new(Keys)
	require.NoError(t, keys.Set([]boundary.KeyPattern{{Prefix: "G01D", Length: 12}}))
	for name, test := range map[string]struct {
		end  pgproto3.Message
		said string
		want []string
	}{
		"to its end": {&pgproto3.CopyDone{}, spoken(t, done("COPY 1"), ready('I')), []string{"committed target=people count=1 records=G01D00000039"}},
		"given up":   {&pgproto3.CopyFail{Message: "no"}, spoken(t, refused("ERROR", "57014"), ready('I')), []string{"rolled back target=people note=57014 no"}},
	} {
		t.Run(name, func(t *testing.T) {
			talk := append(started(t),
				said{Up, spoken(t, parse("", "copy people from stdin"), bind(""), executes, syncs)},
				said{Down, spoken(t, &pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, &pgproto3.CopyInResponse{})},
				said{Up, spoken(t, &pgproto3.CopyData{Data: []byte("G01D00000039\tx\n")}, test.end, syncs)},
				said{Down, test.said},
				said{Up, spoken(t, query("update a set x = 1"))}, said{Down, spoken(t, done("UPDATE 1"), ready('I'))},
				said{Up, spoken(t, query("update b set x = 1"))}, said{Down, spoken(t, done("UPDATE 1"), ready('I'))},
			)
			want := append([]string{"statement requested target=people count=1"}, test.want...)
			want = append(want, "statement requested target=a count=1", "committed target=a count=1", "statement requested target=b count=1", "committed target=b count=1")
			require.Equal(t, want, always(t, "postgres", keys, talk))
		})
	}
}
