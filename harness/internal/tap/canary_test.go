package tap

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

// silent holds a connection until the other side closes it.
func silent(conn net.Conn) {
	for buffer := make([]byte, 512); ; {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

func TestCanaryHearsTheAnswer(t *testing.T) {
	for service, greeted := range greeting {
		if service == sftpService {
			continue
		}
		t.Run(service, func(t *testing.T) {
			address := taptest.Serve(t, func(conn net.Conn) {
				heard := make([]byte, len(greeted))
				if _, err := bufio.NewReader(conn).Read(heard); err == nil && string(heard) == greeted {
					conn.Write([]byte("x"))
				}
			})
			canary := Fly(t.Context(), service, address)
			require.Empty(t, canary.Error)
			require.False(t, canary.GaveUp)
		})
	}
}

// An SSH server's version comes unasked: it does not show that anything
// reached the server.
func TestCanaryToSFTPWaitsForWhatFollowsTheVersion(t *testing.T) {
	unasked := taptest.Serve(t, func(conn net.Conn) {
		conn.Write([]byte("SSH-2.0-test\r\n"))
		silent(conn)
	})
	canary := fly(t.Context(), sftpService, unasked, 100*time.Millisecond)
	require.NotEmpty(t, canary.Error)
	require.True(t, canary.GaveUp)
	require.GreaterOrEqual(t, canary.Seconds, 0.1)

	answers := taptest.Serve(t, func(conn net.Conn) {
		conn.Write([]byte("a notice\r\nSSH-2.0-test\r\n"))
		if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil && strings.HasPrefix(line, "SSH-2.0-") {
			conn.Write([]byte("\x00\x00\x04"))
		}
	})
	require.Empty(t, fly(t.Context(), sftpService, answers, 5*time.Second).Error)
}

func TestCanaryTellsAnEndFromSilence(t *testing.T) {
	closed := taptest.Serve(t, func(net.Conn) {})
	for service := range greeting {
		canary := fly(t.Context(), service, closed, 5*time.Second)
		require.NotEmpty(t, canary.Error, service)
		require.False(t, canary.GaveUp, service)
	}
	canary := fly(t.Context(), "postgres", taptest.Serve(t, silent), 50*time.Millisecond)
	require.True(t, canary.GaveUp)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := listener.Addr().String()
	require.NoError(t, listener.Close())
	canary = Fly(t.Context(), "postgres", nobody)
	require.Contains(t, canary.Error, "refused")
	require.False(t, canary.GaveUp)
}

func TestControlAsksForCanaries(t *testing.T) {
	answer := map[string]string{
		"/token/canary/sftp":     `{"seconds":0.5,"error":"EOF","gave_up":false}`,
		"/token/canary/rabbitmq": `not JSON`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := answer[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(body))
	}))
	defer server.Close()
	control := NewControl(strings.TrimPrefix(server.URL, "http://"), "token")
	canary, err := control.Canary(t.Context(), "sftp")
	require.NoError(t, err)
	require.Equal(t, Canary{Seconds: 0.5, Error: "EOF"}, canary)
	_, err = control.Canary(t.Context(), "rabbitmq")
	require.ErrorContains(t, err, "read the proxy's canary")
	_, err = control.Canary(t.Context(), "redis")
	require.ErrorContains(t, err, "to redis: it answers 404")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = control.Canary(gone, "sftp")
	require.ErrorIs(t, err, context.Canceled)
}
