package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/tap/reader"
)

// ready is a connection that has been opened, for measuring what passes.
func readyConn(b *testing.B, protocol string, up, down string) *conn {
	wire := New("")
	wire.lookup = func(context.Context, string) string { return "" }
	r, err := reader.New(protocol, &wire.keys)
	require.NoError(b, err)
	r.Read(reader.Up, []byte(up))
	r.Read(reader.Down, []byte(down))
	return newConn(wire, protocol, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, r, [2]io.ReadWriteCloser{})
}

func encode(b *testing.B, messages ...pgproto3.Message) []byte {
	var all []byte
	for _, message := range messages {
		var err error
		all, err = message.Encode(all)
		require.NoError(b, err)
	}
	return all
}

func pass(b *testing.B, f *flow, p []byte) {
	copy(f.buffer, p)
	if err := f.pass(io.Discard, len(p)); err != nil {
		b.Fatal(err)
	}
}

// What the tap costs for one insert: the request with its parameters, the
// answer; two events.
func BenchmarkInsert(b *testing.B) {
	prepare := encode(b, &pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "u"}}, &pgproto3.Parse{Name: "s", Query: "insert into people values ($1, $2)"})
	c := readyConn(b, "postgres", string(prepare), "")
	up := encode(b, &pgproto3.Bind{PreparedStatement: "s", Parameters: [][]byte{[]byte("K0000001"), []byte("1")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	down := encode(b, &pgproto3.BindComplete{}, &pgproto3.CommandComplete{CommandTag: []byte("INSERT 0 1")}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	request, answer := &flow{c: c, d: reader.Up, buffer: make([]byte, bufferSize)}, &flow{c: c, d: reader.Down, buffer: make([]byte, bufferSize)}
	request.base, answer.base = int64(len(prepare)), 0
	b.ReportAllocs()
	for b.Loop() {
		pass(b, request, up)
		pass(b, answer, down)
	}
}

// What the tap costs for one publish and its confirm; two events.
func BenchmarkPublish(b *testing.B) {
	frame := func(kind byte, payload string) []byte {
		head := binary.BigEndian.AppendUint32([]byte{kind, 0, 1}, uint32(len(payload)))
		return append(append(head, payload...), 0xce)
	}
	hello := "AMQP\x00\x00\x09\x01" + string(frame(1, "\x00\x55\x00\x0a\x00"))
	c := readyConn(b, "amqp", hello, "")
	body := bytes.Repeat([]byte("x"), 300)
	up := append(frame(1, "\x00\x3c\x00\x28\x00\x00\x07imports\x06record\x00"), frame(2, "\x00\x3c\x00\x00"+"\x00\x00\x00\x00\x00\x00\x01\x2c"+"\x00\x80\x03a:1")...)
	up = append(up, frame(3, string(body))...)
	request, answer := &flow{c: c, d: reader.Up, buffer: make([]byte, bufferSize)}, &flow{c: c, d: reader.Down, buffer: make([]byte, bufferSize)}
	request.base = int64(len(hello))
	tag := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		tag++
		pass(b, request, up)
		pass(b, answer, frame(1, "\x00\x3c\x00\x50"+string(binary.BigEndian.AppendUint64(nil, tag))+"\x00"))
	}
}
