package observe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// Exec runs a command in the broker's container and returns what it printed.
type Exec func(ctx context.Context, command ...string) (string, error)

// Broker is one of the brokers that messages may wait on.
type Broker struct {
	Name string // of its container
	Addr string // host:port
	Exec Exec   // in its container
	Next bool   // it came after the one that the pipeline began with
}

// broker looks at the queues of one broker.
type broker struct {
	Broker
	endpoints stack.Endpoints
	wl        *workload.Workload

	raw     net.Conn
	conn    *amqp.Connection
	channel *amqp.Channel
}

// connect opens connection and channel unless they are.
func (b *broker) connect(ctx context.Context) error {
	if b.conn == nil || b.conn.IsClosed() {
		b.close()
		e := b.endpoints
		conn, err := amqp.DialConfig("amqp://"+b.Addr, amqp.Config{
			SASL:       []amqp.Authentication{&amqp.PlainAuth{Username: e.AMQPUser, Password: e.AMQPPassword}},
			Vhost:      e.AMQPVhost,
			Properties: amqp.Table{"connection_name": "seatrial-observer"},
			Dial: func(network, address string) (net.Conn, error) {
				raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				b.raw = raw
				if deadline, ok := ctx.Deadline(); ok {
					raw.SetDeadline(deadline) // of the handshake: the library takes it back
				}
				return raw, nil
			},
		})
		if err != nil {
			return fmt.Errorf("connect to %s at %s, vhost %s: %w", b.Name, b.Addr, e.AMQPVhost, err)
		}
		b.conn = conn
	}
	if b.channel == nil || b.channel.IsClosed() {
		release := b.limit(ctx)
		channel, err := b.conn.Channel()
		release()
		if err != nil {
			return fmt.Errorf("open a channel to RabbitMQ: %w", err)
		}
		b.channel = channel
	}
	return nil
}

// limit closes the connection when ctx ends: the library's calls know no
// context and would wait for a frozen broker for ever.
func (b *broker) limit(ctx context.Context) (release func()) {
	raw := b.raw
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	return func() { stop() }
}

// ready returns how many messages are ready in the queues together. A queue
// that is not there holds none.
func (b *broker) ready(ctx context.Context, queues []string) (int, error) {
	sum := 0
	for _, name := range queues {
		if err := b.connect(ctx); err != nil {
			return 0, err
		}
		release := b.limit(ctx)
		queue, err := b.channel.QueueDeclarePassive(name, true, false, false, false, nil)
		release()
		var refused *amqp.Error
		if errors.As(err, &refused) && refused.Code == amqp.NotFound {
			continue
		}
		if err != nil {
			b.close()
			return 0, fmt.Errorf("ask RabbitMQ for queue %s: %w", name, err)
		}
		sum += queue.Messages
	}
	return sum, nil
}

// named says which queue it is where there may be several of that name.
func (b *broker) named(queue string) string {
	if b.Next {
		return "queue " + queue + " on " + b.Name
	}
	return "queue " + queue
}

// maxMessages bounds what is read of one queue: read messages are held
// unacknowledged by the broker until all were read.
const maxMessages = 200_000

// messages returns the records of the messages that are ready in queues, and
// puts all of them back where they were. Messages that a consumer holds
// cannot be read: the error says how many.
func (b *broker) messages(ctx context.Context, queues []string, depths []history.QueueDepth) ([]history.Entry, error) {
	var entries []history.Entry
	known := map[string]history.QueueDepth{}
	for _, depth := range depths {
		if (depth.Broker != "") == b.Next {
			known[depth.Queue] = depth
		}
	}
	var unread []string
	for _, name := range queues {
		depth, ok := known[name]
		if !ok || depth.Ready+depth.Unacked == 0 {
			continue
		}
		found, read, err := b.peek(ctx, name, depth.Ready)
		entries = append(entries, found...)
		if err != nil {
			return entries, err
		}
		if read != depth.Ready {
			unread = append(unread, fmt.Sprintf("%s: %d messages were ready, %d could be read", b.named(name), depth.Ready, read))
		}
		if depth.Unacked > 0 {
			unread = append(unread, fmt.Sprintf("%s: %d messages are held unacknowledged by a consumer and cannot be read", b.named(name), depth.Unacked))
		}
	}
	if len(unread) > 0 {
		return entries, &incomplete{errors.New(strings.Join(unread, "; "))}
	}
	return entries, nil
}

