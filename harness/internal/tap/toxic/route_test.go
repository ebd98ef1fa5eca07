package toxic

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap/relay"
)

// routed puts the tap and Toxiproxy in front of a server that says back what
// it hears.
func routed(t *testing.T) (address string, toxics *toxiproxy.Proxy) {
	t.Helper()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { echo.Close() })
	go func() {
		for {
			conn, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	route, toxics, err := Route(NewServer(zerolog.Nop()), "echo", echo.Addr().String())
	require.NoError(t, err)
	t.Cleanup(toxics.Stop)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- relay.New("").Serve(ctx, listener, route) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
	})
	return listener.Addr().String(), toxics
}

func add(t *testing.T, proxy *toxiproxy.Proxy, toxic string) {
	t.Helper()
	_, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	require.NoError(t, err)
}

// ask says something and waits for the echo.
func ask(conn net.Conn) (took time.Duration, err error) {
	begun := time.Now()
	if err := conn.SetDeadline(begun.Add(10 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(conn, make([]byte, 5))
	return time.Since(begun), err
}

func TestToxicsActBehindTheTap(t *testing.T) {
	address, toxics := routed(t)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = ask(conn)
	require.NoError(t, err)
	for _, stream := range []string{"upstream", "downstream"} {
		add(t, toxics, `{"name":"slow","type":"latency","stream":"`+stream+`","attributes":{"latency":150}}`)
		took, err := ask(conn)
		require.NoError(t, err)
		require.GreaterOrEqual(t, took, 150*time.Millisecond)
		require.NoError(t, toxics.Toxics.RemoveToxic(t.Context(), "slow"))
		_, err = ask(conn)
		require.NoError(t, err)
	}
}

// Connections that were there before, and those that begin while it is on: the
// latter end abruptly.
func TestResetPeerBehindTheTap(t *testing.T) {
	for _, stream := range []string{"upstream", "downstream"} {
		t.Run(stream, func(t *testing.T) {
			address, toxics := routed(t)
			before, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer before.Close()
			_, err = ask(before)
			require.NoError(t, err)
			add(t, toxics, `{"name":"reset","type":"reset_peer","stream":"`+stream+`","attributes":{"timeout":0}}`)
			_, err = ask(before)
			require.Error(t, err)
			during, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer during.Close()
			_, err = ask(during)
			require.ErrorContains(t, err, "reset by peer")
			require.NoError(t, toxics.Toxics.RemoveToxic(t.Context(), "reset"))
			after, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer after.Close()
			_, err = ask(after)
			require.NoError(t, err)
		})
	}
}

// The answer to a client that has said all still comes, with toxics in
// between, too.
func TestHalfCloseBehindTheTap(t *testing.T) {
	address, toxics := routed(t)
	add(t, toxics, `{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":100}}`)
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "all that there is")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	said, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "all that there is", string(said))
}
