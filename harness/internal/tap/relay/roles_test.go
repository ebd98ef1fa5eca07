package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRoles(t *testing.T) {
	r := roles{prefix: "seatrial-x-"}
	require.Equal(t, "172.20.0.5", r.of("172.20.0.5", ""))
	require.Equal(t, "loader", r.of("172.20.0.5", "seatrial-x-loader"))
	require.Equal(t, "other", r.of("172.20.0.5", "other"))
	require.False(t, r.knows("172.20.0.5"))
	r.set(map[string]string{"172.20.0.5": "indexer", "seatrial-x-loader-2": "loader"})
	require.True(t, r.knows("172.20.0.5"))
	require.Equal(t, "indexer", r.of("172.20.0.5", "seatrial-x-loader"))
	require.Equal(t, "loader", r.of("172.20.0.6", "seatrial-x-loader-2"))
}