// peek gets up to ready messages without acknowledging any and then closes
// the channel: the broker puts them back in their place.
func (b *broker) peek(ctx context.Context, queue string, ready int) (entries []history.Entry, read int, err error) {
	if err := b.connect(ctx); err != nil {
		return nil, 0, err
	}
	defer b.limit(ctx)()
	defer func() {
		if cerr := b.channel.Close(); cerr != nil {
			b.close() // which puts them back too
		}
		b.channel = nil
	}()
	for read < min(ready, maxMessages) {
		message, ok, err := b.channel.Get(queue, false)
		if err != nil {
			return entries, read, fmt.Errorf("read %s, message %d: %w", b.named(queue), read+1, err)
		}
		if !ok {
			break
		}
		read++
		entries = append(entries, records(b.wl, message, fmt.Sprintf("%s, message %d", b.named(queue), read))...)
	}
	return entries, read, nil
}

// close does not wait for the broker.
func (b *broker) close() {
	if b.conn != nil {
		b.conn.CloseDeadline(time.Now().Add(200 * time.Millisecond))
	}
	if b.raw != nil {
		b.raw.Close()
	}
	b.conn, b.channel, b.raw = nil, nil, nil
}

// brokers are the brokers that there are, each looked at on a connection of its own.
type brokers struct {
	list func() []Broker
	make func(Broker) *broker
	open map[string]*broker
}

func (o *Observer) newBrokers() *brokers {
	list := o.Brokers
	if list == nil {
		list = func() []Broker { return []Broker{{Name: "RabbitMQ", Addr: o.endpoints.AMQPAddr, Exec: o.exec}} }
	}
	make := func(b Broker) *broker { return &broker{Broker: b, endpoints: o.endpoints, wl: o.wl} }
	return &brokers{list: list, make: make, open: map[string]*broker{}}
}

// all returns the brokers that there are now, and forgets those that are gone.
func (b *brokers) all() []*broker {
	var all []*broker
	known := b.open
	b.open = map[string]*broker{}
	for _, found := range b.list() {
		one := known[found.Name]
		if one == nil {
			one = b.make(found)
		}
		delete(known, found.Name)
		b.open[found.Name] = one
		all = append(all, one)
	}
	for _, gone := range known {
		gone.close()
	}
	return all
}

// ready sums what is ready in the queues of all brokers.
func (b *brokers) ready(ctx context.Context, queues []string) (int, error) {
	sum := 0
	for _, broker := range b.all() {
		ready, err := broker.ready(ctx, queues)
		if err != nil {
			return 0, err
		}
		sum += ready
	}
	return sum, nil
}

func (b *brokers) depths(ctx context.Context) (all []history.QueueDepth, err error) {
	for _, broker := range b.all() {
		depths, failed := broker.depths(ctx)
		all, err = append(all, depths...), errors.Join(err, failed)
	}
	return all, err
}

func (b *brokers) messages(ctx context.Context, queues []string, depths []history.QueueDepth) ([]history.Entry, error) {
	var entries []history.Entry
	var unread []string
	for _, broker := range b.all() {
		found, err := broker.messages(ctx, queues, depths)
		entries = append(entries, found...)
		var part *incomplete
		if errors.As(err, &part) {
			unread = append(unread, part.Error())
		} else if err != nil {
			return entries, err
		}
	}
	if len(unread) > 0 {
		return entries, &incomplete{errors.New(strings.Join(unread, "; "))}
	}
	return entries, nil
}

func (b *brokers) close() {
	for _, one := range b.open {
		one.close()
	}
	b.open = map[string]*broker{}
}
