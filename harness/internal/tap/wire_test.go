package tap

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
	"github.com/seatrial/seatrial/harness/internal/tap/taptest"
)

const (
	soon    = 10 * time.Second
	moments = 200 * time.Millisecond // in which something must not happen
)

// tapped puts a tap in front of a service on 127.0.0.1. The connections'
// role is "loader".
func tapped(t *testing.T, protocol, upstream string) (address string, control *Control) {
	t.Helper()
	wire := relay.New("")
	address = taptest.Listen(t, func(ctx context.Context, listener net.Listener) error {
		return wire.Serve(ctx, listener, relay.Route{Service: "service", Protocol: protocol, Upstream: upstream})
	})
	server := httptest.NewServer(http.StripPrefix("/token"+WirePath, wire.Control()))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	control = NewControl(strings.TrimPrefix(server.URL, "http://"), "token")
	require.NoError(t, control.Roles(t.Context(), map[string]string{"127.0.0.1": "loader"}))
	return address, control
}

func arm(t *testing.T, control *Control, b boundary.Breakpoint) *Armed {
	t.Helper()
	if b.Max == 0 {
		b.Max = time.Minute
	}
	armed, err := control.Arm(t.Context(), b)
	require.NoError(t, err)
	t.Cleanup(armed.Close)
	return armed
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	return ctx
}

// broker speaks as much AMQP as a client needs to publish with confirms.
type broker struct{ taken atomic.Int64 }

func (b *broker) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	if _, err := in.Discard(8); err != nil {
		return
	}
	method := func(channel uint16, class, id uint16, arguments string) {
		frame := binary.BigEndian.AppendUint16([]byte{1}, channel)
		frame = binary.BigEndian.AppendUint32(frame, uint32(4+len(arguments)))
		frame = binary.BigEndian.AppendUint16(frame, class)
		frame = binary.BigEndian.AppendUint16(frame, id)
		conn.Write(append(append(frame, arguments...), 0xce))
	}
	method(0, 10, 10, "\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US")
	tag := uint64(0)
	left := uint64(0)
	for {
		head := make([]byte, 7)
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		channel := binary.BigEndian.Uint16(head[1:])
		switch {
		case head[0] == 2:
			left = binary.BigEndian.Uint64(payload[4:])
		case head[0] == 3:
			if left -= uint64(len(payload) - 1); left == 0 {
				b.taken.Add(1)
				tag++
				method(channel, 60, 80, string(binary.BigEndian.AppendUint64(nil, tag))+"\x00")
			}
		case head[0] == 1:
			switch binary.BigEndian.Uint32(payload) {
			case 10<<16 | 11:
				method(0, 10, 30, "\x07\xff\x00\x02\x00\x00\x00\x01") // a heartbeat each second
			case 10<<16 | 40:
				method(0, 10, 41, "\x00")
			case 20<<16 | 10:
				method(channel, 20, 11, "\x00\x00\x00\x00")
			case 85<<16 | 10:
				method(channel, 85, 11, "")
			}
		}
	}
}

func publisher(t *testing.T, address string) *amqp.Channel {
	t.Helper()
	conn, err := amqp.DialConfig("amqp://u:p@"+address+"/", amqp.Config{Heartbeat: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { conn.CloseDeadline(time.Now()) })
	channel, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, channel.Confirm(false))
	return channel
}

func send(t *testing.T, channel *amqp.Channel, id string) *amqp.DeferredConfirmation {
	t.Helper()
	confirm, err := channel.PublishWithDeferredConfirmWithContext(t.Context(), "imports", "record", true, false, amqp.Publishing{MessageId: id, Body: []byte(id)})
	require.NoError(t, err)
	return confirm
}

