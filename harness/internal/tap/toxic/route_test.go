package toxic

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
)

// routed puts the tap and Toxiproxy in front of a server that says back what
// it hears.
func routed(t *testing.T) (address string, toxics *toxiproxy.Proxy, control *tap.Control) {
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
	wire := relay.New("")
	served := make(chan error, 1)
	go func() { served <- wire.Serve(ctx, listener, route) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
	})
	answers := httptest.NewServer(http.StripPrefix("/x"+tap.WirePath, wire.Control()))
	t.Cleanup(func() { answers.CloseClientConnections(); answers.Close() })
	return listener.Addr().String(), toxics, tap.NewControl(strings.TrimPrefix(answers.URL, "http://"), "x")
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
	address, toxics, _ := routed(t)
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
			address, toxics, _ := routed(t)
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
	address, toxics, _ := routed(t)
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

// A cut ends what is open, with what the toxics hold of it, and refuses what
// comes; until it is taken back.
func TestCut(t *testing.T) {
	for _, direct := range []bool{false, true} {
		address, toxics, control := routed(t)
		if direct {
			require.NoError(t, control.Direct(t.Context(), "*"))
		}
		before, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer before.Close()
		_, err = ask(before)
		require.NoError(t, err)
		add(t, toxics, `{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":300}}`)
		open, err := control.Open("echo")
		require.NoError(t, err)
		require.True(t, open)
		if !direct {
			_, err = io.WriteString(before, "hello")
			require.NoError(t, err)
			time.Sleep(100 * time.Millisecond) // the echo waits in the toxic
		}
		require.NoError(t, control.SetOpen("echo", false))
		require.NoError(t, before.SetDeadline(time.Now().Add(10*time.Second)))
		n, err := before.Read(make([]byte, 5))
		require.Zero(t, n)
		require.ErrorContains(t, err, "reset by peer")
		open, err = control.Open("echo")
		require.NoError(t, err)
		require.False(t, open)
		if during, err := net.Dial("tcp", address); err == nil {
			_, err = ask(during)
			require.Error(t, err)
			during.Close()
		}
		require.NoError(t, control.SetOpen("echo", true))
		after, err := net.Dial("tcp", address)
		require.NoError(t, err)
		defer after.Close()
		_, err = ask(after)
		require.NoError(t, err)
	}
}
