package reader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// method is class and method number of AMQP.
type method uint32

const (
	connectionTuneOK  method = 10<<16 | 31
	connectionClose   method = 10<<16 | 50
	channelOpen       method = 20<<16 | 10
	channelClose      method = 20<<16 | 40
	channelCloseOK    method = 20<<16 | 41
	queueDeclareOK    method = 50<<16 | 11
	basicConsume      method = 60<<16 | 20
	basicConsumeOK    method = 60<<16 | 21
	basicPublish      method = 60<<16 | 40
	basicReturn       method = 60<<16 | 50
	basicDeliver      method = 60<<16 | 60
	basicGet          method = 60<<16 | 70
	basicGetOK        method = 60<<16 | 71
	basicGetEmpty     method = 60<<16 | 72
	basicAck          method = 60<<16 | 80
	basicReject       method = 60<<16 | 90
	basicRecoverAsync method = 60<<16 | 100
	basicRecover      method = 60<<16 | 110
	basicNack         method = 60<<16 | 120
	confirmSelect     method = 85<<16 | 10
	txSelect          method = 90<<16 | 10
	txCommit          method = 90<<16 | 20
	txCommitOK        method = 90<<16 | 21
	txRollback        method = 90<<16 | 30
	txRollbackOK      method = 90<<16 | 31
)

// interests says whether a method's arguments are needed.
func (m method) interests() bool {
	switch m {
	case connectionTuneOK, connectionClose, channelClose, queueDeclareOK, basicConsume, basicConsumeOK, basicPublish,
		basicReturn, basicDeliver, basicGet, basicGetOK, basicAck, basicReject, basicNack:
		return true
	}
	return false
}

// arguments takes a method's arguments apart.
type arguments struct {
	p   []byte
	bad bool
}

func (a *arguments) take(n int) []byte {
	if a.bad || len(a.p) < n {
		a.bad = true
		return make([]byte, min(n, 8))
	}
	taken := a.p[:n]
	a.p = a.p[n:]
	return taken
}

func (a *arguments) octet() byte   { return a.take(1)[0] }
func (a *arguments) short() uint16 { return binary.BigEndian.Uint16(a.take(2)) }
func (a *arguments) long() uint64  { return binary.BigEndian.Uint64(a.take(8)) }
func (a *arguments) text() string {
	n := int(a.octet())
	if a.bad || len(a.p) < n {
		a.bad = true
		return ""
	}
	return string(a.take(n))
}

var (
	errShort    = errors.New("a method whose arguments are cut off")
	errNoMethod = errors.New("a content header that belongs to no method")
)

// method judges a method frame.
func (a *amqpConn) method(d Direction, m method, p []byte) (*Mark, error) {
	s := &a.sides[d]
	args := arguments{p: p}
	events, err := a.act(d, m, s.channel, &args)
	if err == nil && args.bad {
		err = fmt.Errorf("%w: %d.%d", errShort, m>>16, m&0xffff)
	}
	if err != nil {
		return nil, err
	}
	return a.mark.with(events), nil
}

func (a *amqpConn) act(d Direction, m method, number uint16, args *arguments) ([]boundary.Event, error) {
	switch m {
	case connectionTuneOK:
		args.take(6)
		a.silence = time.Duration(args.short()) * time.Second
		return nil, nil
	case connectionClose:
		return closed("connection", args), nil
	case channelOpen, channelCloseOK:
		delete(a.channels, number)
		return nil, nil
	}
	if number == 0 {
		return nil, nil
	}
	channel := a.channel(number)
	if d == Up {
		return channel.request(m, args, a.keys)
	}
	return channel.answer(m, args, a.keys)
}

// closed: closing in peace is no news.
func closed(what string, args *arguments) []boundary.Event {
	code, text := int(args.short()), args.text()
	if code == 200 || args.bad {
		return nil
	}
	return []boundary.Event{{Kind: boundary.Closed, Target: what, Code: code, Note: text}}
}

// channel returns the state of a channel, which may be new.
func (a *amqpConn) channel(number uint16) *amqpChannel {
	channel := a.channels[number]
	if channel == nil {
		channel = &amqpChannel{consumers: map[string]consumer{}}
		a.channels[number] = channel
	}
	return channel
}

