package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/workload"
)

func TestSameValue(t *testing.T) {
	for _, test := range []struct {
		kind workload.Type
		a, b string
		same bool
	}{
		{workload.Text, "Müller", "Mu\u0308ller", false},
		{workload.Text, "a ", "a", false},
		{workload.Date, "1969-07-20", "1969-07-20T00:00:00Z", true},
		{workload.Date, "1969-07-20", "1969-07-20T01:00:00Z", false},
		{workload.Date, "1969-07-20", "1969-07-21", false},
		{workload.Date, "1969-07-20", "20.07.1969", false},
		{workload.Timestamp, "2024-03-01T12:00:00+05:45", "2024-03-01T06:15:00Z", true},
		{workload.Timestamp, "2024-03-01T12:00:00+05:45", "2024-03-01 06:15:00+00", true},
		{workload.Timestamp, "1931-03-01T12:00:00.123456-03:30", "1931-03-01 15:30:00.123456+00", true},
		{workload.Timestamp, "2024-03-01T12:00:00+05:45", "2024-03-01 12:00:00+05:45", true},
		{workload.Timestamp, "2024-03-01T12:00:00Z", "2024-03-01 12:00:00", false}, // no zone: no instant
		{workload.Timestamp, "2024-03-01T12:00:00.123456Z", "2024-03-01T12:00:00.123Z", false},
		{workload.Number, "7.50", "7.5", true},
		{workload.Number, "7", "7.00", true},
		{workload.Number, "-0.50", "-0.5", true},
		{workload.Number, "100000.00", "1e5", true},
		{workload.Number, "7.5", "7,5", false},
		{workload.Number, "7.5", "7.51", false},
		{workload.Number, "1", "1/1", false},
		{workload.Number, "1", "1e999999999", false},
		{workload.Number, "16", "0x10", false},
		{workload.Number, "1", strings.Repeat("0", 70) + "1", false},
	} {
		require.Equal(t, test.same, sameValue(test.kind, test.a, test.b), "%s %q %q", test.kind, test.a, test.b)
		require.Equal(t, test.same, sameValue(test.kind, test.b, test.a), "%s %q %q", test.kind, test.b, test.a)
	}
}

func TestDifferenceIsShortAndShowsWhatDiffers(t *testing.T) {
	w, err := workload.New(workload.Default(1, "T3ST"))
	require.NoError(t, err)
	record := w.Record(1, 1)
	record[5] = strings.Repeat("same ", 200) + "end"
	found := record.Map()
	found["note"] = strings.Repeat("same ", 200) + "and"
	delete(found, "city")
	c := newComparer(nil)
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

// FuzzSameValue: comparing never panics or takes long, and is symmetric.
func FuzzSameValue(f *testing.F) {
	f.Add("1e400", "2024-03-01 06:15:00+00")
	f.Add("-0", "0.000")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, kind := range []workload.Type{workload.Text, workload.Date, workload.Timestamp, workload.Number} {
			require.Equal(t, sameValue(kind, a, b), sameValue(kind, b, a))
		}
		_ = short(a)
		x, y := window(a, b)
		require.Equal(t, a == b, x == y)
	})
}
