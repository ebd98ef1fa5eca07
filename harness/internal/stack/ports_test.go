package stack

import (
	"context"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

func TestFreePorts(t *testing.T) {
	reserved := map[int]bool{}
	for port := firstPort; port <= lastPort; port++ {
		reserved[port] = port%100 != 0
	}
	ports, err := freePorts(8, reserved)
	require.NoError(t, err)
	require.Len(t, ports, 8)
	for _, port := range ports {
		require.False(t, reserved[port])
	}
	for port := firstPort; port <= lastPort; port++ {
		reserved[port] = true
	}
	_, err = freePorts(1, reserved)
	require.ErrorContains(t, err, "no 1 free ports on 127.0.0.1 between 20000 and 29999: see with `ss -ltnp`")
}

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
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { listener.Close() })
			inUse := listener.Addr().(*net.TCPAddr).Port

			draws := 0
			s, err := Up(ctx, Options{Only: []string{SFTP}, ports: func(n int, reserved map[int]bool) ([]int, error) {
				ports, err := freePorts(n, reserved)
				if draws++; draws <= c.taken && err == nil {
					ports[0] = inUse
				}
				return ports, err
			}})
			require.Equal(t, c.draws, draws)
			if c.taken == drawsOfPorts {
				require.ErrorContains(t, err, "already in use", "the cause")
				require.ErrorContains(t, err, "see with `ss -ltnp` who takes them", "the remedy")
				requireNothingOfThisProcess(t)
				return
			}
			require.NoError(t, err)
			t.Cleanup(func() {
				require.NoError(t, s.Down(context.Background()))
				requireNothingOfThisProcess(t)
			})
			require.NotEqual(t, inUse, s.published[SFTP])
			require.NoError(t, s.SFTP.StopGently(ctx, time.Second))
			reserved, err := s.reserved(ctx)
			require.NoError(t, err)
			for service, port := range s.published {
				require.True(t, reserved[port], "%s, stopped or not started, would lose its port to another stack", service)
			}
			require.NoError(t, s.SFTP.StartAgain(ctx))
			_, err = s.SFTP.Ready(ctx)
			require.NoError(t, err)
		})
	}
}

// requireNothingOfThisProcess looks for what stacks of this process left; none
// may be running.
func requireNothingOfThisProcess(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	docker, err := engine(ctx)
	require.NoError(t, err)
	defer docker.Close()
	filter := make(client.Filters).Add("label", LabelPID+"="+strconv.Itoa(os.Getpid()))
	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filter})
	require.NoError(t, err)
	require.Empty(t, containers.Items)
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: filter})
	require.NoError(t, err)
	require.Empty(t, networks.Items)
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: filter})
	require.NoError(t, err)
	require.Empty(t, volumes.Items)
}