// request handles what a client says on a channel.
func (c *amqpChannel) request(m method, args *arguments, keys *Keys) ([]boundary.Event, error) {
	switch m {
	case channelClose:
		return closed("channel", args), nil
	case basicConsume:
		args.take(2)
		queue, tag, bits := args.text(), args.text(), args.octet()
		if queue == "" {
			queue = c.declared
		}
		subscribed := consumer{queue: queue, noAck: bits&0b10 != 0}
		if noWait := bits&0b1000 != 0; noWait || tag != "" {
			c.consumers[tag] = subscribed
		} else if len(c.subscribing) < mostPending {
			c.subscribing = append(c.subscribing, subscribed)
		}
	case basicPublish:
		args.take(2)
		exchange, key := args.text(), args.text()
		c.begin(Up, &content{purpose: basicPublish, exchange: exchange, routing: key}, keys)
	case basicGet:
		args.take(2)
		queue, bits := args.text(), args.octet()
		if queue == "" {
			queue = c.declared
		}
		if len(c.getting) < mostPending {
			c.getting = append(c.getting, consumer{queue: queue, noAck: bits&1 != 0})
		}
	case basicAck:
		tag, multiple := args.long(), args.octet()&1 != 0
		return c.deliveries.settle(boundary.Acked, tag, multiple), nil
	case basicNack:
		tag, bits := args.long(), args.octet()
		return requeued(c.deliveries.settle(boundary.Rejected, tag, bits&1 != 0), bits&2 != 0), nil
	case basicReject:
		tag, requeue := args.long(), args.octet()&1 != 0
		return requeued(c.deliveries.settle(boundary.Rejected, tag, false), requeue), nil
	case basicRecover, basicRecoverAsync:
		c.deliveries = outstanding{next: c.deliveries.next} // all of them come again, with other tags
	case confirmSelect:
		c.confirming = true
	case txSelect:
		c.transacting = true
	case txCommit:
		return []boundary.Event{{Kind: boundary.TxRequested, Count: c.publishes.open()}}, nil
	}
	return nil, nil
}

func requeued(events []boundary.Event, requeue bool) []boundary.Event {
	for i := range events {
		if requeue {
			events[i].Note = "requeued"
		}
	}
	return events
}

// answer handles what the broker says on a channel.
func (c *amqpChannel) answer(m method, args *arguments, keys *Keys) ([]boundary.Event, error) {
	switch m {
	case channelClose:
		return closed("channel", args), nil
	case queueDeclareOK:
		c.declared = args.text()
	case basicConsumeOK:
		if tag := args.text(); len(c.subscribing) > 0 && !c.knows(tag) {
			c.consumers[tag] = c.subscribing[0]
			c.subscribing = c.subscribing[1:]
		}
	case basicReturn:
		code, text := args.short(), args.text()
		exchange, key := args.text(), args.text()
		c.begin(Down, &content{purpose: basicReturn, exchange: exchange, routing: key, code: int(code), note: text}, keys)
	case basicDeliver:
		from, tag := args.text(), args.long()
		redelivered, exchange, key := args.octet()&1 != 0, args.text(), args.text()
		subscribed := c.consumers[from]
		c.begin(Down, &content{purpose: basicDeliver, queue: subscribed.queue, noAck: subscribed.noAck, tag: tag, exchange: exchange, routing: key, redelivered: redelivered}, keys)
	case basicGetOK:
		tag, redelivered := args.long(), args.octet()&1 != 0
		exchange, key := args.text(), args.text()
		asked := c.got()
		c.begin(Down, &content{purpose: basicDeliver, queue: asked.queue, noAck: asked.noAck, tag: tag, exchange: exchange, routing: key, redelivered: redelivered}, keys)
	case basicGetEmpty:
		c.got()
	case basicAck:
		tag, multiple := args.long(), args.octet()&1 != 0
		return c.publishes.settle(boundary.Confirmed, tag, multiple), nil
	case basicNack:
		tag, multiple := args.long(), args.octet()&1 != 0
		return c.publishes.settle(boundary.Refused, tag, multiple), nil
	case txCommitOK:
		return c.publishes.settle(boundary.Confirmed, 0, true), nil
	case txRollbackOK:
		return c.publishes.settle(boundary.RolledBack, 0, true), nil
	}
	return nil, nil
}
