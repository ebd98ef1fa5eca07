package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
)

func class(kind boundary.Kind, count int, records ...int) Class {
	return Class{Class: boundary.Class{Service: fault.Postgres, Role: "loader", Kind: kind, Target: "people"}, Count: count, Records: records}
}

func TestPositions(t *testing.T) {
	for name, test := range map[string]struct {
		class Class
		want  []boundary.Breakpoint // Number and Nth only
	}{
		"by record":       {class(boundary.Committed, 9, 7, 3, 5, 4), []boundary.Breakpoint{{Number: 8, Nth: 1}, {Number: 6, Nth: 1}, {Number: 5, Nth: 1}}},
		"one record":      {class(boundary.Committed, 9, 0), []boundary.Breakpoint{{Number: 1, Nth: 1}}},
		"two records":     {class(boundary.Committed, 2, 0, 1), []boundary.Breakpoint{{Number: 1, Nth: 1}, {Number: 2, Nth: 1}}},
		"counted":         {class(boundary.FileFetched, 5), []boundary.Breakpoint{{Nth: 1}, {Nth: 3}, {Nth: 5}}},
		"it varies":       {Class{Class: class(boundary.FileFetched, 0).Class, Count: 9, Varies: true}, []boundary.Breakpoint{{Nth: 1}, {Nth: 2}}},
		"crossed once":    {class(boundary.FileFetched, 1), []boundary.Breakpoint{{Nth: 1}}},
		"crossed by many": {class(boundary.Confirmed, 200), []boundary.Breakpoint{{Nth: 1}, {Nth: 101}, {Nth: 200}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []boundary.Breakpoint
			for _, p := range positions(test.class) {
				require.Equal(t, test.class.Kind, p.at.Kind)
				require.Equal(t, test.class.Role, p.at.Role)
				got = append(got, boundary.Breakpoint{Number: p.at.Number, Nth: p.at.Nth})
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestPlan(t *testing.T) {
	index := Class{Class: boundary.Class{Service: fault.Elasticsearch, Role: "indexer", Kind: boundary.IndexRequested, Target: "people"}, Count: 1}
	plan := Plan([]Class{class(boundary.Committed, 2), index}, []Action{KillRole, Cut, Refuse})
	names := map[string]bool{}
	for _, b := range plan {
		require.False(t, names[b.String()], "two breaks are called %s", b)
		names[b.String()] = true
		require.NoError(t, b.Scenario().Validate(), b.String())
	}
	require.Len(t, plan, 2*2+3, "only an index refuses")
	require.True(t, names["loader committed on people, last, cut"])
	require.True(t, names["indexer index requested on people, first, refuse"])
}
