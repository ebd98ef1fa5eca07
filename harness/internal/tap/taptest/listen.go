package taptest

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve takes connections on 127.0.0.1 until the test ends, and closes each
// when handle returns. It returns where it listens.
func Serve(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	listener := listen(t)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// Echo says back what it hears, until the client has said all.
func Echo(conn net.Conn) { io.Copy(conn, conn) }

// Listen has serve take connections on 127.0.0.1 until the test ends: then its
// context does, and it must return without an error. It returns where it listens.
func Listen(t testing.TB, serve func(context.Context, net.Listener) error) (address string) {
	t.Helper()
	listener := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
	})
	return listener.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}
