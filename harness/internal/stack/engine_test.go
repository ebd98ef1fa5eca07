package stack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnoughMemory(t *testing.T) {
	for _, c := range []struct {
		total int64
		says  string // empty: enough
	}{
		{0, ""},
		{512 * mib, "has 0.5 GiB of memory and the services need 2.0 GiB"},
		{LeastMemory - 1, "give it more, or point DOCKER_HOST at another"},
		{LeastMemory, ""},
		{64 << 30, ""},
	} {
		err := enoughMemory(c.total)
		if c.says == "" {
			require.NoError(t, err, c.total)
			continue
		}
		require.ErrorContains(t, err, c.says, c.total)
	}
}
