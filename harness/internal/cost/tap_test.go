package cost

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap/bench"
)

func TestMeasureTap(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	result, err := MeasureTap(t.Context(), 1, func(text string) { t.Log(text) })
	require.NoError(t, err)
	require.Equal(t, 1, result.Rounds)
	for _, way := range bench.Ways {
		require.Positive(t, result.Inserts[way].PerSecond, "inserts, %s", way)
		require.Positive(t, result.Publishes[way].PerSecond, "publishes, %s", way)
	}
}
