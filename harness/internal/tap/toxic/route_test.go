package toxic

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

const soon = 10 * time.Second

// front is the tap and Toxiproxy in front of a service.
type front struct {
	address  string
	toxics   *toxiproxy.Proxy
	control  *tap.Control
	up, down *passage
}

// passage counts the bytes that went into the toxics of one direction, and
// those that came out of them.
type passage struct{ in, out atomic.Int64 }

func (p *passage) watch(link relay.Link) relay.Link {
	return func(name string, source io.Reader, dest io.WriteCloser) {
		link(name, watched{source, &p.in}, struct {
			io.Writer
			io.Closer
		}{counted{dest, &p.out}, dest})
	}
}

type watched struct {
	io.Reader
	n *atomic.Int64
}

// WriteTo is what io.Copy uses, as without anybody who watches.
func (w watched) WriteTo(to io.Writer) (int64, error) { return io.Copy(counted{to, w.n}, w.Reader) }

type counted struct {
	io.Writer
	n *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// inFrontOf puts them there: serve is the service.
func inFrontOf(t *testing.T, serve func(net.Conn)) front {
	t.Helper()
	server := NewServer(zerolog.Nop())
	route, toxics, err := Route(server, "service", taptest.Serve(t, serve))
	require.NoError(t, err)
	t.Cleanup(toxics.Stop)
	f := front{toxics: toxics, up: new(passage), down: new(passage)}
	route.Up, route.Down = f.up.watch(route.Up), f.down.watch(route.Down)
	wire := relay.New("")
	f.address = taptest.Listen(t, func(ctx context.Context, listener net.Listener) error { return wire.Serve(ctx, listener, route) })
	both := http.NewServeMux()
	both.Handle("/x"+tap.WirePath+"/", http.StripPrefix("/x"+tap.WirePath, wire.Control()))
	both.Handle("/x/", http.StripPrefix("/x", server.Routes()))
	answers := httptest.NewServer(both)
	t.Cleanup(func() { answers.CloseClientConnections(); answers.Close() })
	f.control = tap.NewControl(strings.TrimPrefix(answers.URL, "http://"), "x")
	return f
}

func (f front) add(t *testing.T, toxic string) {
	t.Helper()
	_, err := f.toxics.Toxics.AddToxicJson(strings.NewReader(toxic))
	require.NoError(t, err)
}

// ask says something and waits for the echo.
func ask(conn net.Conn) (took time.Duration, err error) {
	begun := time.Now()
	if err := conn.SetDeadline(begun.Add(soon)); err != nil {
		return 0, err
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(conn, make([]byte, 5))
	return time.Since(begun), err
}

func TestToxicsActBehindTheTap(t *testing.T) {
	f := inFrontOf(t, taptest.Echo)
	conn, err := net.Dial("tcp", f.address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = ask(conn)
	require.NoError(t, err)
	for _, stream := range []string{"upstream", "downstream"} {
		f.add(t, `{"name":"slow","type":"latency","stream":"`+stream+`","attributes":{"latency":150}}`)
		took, err := ask(conn)
		require.NoError(t, err)
		require.GreaterOrEqual(t, took, 150*time.Millisecond)
		require.NoError(t, f.toxics.Toxics.RemoveToxic(t.Context(), "slow"))
		_, err = ask(conn)
		require.NoError(t, err)
	}
}

// Connections that were there before, and those that begin while it is on: the
// latter end abruptly.
func TestResetPeerBehindTheTap(t *testing.T) {
	for _, stream := range []string{"upstream", "downstream"} {
		t.Run(stream, func(t *testing.T) {
			f := inFrontOf(t, taptest.Echo)
			before, err := net.Dial("tcp", f.address)
			require.NoError(t, err)
			defer before.Close()
			_, err = ask(before)
			require.NoError(t, err)
			f.add(t, `{"name":"reset","type":"reset_peer","stream":"`+stream+`","attributes":{"timeout":0}}`)
			_, err = ask(before)
			require.Error(t, err)
			during, err := net.Dial("tcp", f.address)
			require.NoError(t, err)
			defer during.Close()
			_, err = ask(during)
			require.ErrorContains(t, err, "reset by peer")
			require.NoError(t, f.toxics.Toxics.RemoveToxic(t.Context(), "reset"))
			after, err := net.Dial("tcp", f.address)
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
	f := inFrontOf(t, taptest.Echo)
	f.add(t, `{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":100}}`)
	conn, err := net.Dial("tcp", f.address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "all that there is")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	require.NoError(t, conn.SetDeadline(time.Now().Add(soon)))
	said, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "all that there is", string(said))
}

// A cut ends what is open, with what the toxics hold of it, and refuses what
// comes; until it is taken back.
func TestCut(t *testing.T) {
	for _, direct := range []bool{false, true} {
		f := inFrontOf(t, taptest.Echo)
		if direct {
			require.NoError(t, f.control.Direct(t.Context(), "*"))
		}
		before, err := net.Dial("tcp", f.address)
		require.NoError(t, err)
		defer before.Close()
		_, err = ask(before)
		require.NoError(t, err)
		f.add(t, `{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":300}}`)
		open, err := f.control.Open("service")
		require.NoError(t, err)
		require.True(t, open)
		if !direct {
			_, err = io.WriteString(before, "hello")
			require.NoError(t, err)
			waits := func() bool { return f.down.in.Load() == 5+5 }
			require.Eventually(t, waits, soon, time.Millisecond, "the echo has not come to the toxic")
		}
		require.NoError(t, f.control.SetOpen("service", false))
		require.NoError(t, before.SetDeadline(time.Now().Add(soon)))
		n, err := before.Read(make([]byte, 5))
		require.Zero(t, n)
		require.ErrorContains(t, err, "reset by peer")
		open, err = f.control.Open("service")
		require.NoError(t, err)
		require.False(t, open)
		if during, err := net.Dial("tcp", f.address); err == nil {
			_, err = ask(during)
			require.Error(t, err)
			during.Close()
		}
		require.NoError(t, f.control.SetOpen("service", true))
		after, err := net.Dial("tcp", f.address)
		require.NoError(t, err)
		defer after.Close()
		_, err = ask(after)
		require.NoError(t, err)
	}
}

// What a client said before it died arrives, also where a toxic still holds it.
func TestDeadClientIsHeardOut(t *testing.T) {
	heard := make(chan string, 1)
	f := inFrontOf(t, func(conn net.Conn) {
		io.WriteString(conn, "unread") // but for its first byte, so that the client's end is a reset
		said, _ := io.ReadAll(conn)
		heard <- string(said)
	})
	f.add(t, `{"name":"slow","type":"latency","stream":"upstream","attributes":{"latency":300}}`)
	client, err := net.Dial("tcp", f.address)
	require.NoError(t, err)
	_, err = io.WriteString(client, "the last ack")
	require.NoError(t, err)
	waits := func() bool { return f.up.in.Load() == int64(len("the last ack")) }
	require.Eventually(t, waits, soon, time.Millisecond, "it has not come to the toxic")
	require.NoError(t, client.SetReadDeadline(time.Now().Add(soon)))
	_, err = io.ReadFull(client, make([]byte, 1))
	require.NoError(t, err, "what the service said has not come")
	require.NoError(t, client.(*net.TCPConn).SetLinger(0))
	require.NoError(t, client.Close())
	select {
	case said := <-heard:
		require.Equal(t, "the last ack", said)
	case <-time.After(soon):
		t.Fatal("the connection to the service has not ended")
	}
}

// A second toxic on a connection whose service takes nothing meets the chunk that
// the first one holds, and nothing is lost.
func TestSecondToxicOnAStalledConnection(t *testing.T) {
	takes := make(chan struct{})
	got := make(chan int, 1)
	f := inFrontOf(t, func(conn net.Conn) {
		<-takes
		said, _ := io.ReadAll(conn)
		got <- len(said)
	})
	f.add(t, `{"name":"slow","type":"latency","stream":"upstream","attributes":{"latency":1}}`)
	client, err := net.Dial("tcp", f.address)
	require.NoError(t, err)
	const much = 8 << 20
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(make([]byte, much))
		sent <- errors.Join(err, client.(*net.TCPConn).CloseWrite())
	}()
	var came int64
	full := func() bool { // nothing has come out for a while of what is in
		before := came
		came = f.up.out.Load()
		return came > 0 && came == before && f.up.in.Load() > came
	}
	require.Eventually(t, full, soon, 250*time.Millisecond, "the service's window is not full")
	f.add(t, `{"name":"pieces","type":"slicer","stream":"upstream","attributes":{"average_size":65536}}`)
	ended := func() bool {
		open, err := f.control.Connections(t.Context())
		return err != nil || len(open) != 1
	}
	require.Never(t, ended, flushWithin+time.Second, 100*time.Millisecond, "the chunk that was held was tried, and the connection ended")
	close(takes)
	select {
	case n := <-got:
		require.Equal(t, much, n)
		require.NoError(t, <-sent)
	case <-time.After(20 * time.Second):
		t.Fatal("it has not come through")
	}
	client.Close()
}