// The third confirm is held for longer than the client waits for a sign of
// life; then it comes.
func TestHoldOfAConfirm(t *testing.T) {
	b := new(broker)
	address, control := tapped(t, "amqp", taptest.Serve(t, b.serve))
	armed := arm(t, control, boundary.Breakpoint{Role: "loader", Kind: boundary.Confirmed, Target: "imports", Nth: 3})
	channel := publisher(t, address)
	var confirms []*amqp.DeferredConfirmation
	for i := range 3 {
		confirms = append(confirms, send(t, channel, fmt.Sprint(i)))
	}
	held, err := armed.Held(within(t))
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, held.Messages)
	require.Equal(t, int64(3), held.Ordinal)
	for _, confirm := range confirms[:2] {
		<-confirm.Done()
	}
	require.EqualValues(t, 3, b.taken.Load(), "the broker has them all")
	select {
	case <-confirms[2].Done():
		require.Fail(t, "the third confirm was not held")
	case <-time.After(3500 * time.Millisecond): // amqp091-go gives up after 3 silent seconds
	}
	end, err := armed.Release(within(t), boundary.Forward)
	require.NoError(t, err)
	require.Empty(t, end.Err)
	require.Greater(t, end.Seconds, 3.0)
	acked, err := confirms[2].WaitContext(within(t))
	require.NoError(t, err)
	require.True(t, acked)
}

// A cut at the third publish: the first two have arrived, the third never does.
func TestCutOfAPublish(t *testing.T) {
	b := new(broker)
	address, control := tapped(t, "amqp", taptest.Serve(t, b.serve))
	armed := arm(t, control, boundary.Breakpoint{Kind: boundary.Published, Nth: 3, Cut: true})
	channel := publisher(t, address)
	for i := range 2 {
		send(t, channel, fmt.Sprint(i))
	}
	last := send(t, channel, "2")
	end, err := armed.Over(within(t))
	require.NoError(t, err)
	require.Equal(t, boundary.Drop, end.Mode)
	require.Equal(t, "cut", end.Why)
	require.GreaterOrEqual(t, end.Seconds, boundary.DefaultSettle.Seconds())
	acked, err := last.WaitContext(within(t))
	require.False(t, acked && err == nil)
	require.EqualValues(t, 2, b.taken.Load())
}

// database answers every Query with "INSERT 0 1" and counts them.
type database struct{ done atomic.Int64 }

func (d *database) serve(conn net.Conn) {
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return // SSLRequest never gets here
	}
	backend.Send(&pgproto3.AuthenticationOk{})
	backend.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}})
	backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	for backend.Flush() == nil {
		message, err := backend.Receive()
		if err != nil {
			return
		}
		if _, ok := message.(*pgproto3.Query); ok {
			d.done.Add(1)
			backend.Send(&pgproto3.CommandComplete{CommandTag: []byte("INSERT 0 1")})
			backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		}
	}
}

// session connects the way that prefers TLS: the tap declines it.
func session(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig("postgres://u@" + address + "/d?sslmode=prefer")
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(within(t), config)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func insert(t *testing.T, conn *pgx.Conn) chan error {
	t.Helper()
	done := make(chan error, 1)
	ctx := within(t)
	go func() {
		_, err := conn.Exec(ctx, "insert into people (key) values ('a')")
		done <- err
	}()
	return done
}

func TestHoldsOfAStatement(t *testing.T) {
	for name, test := range map[string]struct {
		at       boundary.Kind
		release  boundary.Mode
		done     int64 // by the database
		answered bool
	}{
		"request, forward": {boundary.StatementRequested, boundary.Forward, 2, true},
		"request, drop":    {boundary.StatementRequested, boundary.Drop, 1, false},
		"commit, forward":  {boundary.Committed, boundary.Forward, 2, true},
		"commit, drop":     {boundary.Committed, boundary.Drop, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := new(database)
			address, control := tapped(t, "postgres", taptest.Serve(t, d.serve))
			conn := session(t, address)
			armed := arm(t, control, boundary.Breakpoint{Role: "loader", Kind: test.at, Target: "people", Nth: 2})
			require.NoError(t, <-insert(t, conn))
			done := insert(t, conn)
			held, err := armed.Held(within(t))
			require.NoError(t, err)
			require.Equal(t, test.at, held.Kind)
			select {
			case err := <-done:
				require.Fail(t, "not held", "%v", err)
			case <-time.After(moments):
			}
			if test.at == boundary.StatementRequested {
				require.EqualValues(t, 1, d.done.Load())
			}
			end, err := armed.Release(within(t), test.release)
			require.NoError(t, err)
			require.Equal(t, test.release, end.Mode)
			require.Equal(t, test.answered, <-done == nil)
			require.Equal(t, test.done, d.done.Load())
		})
	}
}

