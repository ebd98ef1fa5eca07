package relay

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
)

// Postgres's request for TLS, which the tap answers in the server's place.
const wantsTLS = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// A hold at what the tap answers itself changes nothing of that: the server
// never sees it.
func TestHoldOfWhatIsSwallowed(t *testing.T) {
	service, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer service.Close()
	heard := make(chan string, 1)
	go func() {
		conn, err := service.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		said, _ := io.ReadAll(conn)
		heard <- string(said)
	}()
	wire := New("")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go wire.Serve(ctx, listener, Route{Service: "postgres", Protocol: "postgres", Upstream: service.Addr().String()})
	armed := wire.hub.arm(boundary.Breakpoint{Kind: boundary.Noted, Nth: 1, Max: time.Minute})

	client, err := net.Dial("tcp", listener.Addr().String())
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
