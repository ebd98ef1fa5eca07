package relay

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

// Postgres's request for TLS, which the tap answers in the server's place.
const wantsTLS = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// A hold at what the tap answers itself changes nothing of that: the server
// never sees it.
func TestHoldOfWhatIsSwallowed(t *testing.T) {
	heard := make(chan string, 1)
	service := taptest.Serve(t, func(conn net.Conn) {
		said, _ := io.ReadAll(conn)
		heard <- string(said)
	})
	wire := New("")
	address := taptest.Listen(t, func(ctx context.Context, listener net.Listener) error {
		return wire.Serve(ctx, listener, Route{Service: "postgres", Protocol: "postgres", Upstream: service})
	})
	armed := wire.hub.arm(boundary.Breakpoint{Kind: boundary.Noted, Nth: 1, Max: time.Minute})

	client, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, client.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(client, wantsTLS)
	require.NoError(t, err)
	<-armed.held
	wire.hub.end(armed, boundary.Forward, "asked")
	answer := make([]byte, 1)
	_, err = io.ReadFull(client, answer)
	require.NoError(t, err)
	require.Equal(t, "N", string(answer))
	require.NoError(t, client.(*net.TCPConn).CloseWrite())
	require.Empty(t, <-heard)
}