func TestHoldsEnd(t *testing.T) {
	d := new(database)
	address, control := tapped(t, "postgres", taptest.Serve(t, d.serve))
	conn := session(t, address)
	b := boundary.Breakpoint{Kind: boundary.Committed, Nth: 1, Max: time.Minute}

	t.Run("by their maximum", func(t *testing.T) {
		b := b
		b.Max = 100 * time.Millisecond
		armed := arm(t, control, b)
		require.NoError(t, <-insert(t, conn))
		end, err := armed.Over(within(t))
		require.NoError(t, err)
		require.Equal(t, "maximum", end.Why)
		require.Equal(t, boundary.Forward, end.Mode)
	})
	t.Run("when the harness is gone", func(t *testing.T) {
		armed := arm(t, control, b)
		done := insert(t, conn)
		_, err := armed.Held(within(t))
		require.NoError(t, err)
		armed.Close()
		require.NoError(t, <-done)
	})
	t.Run("by a reset", func(t *testing.T) {
		held, waiting := arm(t, control, b), arm(t, control, boundary.Breakpoint{Kind: boundary.Acked, Nth: 1})
		done := insert(t, conn)
		_, err := held.Held(within(t))
		require.NoError(t, err)
		require.NoError(t, control.ResetWire(within(t)))
		require.NoError(t, <-done)
		end, err := held.Over(within(t))
		require.NoError(t, err)
		require.Equal(t, "reset", end.Why)
		_, err = waiting.Held(within(t))
		require.ErrorIs(t, err, ErrNeverReached)
	})
	t.Run("and say that the connection was gone", func(t *testing.T) {
		conn := session(t, address)
		armed := arm(t, control, b)
		done := insert(t, conn)
		_, err := armed.Held(within(t))
		require.NoError(t, err)
		conn.PgConn().Conn().(*net.TCPConn).SetLinger(0)
		conn.PgConn().Conn().Close()
		require.Error(t, <-done)
		gone := func() bool {
			open, err := control.Connections(within(t))
			require.NoError(t, err)
			return len(open) < 2
		}
		require.Eventually(t, gone, soon, 10*time.Millisecond)
		end, err := armed.Release(within(t), boundary.Forward)
		require.NoError(t, err)
		require.NotEmpty(t, end.Err)
	})
	t.Run("never twice", func(t *testing.T) {
		armed := arm(t, control, b)
		end, err := armed.Release(within(t), boundary.Drop)
		require.NoError(t, err)
		require.Empty(t, end.Mode, "it held nothing")
		_, err = armed.Release(within(t), boundary.Drop)
		require.ErrorContains(t, err, "no such breakpoint")
		require.NoError(t, <-insert(t, conn))
	})
}

