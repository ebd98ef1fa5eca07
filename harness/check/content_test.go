package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/workload"
)

func TestDifferenceIsShortAndShowsWhatDiffers(t *testing.T) {
	w, err := workload.New(workload.Default(1, "T3ST"))
	require.NoError(t, err)
	record := w.Record(1, 1)
	record[5] = strings.Repeat("same ", 200) + "end"
	found := record.Map()
	found["note"] = strings.Repeat("same ", 200) + "and"
	delete(found, "city")
	c := newComparer(w, nil, nil)
	require.False(t, c.equal(&record, found))
	text := c.difference(&record, found)
	require.Less(t, len(text), 300)
	require.Contains(t, text, `same end"`)
	require.Contains(t, text, `same and"`)
	require.Contains(t, text, "city: sent ")
	require.Contains(t, text, "found none")

	other := w.Record(2, 2)
	text = c.difference(&record, other.Map())
	require.Contains(t, text, "more fields")
	require.Less(t, len(text), 600)
	for _, r := range text {
		require.True(t, r < 0x7f || r == '…', "%q", r)
	}
}

// FuzzEvidence: what is cut for people still differs where the contents do.
func FuzzEvidence(f *testing.F) {
	f.Add("1e400", "2024-03-01 06:15:00+00")
	f.Add("-0", "0.000")
	f.Fuzz(func(t *testing.T, a, b string) {
		_ = short(a)
		x, y := window(a, b)
		require.Equal(t, a == b, x == y)
	})
}
