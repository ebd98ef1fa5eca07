package observe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

func TestDigestTellsWhatDiffersAndNotTheOrder(t *testing.T) {
	look := func(adds ...func(*sight)) uint64 {
		s := newSight(10)
		for _, add := range adds {
			add(s)
		}
		return s.digest
	}
	a := func(s *sight) { s.add(1, 2, false, nil, []byte("here")) }
	b := func(s *sight) { s.add(2, 1, false, nil, nil) }
	moved := func(s *sight) { s.add(1, 2, false, nil, []byte("there")) }
	require.Equal(t, look(a, b), look(b, a))
	require.Equal(t, look(a, b), look(b, moved))
	for name, other := range map[string]uint64{
		"one less":        look(a),
		"one twice":       look(a, b, b),
		"another version": look(b, func(s *sight) { s.add(1, 3, false, nil, nil) }),
		"deleted":         look(b, func(s *sight) { s.add(1, 2, true, nil, nil) }),
		"foreign":         look(a, b, func(s *sight) { s.add(-1, 1, false, []byte("x"), nil) }),
	} {
		require.NotEqual(t, look(a, b), other, name)
	}
}

func TestSightKeepsTheHighestVersionAndTheEvidenceOfDoubles(t *testing.T) {
	s := newSight(3)
	for range 2 { // it can be used again
		s.reset()
		s.add(1, 2, true, []byte("K1"), []byte("first"))
		s.add(1, 1, false, []byte("K1"), []byte("second"))
		s.add(2, 1, false, []byte("K2"), []byte("third"))
		s.add(-1, -1, false, []byte("other"), []byte("fourth"))
	}
	require.Equal(t, []cell{{}, {version: 2, deleted: true, several: true}, {version: 1}}, s.cells)
	require.ElementsMatch(t, []history.Entry{
		{Number: 1, Version: 2, Deleted: true, Where: "first"},
		{Number: 1, Version: 1, Where: "second"},
		{Number: 2, Version: 1},
		{Number: -1, Version: -1, Key: "other", Where: "fourth"},
	}, s.entries())
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]int{"": -1, "0": 0, "12": 12, "1.5": -1, "-3": -1, "9223372036854775807": -1, "99999999999": 1<<31 - 1, "x": -1} {
		require.Equal(t, want, parseVersion([]byte(text)), text)
	}
}

func TestVersionToldByContent(t *testing.T) {
	wl := people(t, nil)
	id := newIdentity(wl)
	number := -1
	for n, highest := range id.highest {
		if highest >= 3 {
			number = n
			break
		}
	}
	require.GreaterOrEqual(t, number, 0, "some record has three versions")
	for version := 1; version <= 3; version++ {
		fields := wl.Record(number, version).Map()
		require.Equal(t, version, id.version(number, fields))
		require.Equal(t, version, id.version(number, fields), "known already")
	}
	fields := wl.Record(number, 2).Map()
	fields["hours"] += ".000"
	delete(fields, "note")
	fields["unknown"] = "is not compared"
	if same(workload.Number, fields["hours"], wl.Record(number, 2).Get("hours")) {
		require.Equal(t, 2, id.version(number, fields))
	}
	fields["family_name"] += " "
	require.Equal(t, -1, id.version(number, fields))
	require.Equal(t, -1, id.version(number, nil), "no content at all")
}

func people(t testing.TB, change func(*workload.Config)) *workload.Workload {
	config := workload.Default(7, "TEST")
	if change != nil {
		change(&config)
	}
	wl, err := workload.New(config)
	require.NoError(t, err)
	return wl
}

func same(kind workload.Type, a, b string) bool { return workload.Comparison{Type: kind}.Same(a, b) }