func TestEventsCanBeResumed(t *testing.T) {
	d := new(database)
	address, control := tapped(t, "postgres", taptest.Serve(t, d.serve))
	conn := session(t, address)
	for range 3 {
		require.NoError(t, <-insert(t, conn))
	}
	take := func(after int64, n int) (events []boundary.Event) {
		for e, err := range control.Events(within(t), after) {
			require.NoError(t, err)
			if events = append(events, e); len(events) == n {
				break
			}
		}
		return events
	}
	all := take(0, 7) // that TLS was declined, and two each
	require.Equal(t, boundary.Noted, all[0].Kind)
	for i, e := range all {
		require.EqualValues(t, i+1, e.Number)
		require.Equal(t, "loader", e.Role)
		require.Equal(t, "service", e.Service)
	}
	require.Equal(t, boundary.StatementRequested, all[5].Kind)
	require.Equal(t, boundary.Committed, all[6].Kind)
	require.EqualValues(t, 3, all[6].Ordinal)
	require.True(t, all[6].Time.After(all[5].Time))
	require.Equal(t, all[4:], take(4, 3))
	require.NoError(t, control.ResetWire(within(t)))
	require.NoError(t, <-insert(t, conn))
	again := take(7, 2)
	require.EqualValues(t, 8, again[0].Number)
	require.EqualValues(t, 1, again[0].Ordinal)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range control.Events(ended, 0) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestHoldOfABulk(t *testing.T) {
	asked := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked <- string(body)
		io.WriteString(w, `{"errors":true,"items":[{"index":{"_id":"a","status":429,"error":{"type":"full","reason":"later"}}}]}`)
	}))
	defer server.Close()
	address, control := tapped(t, "http", strings.TrimPrefix(server.URL, "http://"))
	requested := arm(t, control, boundary.Breakpoint{Kind: boundary.IndexRequested, Target: "people", Nth: 1})
	indexed := arm(t, control, boundary.Breakpoint{Kind: boundary.Indexed, Record: "a", Nth: 1})
	answer := make(chan error, 1)
	go func() {
		response, err := http.Post("http://"+address+"/people/_bulk", "application/x-ndjson", strings.NewReader(`{"index":{"_id":"a"}}`+"\n{}\n"))
		if err == nil {
			_, err = io.ReadAll(response.Body)
			response.Body.Close()
		}
		answer <- err
	}()
	_, err := requested.Held(within(t))
	require.NoError(t, err)
	select {
	case <-asked:
		require.Fail(t, "the request was not held")
	case <-time.After(moments):
	}
	_, err = requested.Release(within(t), boundary.Forward)
	require.NoError(t, err)
	_, err = indexed.Held(within(t))
	require.NoError(t, err)
	require.Contains(t, <-asked, `"_id":"a"`)
	require.Empty(t, answer)
	_, err = indexed.Release(within(t), boundary.Forward)
	require.NoError(t, err)
	require.NoError(t, <-answer)
	for e, err := range control.Events(within(t), 0) {
		require.NoError(t, err)
		if e.Kind == boundary.ItemsAnswered {
			require.Equal(t, []string{"a"}, e.Failed)
			break
		}
	}
}

// Half-open connections: what the other side has still to say arrives, and
// what never makes up a message, too.
func TestHalfOpenConnections(t *testing.T) {
	upstream := taptest.Serve(t, func(conn net.Conn) {
		all, _ := io.ReadAll(conn)
		fmt.Fprintf(conn, "got %q", all)
	})
	for _, protocol := range []string{"", "amqp", "postgres", "http", "sftp"} {
		t.Run(protocol, func(t *testing.T) {
			address, control := tapped(t, protocol, upstream)
			conn, err := net.Dial("tcp", address)
			require.NoError(t, err)
			defer conn.Close()
			begin := map[string]string{"amqp": "AMQP\x00\x00\x09\x01\x01\x00", "postgres": "\x00\x00\x00", "http": "PUT /a", "sftp": "\x00\x00"}[protocol]
			_, err = io.WriteString(conn, begin)
			require.NoError(t, err)
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			said, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("got %q", begin), string(said))
			gone := func() bool {
				open, err := control.Connections(within(t))
				return err == nil && len(open) == 0
			}
			require.Eventually(t, gone, soon, 10*time.Millisecond)
		})
	}
}

func TestControlSaysWhatIsWrong(t *testing.T) {
	_, control := tapped(t, "amqp", "127.0.0.1:1")
	_, err := control.Arm(t.Context(), boundary.Breakpoint{Kind: boundary.Acked, Nth: 1})
	require.ErrorContains(t, err, "maximum is 0s")
	_, err = control.Arm(t.Context(), boundary.Breakpoint{Kind: boundary.Acked, Max: time.Second})
	require.ErrorContains(t, err, "nth is 0")
	require.ErrorContains(t, control.Keys(t.Context(), boundary.KeyPattern{Prefix: "G", Length: 12}), "at least 3")
	require.NoError(t, control.Keys(t.Context()))
	require.NoError(t, control.Direct(t.Context(), "*"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = control.Arm(gone, boundary.Breakpoint{Kind: boundary.Acked, Nth: 1, Max: time.Second})
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
}
