package stack

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTakenPortIsDrawnAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		taken int // how many draws hold a port that is in use
		draws int
	}{
		{"once", 1, 2},
		{"always", drawsOfPorts, drawsOfPorts},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("needs Docker")
			}
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { listener.Close() })
			inUse := listener.Addr().(*net.TCPAddr).Port

			draws := 0
			s, err := Up(ctx, Options{Only: []string{SFTP}, ports: func(n int) ([]int, error) {
				ports, err := freePorts(n)
				if draws++; draws <= c.taken && err == nil {
					ports[0] = inUse
				}
				return ports, err
			}})
			require.Equal(t, c.draws, draws)
			if c.taken == drawsOfPorts {
				require.ErrorContains(t, err, "already in use", "the cause")
				require.ErrorContains(t, err, "see with `ss -ltnp` who takes them", "the remedy")
				return
			}
			require.NoError(t, err)
			t.Cleanup(func() {
				require.NoError(t, s.Down(context.Background()))
				found, err := Find(context.Background())
				require.NoError(t, err)
				for _, other := range found {
					require.NotEqual(t, s.ID, other.ID, "something of the stack is left")
				}
			})
			require.NotEqual(t, inUse, s.published[SFTP])
			_, err = s.SFTP.Ready(ctx)
			require.NoError(t, err)
		})
	}
}
