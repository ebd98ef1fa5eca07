package workload

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSameValue(t *testing.T) {
	for _, test := range []struct {
		kind Type
		a, b string
		same bool
	}{
		{Text, "Müller", "Mu\u0308ller", false},
		{Text, "a ", "a", false},
		{Date, "1969-07-20", "1969-07-20T00:00:00Z", true},
		{Date, "1969-07-20", "1969-07-20T01:00:00Z", false},
		{Date, "1969-07-20", "1969-07-21", false},
		{Date, "1969-07-20", "20.07.1969", false},
		{Timestamp, "2024-03-01T12:00:00+05:45", "2024-03-01T06:15:00Z", true},
		{Timestamp, "2024-03-01T12:00:00+05:45", "2024-03-01 06:15:00+00", true},
		{Timestamp, "1931-03-01T12:00:00.123456-03:30", "1931-03-01 15:30:00.123456+00", true},
		{Timestamp, "2024-03-01T12:00:00+05:45", "2024-03-01 12:00:00+05:45", true},
		{Timestamp, "2024-03-01T12:00:00Z", "2024-03-01 12:00:00", false}, // no zone: no instant
		{Timestamp, "2024-03-01T12:00:00.123456Z", "2024-03-01T12:00:00.123Z", false},
		{Number, "7.50", "7.5", true},
		{Number, "7", "7.00", true},
		{Number, "-0.50", "-0.5", true},
		{Number, "100000.00", "1e5", true},
		{Number, "7.5", "7,5", false},
		{Number, "7.5", "7.51", false},
		{Number, "1", "1/1", false},
		{Number, "1", "1e999999999", false},
		{Number, "16", "0x10", false},
		{Number, "5.50", "5.5", true},
		{Number, "-0.10", "-.1", true},
		{Number, "5.5", "5.51", false},
		{Number, "1e400000000", "1", false},
		{Number, "", "0", false},
		{Timestamp, "2026-01-01T05:45:00+05:45", "2026-01-01T00:00:00Z", true},
		{Timestamp, "2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00.5Z", true},
		{Timestamp, "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z", false},
		{Date, "2026-01-01", "2026-1-1", false},
		{Text, "5.50", "5.5", false},
		{Number, "1", strings.Repeat("0", 70) + "1", false},
	} {
		require.Equal(t, test.same, Comparison{Type: test.kind}.Same(test.a, test.b), "%s %q %q", test.kind, test.a, test.b)
		require.Equal(t, test.same, Comparison{Type: test.kind}.Same(test.b, test.a), "%s %q %q", test.kind, test.b, test.a)
	}
}

func TestSameAfterNormalising(t *testing.T) {
	for _, test := range []struct {
		kind        Type
		normalise   []string
		sent, found string
		same        bool
	}{
		{Text, []string{Trim}, " two  ", "two", true},
		{Text, []string{Trim}, "two words", "two  words", false},
		{Text, []string{Spaces}, "two words", "two \t\nwords", true},
		{Text, []string{Lower}, "Straße", "STRAßE", true},
		{Text, []string{Newlines}, "a\r\nb", "a\nb", true},
		{Text, []string{NFC}, "Mu\u0308ller", "M\u00fcller", true},
		{Text, []string{Lower, NFC, Trim}, " Mu\u0308ller", "m\u00fcller", true},
		{Text, []string{Milliseconds}, "a", "b", false},
		{Timestamp, []string{UTC}, "2024-03-01T12:00:00+01:00", "2024-03-01 11:00:00", true},
		{Timestamp, []string{UTC}, "2024-03-01T12:00:00+01:00", "2024-03-01 12:00:00", false},
		{Timestamp, []string{Milliseconds}, "2024-03-01T12:00:00.123456Z", "2024-03-01T12:00:00.123Z", true},
		{Timestamp, []string{Milliseconds}, "2024-03-01T12:00:00.123456Z", "2024-03-01T12:00:00.121Z", false},
		{Timestamp, []string{Seconds, UTC}, "2024-03-01T12:00:00.9Z", "2024-03-01 12:00:00", true},
	} {
		require.Equal(t, test.same, Comparison{test.kind, test.normalise}.Same(test.sent, test.found), "%v", test)
	}
	require.False(t, Comparison{Type: Text}.SameAsNone(""), "an empty text is one")
	require.True(t, Comparison{Text, []string{EmptyIsNull}}.SameAsNone(""))
	require.False(t, Comparison{Text, []string{EmptyIsNull}}.SameAsNone(" "))
	require.True(t, Comparison{Text, []string{Trim, EmptyIsNull}}.SameAsNone(" "))
	require.True(t, Comparison{Type: Date}.SameAsNone(""))
}

// FuzzSame: comparing never panics or takes long, and is symmetric.
func FuzzSame(f *testing.F) {
	f.Add("1e400", "2024-03-01 06:15:00+00")
	f.Add("-0", "0.000")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, kind := range []Type{Text, Date, Timestamp, Number} {
			for _, c := range []Comparison{{Type: kind}, {kind, Normalisations}} {
				require.Equal(t, c.Same(a, b), c.Same(b, a))
				require.True(t, c.Same(a, a))
			}
		}
	})
}
