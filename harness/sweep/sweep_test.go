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
		want  map[Position]int // number of the record plus 1; 0: none
	}{
		"by record":         {class(boundary.Committed, 9, 7, 3, 5, 4), map[Position]int{First: 8, Middle: 6, Last: 5}},
		"one record":        {class(boundary.Committed, 9, 0), map[Position]int{First: 1}},
		"two records":       {class(boundary.Committed, 2, 0, 1), map[Position]int{First: 1, Last: 2}},
		"by what goes on":   {crossed(First, Middle, Last), map[Position]int{First: 0, Middle: 0, Last: 0}},
		"at the beginning":  {crossed(First), map[Position]int{First: 0}},
		"for the last file": {crossed(Last), map[Position]int{Last: 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[Position]int{}
			for _, p := range positions(test.class) {
				require.Equal(t, test.class.Kind, p.at.Kind)
				require.Equal(t, test.class.Role, p.at.Role)
				require.Equal(t, 1, p.at.Nth)
				got[p.Position] = p.at.Number
			}
			require.Equal(t, test.want, got)
		})
	}
}

// A boundary that no record tells apart counts from a pause, so that it is met
// however the pipeline batches.
func TestPauses(t *testing.T) {
	plan := Plan([]Class{crossed(First, Middle, Last), class(boundary.Committed, 9, 7, 3, 5)}, []Action{Cut})
	require.Len(t, plan, 6)
	for i, percent := range []int{0, 0, 50, 0, 75, 0} {
		s := plan[i].Scenario()
		require.NoError(t, s.Validate())
		if percent == 0 {
			require.Empty(t, s.Pauses)
			continue
		}
		require.Len(t, s.Pauses, 1)
		require.Equal(t, percent, s.Pauses[0].Percent)
		require.True(t, s.Pauses[0].Arms)
	}
}

func crossed(positions ...Position) Class {
	c := class(boundary.FileFetched, 9)
	c.Positions = positions
	return c
}

func TestPlan(t *testing.T) {
	index := Class{Class: boundary.Class{Service: fault.Elasticsearch, Role: "indexer", Kind: boundary.IndexRequested, Target: "people"}, Count: 1, Positions: []Position{First}}
	plan := Plan([]Class{class(boundary.Committed, 2, 0, 1), index}, []Action{KillRole, Cut, Refuse})
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
