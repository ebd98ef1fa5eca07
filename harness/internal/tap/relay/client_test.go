package relay

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

// Whose connections come through a listener of its own need not be found out.
func TestRouteOfOneClient(t *testing.T) {
	wire := New("")
	wire.lookup = func(context.Context, string) string { return "somebody" }
	echo := taptest.Serve(t, taptest.Echo)
	address := taptest.Listen(t, func(ctx context.Context, listener net.Listener) error {
		return wire.Serve(ctx, listener, Route{Service: "postgres", Upstream: echo, Client: "attached"})
	})
	client, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer client.Close()
	_, err = client.Write([]byte("x"))
	require.NoError(t, err)
	_, err = client.Read(make([]byte, 1))
	require.NoError(t, err)
	require.Equal(t, []string{"attached"}, clientsOf(wire))
	wire.roles.set(map[string]string{"attached": "importer"})
	require.Equal(t, []string{"importer"}, clientsOf(wire), "unless the harness says what it is called")
}

// clientsOf returns the roles of all open connections.
func clientsOf(wire *Tap) []string {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	var names []string
	for _, c := range wire.open {
		names = append(names, c.role())
	}
	return names
}
