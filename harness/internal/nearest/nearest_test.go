package nearest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOf(t *testing.T) {
	known := []string{"calm", "loader-killed", "broker-killed"}
	for name, want := range map[string]string{
		"calm": "calm", "clam": "calm", "CALM": "calm", "loader-kill": "loader-killed", "broker": "broker-killed", "xyz": "", "": "", "l": "",
	} {
		require.Equal(t, want, Of(name, known), name)
	}
	require.Equal(t, 3, distance("kitten", "sitting"))
	require.Equal(t, 3, distance("", "abc"))
	require.Equal(t, 1, distance("naïve", "naive"), "counted in characters")
}
