package verify

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
)

func TestConfirmations(t *testing.T) {
	spec := pipeline.Confirmations{Pattern: "c-*.csv", Key: "id", Version: "rev", Operation: "what", Deletion: "D"}
	folder := fstest.MapFS{
		"c-1.csv":  {Data: []byte("what,id,rev\nU,a,1\nD,b,2\nU,c\n")},
		"c-2.csv":  {},
		".c-3.csv": {Data: []byte("x")},
		"other":    {Data: []byte("x")},
	}
	place := Confirmations(spec, folder)
	var lines []string
	add := func(r *spill.Record) error {
		lines = append(lines, fmt.Sprint(string(r.Key), r.Version, r.Deleted, " ", string(r.Where)))
		return nil
	}
	require.NoError(t, place.Read(t.Context(), add))
	require.Equal(t, []string{"a1 false c-1.csv line 2", "b2 true c-1.csv line 3", "c-1 false c-1.csv line 4"}, lines)
	require.False(t, place.Wordless)
	what, err := place.Changed(t.Context())
	require.NoError(t, err)
	require.Empty(t, what)
	folder["c-3.csv"] = &fstest.MapFile{Data: []byte("id\n\"")}
	what, err = place.Changed(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, what)
	require.ErrorContains(t, place.Read(t.Context(), add), "confirmation c-3.csv line 2 is no CSV")
	folder["c-1.csv"] = &fstest.MapFile{Data: []byte("key\n")}
	err = place.Read(t.Context(), add)
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, "no column id")
}
