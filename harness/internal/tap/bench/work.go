package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"
)

const (
	// each is how long a way is measured in a round.
	each = 700 * time.Millisecond
	// within bounds what is around that: connecting, declaring, clearing away.
	within = 20 * time.Second

	connections = 4   // that insert at the same time
	outstanding = 100 // confirms that are waited for while more is published
	bodyBytes   = 300

	// key is the record's, in every row and every message.
	key, keyPrefix = "K0000001", "K00"
)

// Inserts returns how many rows per second are inserted, one a statement, on 4
// connections, at a Postgres URL. The table is unlogged, so that the disk is
// not measured; it is made for this in the URL's database and dropped after.
func Inserts(ctx context.Context, url string) (perSecond float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, each+within)
	defer cancel()
	conns := make([]*pgx.Conn, 1+connections)
	for i := range conns {
		if conns[i], err = pgx.Connect(ctx, url); err != nil {
			return 0, err
		}
		defer conns[i].Close(context.WithoutCancel(ctx)) // pgx gives it a limit of its own
	}
	// The first does not insert: where ctx ends it can still drop the table.
	if _, err := conns[0].Exec(ctx, "create unlogged table seatrial_bench (key text, version bigint)"); err != nil {
		return 0, fmt.Errorf("make the table: %w", err)
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		defer cancel()
		if _, drop := conns[0].Exec(last, "drop table seatrial_bench"); drop != nil {
			err = errors.Join(err, fmt.Errorf("drop the table: %w", drop))
		}
	}()
	done := make([]int, connections)
	begun := time.Now()
	inserting, ctx := errgroup.WithContext(ctx)
	for i, conn := range conns[1:] {
		inserting.Go(func() error {
			for ; time.Since(begun) < each; done[i]++ {
				if _, err := conn.Exec(ctx, "insert into seatrial_bench values ($1, $2)", key, 1); err != nil {
					return fmt.Errorf("insert: %w", err)
				}
			}
			return nil
		})
	}
	if err := inserting.Wait(); err != nil {
		return 0, err
	}
	took := time.Since(begun)
	sum := 0
	for _, n := range done {
		sum += n
	}
	return float64(sum) / took.Seconds(), nil
}

// Publishes returns how many messages of 300 bytes are confirmed per second,
// with 100 confirms outstanding, at an AMQP URL. They are published to a queue
// that is made for this in the URL's virtual host and deleted after.
func Publishes(ctx context.Context, url string) (perSecond float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, each+within)
	defer cancel()
	conn, err := dialAMQP(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err != nil {
		return 0, fmt.Errorf("open a channel: %w", err)
	}
	const durable, autoDelete, exclusive = false, true, true
	queue, err := channel.QueueDeclare("", durable, autoDelete, exclusive, false, nil)
	if err != nil {
		return 0, fmt.Errorf("declare a queue: %w", err)
	}
	if err := channel.Confirm(false); err != nil {
		return 0, fmt.Errorf("ask for confirms: %w", err)
	}
	if perSecond, err = publish(ctx, channel, queue.Name); err != nil {
		return 0, err
	}
	// Now, and not while the next way is measured.
	if _, err := channel.QueueDelete(queue.Name, false, false, false); err != nil {
		return 0, fmt.Errorf("delete the queue: %w", err)
	}
	return perSecond, nil
}

func publish(ctx context.Context, channel *amqp.Channel, queue string) (perSecond float64, err error) {
	waiting := make(chan *amqp.DeferredConfirmation, outstanding)
	body := make([]byte, bodyBytes)
	copy(body[bodyBytes/2:], key)
	done := 0
	begun := time.Now()
	for time.Since(begun) < each {
		confirm, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, amqp.Publishing{MessageId: "m", Body: body})
		if err != nil {
			return 0, fmt.Errorf("publish: %w", err)
		}
		if len(waiting) == cap(waiting) {
			acked, err := (<-waiting).WaitContext(ctx)
			if err == nil && !acked {
				err = errors.New("refused, or the connection has ended")
			}
			if err != nil {
				return 0, fmt.Errorf("wait for a confirm: %w", err)
			}
			done++
		}
		waiting <- confirm
	}
	return float64(done) / time.Since(begun).Seconds(), nil
}

// dialAMQP opens a connection that ends with ctx: the library's calls know no
// context.
func dialAMQP(ctx context.Context, url string) (*amqp.Connection, error) {
	conn, err := amqp.DialConfig(url, amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { raw.Close() })
		return raw, nil
	}})
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return conn, nil
}
