package history

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnchangedSharesTheEntries(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, Header{Generator: "g", Tag: "T"})
	require.NoError(t, err)
	first, err := w.Observe(Rows, false)
	require.NoError(t, err)
	require.NoError(t, first.Entries([]Entry{{Number: 1, Version: 2}}, nil))
	second, err := w.Observe(Rows, false)
	require.NoError(t, err)
	second.Evidence("read again")
	require.NoError(t, second.Unchanged(first))
	require.NoError(t, w.Close())

	run, err := Load(dir)
	require.NoError(t, err)
	require.Empty(t, run.Problem)
	reads, err := run.Reads(Rows)
	require.NoError(t, err)
	require.Len(t, reads, 2)
	require.Equal(t, reads[0].File, reads[1].File)
	require.True(t, reads[1].Whole)
	require.Equal(t, "read again", reads[1].Evidence)
	require.Greater(t, reads[1].Begin, reads[0].End)
	for _, read := range reads {
		count := 0
		require.NoError(t, run.Entries(read, func(e Entry) error { count++; require.Equal(t, 2, e.Version); return nil }))
		require.Equal(t, 1, count)
	}
}
