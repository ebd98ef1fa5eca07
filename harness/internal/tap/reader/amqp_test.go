package reader

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
)

func short16(n int) string { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) }
func long32(n int) string  { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func long64(n int) string  { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }
func text(s string) string { return string([]byte{byte(len(s))}) + s }

func amqpFrame(kind, channel int, payload string) string {
	return string([]byte{byte(kind)}) + short16(channel) + long32(len(payload)) + payload + "\xce"
}

func amqpMethod(channel int, m method, arguments string) string {
	return amqpFrame(frameMethod, channel, long32(int(m))+arguments)
}

// amqpMessage is header and body, cut into frames of at most max bytes.
func amqpMessage(channel int, messageID, correlationID, body string, max int) string {
	flags, properties := 0, ""
	if correlationID != "" {
		flags |= 1 << 10
		properties += text(correlationID)
	}
	if messageID != "" {
		flags |= 1 << 7
		properties += text(messageID)
	}
	all := amqpFrame(frameHeader, channel, short16(60)+short16(0)+long64(len(body))+short16(flags)+properties)
	for len(body) > 0 {
		n := min(max, len(body))
		all += amqpFrame(frameBody, channel, body[:n])
		body = body[n:]
	}
	return all
}

func publish(channel int, exchange, key, id, body string) string {
	return amqpMethod(channel, basicPublish, short16(0)+text(exchange)+text(key)+"\x00") + amqpMessage(channel, id, "", body, 4096)
}

func deliver(channel, tag int, consumer, id, body string) string {
	return amqpMethod(channel, basicDeliver, text(consumer)+long64(tag)+"\x00"+text("imports")+text("record")) + amqpMessage(channel, id, "", body, 4096)
}

const (
	amqpHello = "AMQP\x00\x00\x09\x01"
	amqpBeat  = "\x08\x00\x00\x00\x00\x00\x00\xce"
)

func consume(channel int, queue, tag, bits string) string {
	return amqpMethod(channel, basicConsume, short16(0)+text(queue)+text(tag)+bits+long32(0))
}

func TestAMQP(t *testing.T) {
	for name, test := range map[string]struct {
		talk []said
		want []string
	}{
		"publishes and one confirm for two": {
			[]said{
				{Up, amqpHello + amqpMethod(1, channelOpen, "\x00") + amqpMethod(1, confirmSelect, "\x00")},
				{Up, publish(1, "imports", "record", "a:1", "one") + publish(1, "imports", "record", "a:2", "") + amqpBeat + publish(1, "", "records", "", "three")},
				{Down, amqpBeat + amqpMethod(1, basicAck, long64(2)+"\x01") + amqpMethod(1, basicNack, long64(3)+"\x00")},
			},
			[]string{
				"published target=imports count=1 routing=record messages=a:1",
				"published target=imports count=1 routing=record messages=a:2",
				"published target=records count=1",
				"confirmed target=imports count=2 many=2 routing=record messages=a:1,a:2",
				"refused target=records count=1 many=1",
			},
		},
		"a body in many frames": {
			[]said{{Up, amqpHello + publish(1, "x", "y", "big", strings.Repeat("b", 10_000))}},
			[]string{"published target=x count=1 routing=y messages=big"},
		},
		"deliveries of two queues, acked at once": {
			[]said{
				{Up, amqpHello + consume(1, "records", "c1", "\x00") + consume(1, "others", "", "\x00")},
				{Down, amqpMethod(1, basicConsumeOK, text("c1")) + amqpMethod(1, basicConsumeOK, text("amq.1"))},
				{Down, deliver(1, 1, "c1", "m1", "x") + deliver(1, 2, "amq.1", "m2", "y") + deliver(1, 3, "c1", "m3", "z")},
				{Up, amqpMethod(1, basicAck, long64(2)+"\x01") + amqpMethod(1, basicNack, long64(3)+"\x02")},
			},
			[]string{
				"delivered target=records count=1 routing=record messages=m1",
				"delivered target=others count=1 routing=record messages=m2",
				"delivered target=records count=1 routing=record messages=m3",
				"acked target=records count=1 many=1 routing=record messages=m1",
				"acked target=others count=1 many=1 routing=record messages=m2",
				"rejected target=records count=1 many=1 routing=record messages=m3 note=requeued",
			},
		},
		"tags are per channel and begin anew with it": {
			[]said{
				{Up, amqpHello + consume(1, "a", "c", "\x00") + consume(2, "b", "c", "\x00")},
				{Down, deliver(1, 1, "c", "one", "x") + deliver(2, 1, "c", "two", "x")},
				{Up, amqpMethod(2, basicAck, long64(1)+"\x00")},
				{Up, amqpMethod(1, channelClose, short16(200)+text("")+long32(0))},
				{Down, amqpMethod(1, channelCloseOK, "")},
				{Up, amqpMethod(1, channelOpen, "\x00") + amqpMethod(1, basicAck, long64(1)+"\x00")},
			},
			[]string{
				"delivered target=a count=1 routing=record messages=one",
				"delivered target=b count=1 routing=record messages=two",
				"acked target=b count=1 many=1 routing=record messages=two",
			},
		},
		"get, with and without an answer": {
			[]said{
				{Up, amqpHello + amqpMethod(1, basicGet, short16(0)+text("q")+"\x00") + amqpMethod(1, basicGet, short16(0)+text("r")+"\x00")},
				{Down, amqpMethod(1, basicGetEmpty, text(""))},
				{Down, amqpMethod(1, basicGetOK, long64(1)+"\x01"+text("e")+text("k")+long32(0)) + amqpMessage(1, "", "corr", "body", 100)},
				{Up, amqpMethod(1, basicReject, long64(1)+"\x00")},
			},
			[]string{
				"delivered target=r count=1 routing=k messages=corr note=redelivered",
				"rejected target=r count=1 many=1 routing=k messages=corr",
			},
		},
		"transactions confirm at their commit": {
			[]said{
				{Up, amqpHello + amqpMethod(1, txSelect, "") + publish(1, "x", "k", "1", "a") + publish(1, "x", "k", "2", "b") + amqpMethod(1, txCommit, "")},
				{Down, amqpMethod(1, txCommitOK, "")},
				{Up, publish(1, "x", "k", "3", "a") + amqpMethod(1, txRollback, "")},
				{Down, amqpMethod(1, txRollbackOK, "")},
			},
			[]string{
				"published target=x count=1 routing=k messages=1",
				"published target=x count=1 routing=k messages=2",
				"tx requested count=2",
				"confirmed target=x count=2 many=2 routing=k messages=1,2",
				"published target=x count=1 routing=k messages=3",
				"rolled back target=x count=1 many=1 routing=k messages=3",
			},
		},
		"returned, and closed with a code": {
			[]said{
				{Up, amqpHello},
				{Down, amqpMethod(1, basicReturn, short16(312)+text("NO_ROUTE")+text("imports")+text("nowhere")) + amqpMessage(1, "lost", "", "x", 10)},
				{Down, amqpMethod(1, channelClose, short16(406)+text("PRECONDITION_FAILED")+long32(0)) + amqpMethod(0, connectionClose, short16(320)+text("CONNECTION_FORCED")+long32(0))},
			},
			[]string{
				"returned target=imports count=1 routing=nowhere messages=lost code=312 note=NO_ROUTE",
				"closed target=channel code=406 note=PRECONDITION_FAILED",
				"closed target=connection code=320 note=CONNECTION_FORCED",
			},
		},
		"another version": {
			[]said{{Up, "AMQP\x03\x01\x00\x00 and more"}, {Down, "AMQP\x00\x00\x09\x01"}},
			[]string{`unreadable note=up: not AMQP 0-9-1: it begins with "AMQP\x03\x01\x00\x00"`},
		},
		"TLS": {
			[]said{{Up, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"}, {Down, "\x16\x03\x03"}},
			[]string{`unreadable note=up: not AMQP 0-9-1: it begins with "\x16\x03\x01\x02\x00\x01\x00\x01"`},
		},
		"a frame without its end": {
			[]said{{Up, amqpHello + strings.TrimSuffix(amqpBeat, "\xce") + "x" + publish(1, "x", "y", "z", "body")}},
			[]string{"unreadable note=up: a frame ends with 0x78"},
		},
		"a body that nobody announced": {
			[]said{{Up, amqpHello + amqpFrame(frameBody, 1, "body")}},
			[]string{"unreadable note=up: a body frame that belongs to no message"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tells(t, "amqp", test.talk, test.want)
		})
	}
}

func TestAMQPFindsKeysInMessages(t *testing.T) {
	keys := keysLike(t, "G01D", 12)
	body := `{"key":"G01D00000017","note":"` + strings.Repeat("é", 30_000) + `"}`
	talk := []said{
		{Up, amqpHello + amqpMethod(1, confirmSelect, "\x00") + publish(1, "imports", "record", "a:1", body) + publish(1, "imports", "record", "G01D0000002Z", "{}")},
		{Down, amqpMethod(1, basicAck, long64(2)+"\x01")},
	}
	require.Equal(t, []string{
		"published target=imports count=1 routing=record messages=a:1 records=G01D00000017",
		"published target=imports count=1 routing=record messages=G01D0000002Z records=G01D0000002Z",
		"confirmed target=imports count=2 many=2 routing=record messages=a:1,G01D0000002Z records=G01D00000017,G01D0000002Z",
	}, always(t, "amqp", keys, talk))
}

// The heartbeat that the two agreed to, at half its interval.
func TestAMQPHeartbeat(t *testing.T) {
	r, err := New("amqp", nil)
	require.NoError(t, err)
	_, every := r.Heartbeat(Up)
	require.Zero(t, every)
	r.Read(Up, []byte(amqpHello+amqpMethod(0, connectionTuneOK, short16(2047)+long32(131072)+short16(10))))
	frame, every := r.Heartbeat(Down)
	require.Equal(t, amqpBeat, string(frame))
	require.Equal(t, 5*time.Second, every)
}

// 16 MiB in frames of the usual size, and the memory that this takes.
func TestAMQPBigMessage(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1<<20)
	message := amqpHello + amqpMethod(1, basicPublish, short16(0)+text("x")+text("y")+"\x00") + amqpMessage(1, "big", "", body, 131064)
	for _, size := range []int{1000, 65536} {
		got := read(t, "amqp", nil, []said{{Up, message[:100]}}, size, 0)
		require.Empty(t, got.events)
		r, _ := New("amqp", nil)
		var marks []int64
		for rest := []byte(message); len(rest) > 0; {
			n, mark := r.Read(Up, rest[:min(size, len(rest))])
			if mark != nil {
				marks = append(marks, mark.At)
			}
			rest = rest[n:]
		}
		last := len(body) % 131064
		require.Equal(t, []int64{int64(len(message) - last - 8)}, marks)
	}
}

func TestAMQPRemembersNotWithoutEnd(t *testing.T) {
	var o outstanding
	for i := range mostOutstanding + 5 {
		o.add(0, boundary.Event{Target: "x", Messages: []string{fmt.Sprint(i)}})
	}
	require.Equal(t, mostOutstanding, o.open())
	require.Empty(t, o.settle(boundary.Confirmed, 5, false))
	require.Len(t, o.settle(boundary.Confirmed, 6, false), 1)
	events := o.settle(boundary.Confirmed, 0, true)
	require.Equal(t, mostOutstanding-1, events[0].Count)
	require.Len(t, events[0].Messages, boundary.MostNames)
	require.Zero(t, o.open())
}

func FuzzAMQP(f *testing.F) {
	f.Add([]byte(amqpHello+publish(1, "imports", "record", "a:1", "one")), []byte(amqpMethod(1, basicAck, long64(2)+"\x01")))
	f.Add([]byte(amqpHello+consume(1, "q", "c", "\x00")+amqpMethod(1, basicAck, long64(2)+"\x01")), []byte(deliver(1, 1, "c", "m", "body")))
	f.Fuzz(func(t *testing.T, up, down []byte) { anything(t, "amqp", up, down) })
}

// anything reads bytes that may be anything, in two ways.
func anything(t *testing.T, protocol string, up, down []byte) {
	keys := keysLike(t, "G01", 8)
	talk := []said{{Up, string(up)}, {Down, string(down)}}
	whole := read(t, protocol, keys, talk, 1<<30, 0)
	require.Equal(t, whole, read(t, protocol, keys, talk, 1, 0))
	require.Equal(t, whole, read(t, protocol, keys, talk, 5, 2))
}
