package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What is taken away in RabbitMQ by the hand of an operator, past the
// pipeline. Each fault names the queue by the role that takes its work from
// it (Loader, Exporter). A pipeline that puts back by itself what it misses
// may do so before recovery does.

// QueueDeleted deletes the queue from which a role takes its work, with every
// message in it. Recovery declares it and binds it as it was.
func QueueDeleted(consumer string) Fault {
	f := removal("queue-deleted", consumer, func(t topology) []removed { return []removed{t.queue()} })
	f.Destroys = "messages in a queue"
	return f
}

// BindingDeleted unbinds that queue from its exchange: what is published
// meanwhile goes nowhere. Recovery binds it as it was.
func BindingDeleted(consumer string) Fault {
	f := removal("binding-deleted", consumer, func(t topology) (list []removed) {
		for _, b := range t.bindings {
			list = append(list, t.binding(b))
		}
		return list
	})
	f.Lasting = true
	return f
}

// ExchangeDeleted deletes the exchanges to which that queue is bound, and with
// them every binding. Recovery declares them and binds their queues as they were.
func ExchangeDeleted(consumer string) Fault {
	f := removal("exchange-deleted", consumer, func(t topology) (list []removed) {
		for name := range t.exchanges {
			list = append(list, t.exchange(name))
		}
		return list
	})
	f.Lasting = true
	return f
}

func removal(name, consumer string, what func(topology) []removed) Fault {
	return Fault{Name: name, Target: RabbitMQ, Detail: "of the queue for " + consumer, Consumer: consumer, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		broker := world.Broker()
		t, err := look(ctx, broker, consumer)
		if err != nil {
			return Injection{}, err
		}
		list := what(t)
		if len(list) == 0 {
			return Injection{}, fmt.Errorf("queue %s is bound to no exchange: there is nothing to delete", t.name)
		}
		var seen string
		return Injection{
			Undo: t.restore(target),
			Inject: func(ctx context.Context) error {
				for _, r := range list {
					if err := r.remove(ctx, broker); err != nil {
						return err
					}
					seen = strings.TrimPrefix(seen+"; "+clock(time.Now())+": "+r.gone, "; ")
				}
				return nil
			},
			Bites: func(context.Context) (string, error) { return seen, nil },
			Healed: func(ctx context.Context) (string, error) {
				return await(ctx, func(ctx context.Context) (string, error) { return t.whole(ctx, broker) })
			},
		}, nil
	}}
}

// MessagesPurged throws away the messages that are ready in the queue from
// which a role takes its work. There is nothing to take back. None there is
// an error.
func MessagesPurged(consumer string) Fault {
	return Fault{Name: "messages-purged", Target: RabbitMQ, Detail: "of the queue for " + consumer, Consumer: consumer, Destroys: "messages in a queue",
		prepare: func(ctx context.Context, world World, _ string) (Injection, error) {
			broker := world.Broker()
			queue, err := broker.Queue(consumer)
			if err != nil {
				return Injection{}, err
			}
			var purged int
			return Injection{
				Inject: func(ctx context.Context) error {
					return onChannel(ctx, broker, func(channel *amqp.Channel) (err error) {
						if purged, err = channel.QueuePurge(queue, false); err != nil {
							return fmt.Errorf("purge queue %s: %w", queue, err)
						}
						return nil
					})
				},
				Bites: func(ctx context.Context) (seen string, err error) {
					if purged == 0 {
						return "", fmt.Errorf("no message was ready in queue %s: nothing was purged", queue)
					}
					err = onChannel(ctx, broker, func(channel *amqp.Channel) error {
						left, err := channel.QueueDeclarePassive(queue, true, false, false, false, nil)
						seen = fmt.Sprintf("the broker purged %d messages of queue %s; %d are ready now", purged, queue, left.Messages)
						return err
					})
					return seen, err
				},
				Healed: func(ctx context.Context) (string, error) {
					return await(ctx, func(ctx context.Context) (string, error) {
						return "queue " + queue + " answers passive declare", onChannel(ctx, broker, func(channel *amqp.Channel) error {
							_, err := channel.QueueDeclarePassive(queue, true, false, false, false, nil)
							return err
						})
					})
				},
			}, nil
		}}
}

// topology is a queue with all that brings messages to it.
type topology struct {
	vhost, name string
	definition  queueDefinition
	bindings    []bindingDefinition // of the queue
	exchanges   map[string]exchangeDefinition
	others      []bindingDefinition // of the same exchanges to other queues and exchanges
}

type queueDefinition struct {
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Arguments  map[string]any `json:"arguments"`
}

type exchangeDefinition struct {
	Type       string         `json:"type"`
	Durable    bool           `json:"durable"`
	AutoDelete bool           `json:"auto_delete"`
	Internal   bool           `json:"internal"`
	Arguments  map[string]any `json:"arguments"`
}

type bindingDefinition struct {
	Source      string         `json:"source"`
	Destination string         `json:"destination"`
	Kind        string         `json:"destination_type"` // queue, exchange
	Key         string         `json:"routing_key"`
	Properties  string         `json:"properties_key"`
	Arguments   map[string]any `json:"arguments"`
}

// look reads how the queue of a role is declared and bound.
func look(ctx context.Context, broker Broker, consumer string) (topology, error) {
	queue, err := broker.Queue(consumer)
	if err != nil {
		return topology{}, err
	}
	t := topology{vhost: broker.Vhost(), name: queue, exchanges: map[string]exchangeDefinition{}}
	if err := broker.Manage(ctx, http.MethodGet, t.path("queues", queue), nil, &t.definition); err != nil {
		return topology{}, err
	}
	var bound []bindingDefinition
	if err := broker.Manage(ctx, http.MethodGet, t.path("queues", queue)+"/bindings", nil, &bound); err != nil {
		return topology{}, err
	}
	for _, b := range bound {
		if b.Source == "" { // the default exchange, to which every queue is bound for good
			continue
		}
		t.bindings = append(t.bindings, b)
		if _, known := t.exchanges[b.Source]; known {
			continue
		}
		var exchange exchangeDefinition
		if err := broker.Manage(ctx, http.MethodGet, t.path("exchanges", b.Source), nil, &exchange); err != nil {
			return topology{}, err
		}
		t.exchanges[b.Source] = exchange
		var from []bindingDefinition
		if err := broker.Manage(ctx, http.MethodGet, t.path("exchanges", b.Source)+"/bindings/source", nil, &from); err != nil {
			return topology{}, err
		}
		for _, other := range from {
			if other.Destination != queue || other.Kind != "queue" {
				t.others = append(t.others, other)
			}
		}
	}
	return t, nil
}

func (t topology) path(kind, name string) string {
	return "/" + kind + "/" + url.PathEscape(t.vhost) + "/" + url.PathEscape(name)
}

func (t topology) bindingPath(b bindingDefinition) string {
	kind := "q"
	if b.Kind == "exchange" {
		kind = "e"
	}
	return fmt.Sprintf("/bindings/%s/e/%s/%s/%s", url.PathEscape(t.vhost), url.PathEscape(b.Source), kind, url.PathEscape(b.Destination))
}

// restore declares and binds all as it was; what is there already stays. The
// last step is done first.
func (t topology) restore(target string) (undo []Undo) {
	for _, b := range append(t.bindings[:len(t.bindings):len(t.bindings)], t.others...) {
		undo = append(undo, managed(target, http.MethodPost, t.bindingPath(b), map[string]any{"routing_key": b.Key, "arguments": b.Arguments}))
	}
	undo = append(undo, managed(target, http.MethodPut, t.path("queues", t.name), t.definition))
	for name, exchange := range t.exchanges {
		undo = append(undo, managed(target, http.MethodPut, t.path("exchanges", name), exchange))
	}
	return undo
}

// whole says whether the queue is there and bound as it was.
func (t topology) whole(ctx context.Context, broker Broker) (string, error) {
	var bound []bindingDefinition
	if err := broker.Manage(ctx, http.MethodGet, t.path("queues", t.name)+"/bindings", nil, &bound); err != nil {
		return "", err
	}
	for _, want := range t.bindings {
		there := false
		for _, b := range bound {
			there = there || b.Source == want.Source && b.Properties == want.Properties
		}
		if !there {
			return "", fmt.Errorf("queue %s is not bound to exchange %s with key %q", t.name, want.Source, want.Key)
		}
	}
	return fmt.Sprintf("queue %s is there, with %d bindings", t.name, len(t.bindings)), nil
}

// removed is one thing to take away, and how it is seen to be gone.
type removed struct {
	path string
	gone string // what was seen then
	// there reports whether it can be seen, by another way than it was removed.
	there func(ctx context.Context, broker Broker) (bool, error)
}

// remove deletes until it is seen gone: a pipeline that puts back what it
// misses can be faster than the look.
func (r removed) remove(ctx context.Context, broker Broker) error {
	for first := true; ; first = false {
		err := broker.Manage(ctx, http.MethodDelete, r.path, nil, nil)
		if err != nil && (first || !errors.Is(err, ErrAbsent)) {
			return err
		}
		there, err := r.there(ctx, broker)
		if err != nil {
			return err
		}
		if !there {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("delete %s: it is there again whenever one looks: %w", r.path, ctx.Err())
		}
	}
}

func (t topology) queue() removed {
	return removed{path: t.path("queues", t.name), gone: "the broker knows no queue " + t.name, there: declared(func(channel *amqp.Channel) error {
		_, err := channel.QueueDeclarePassive(t.name, true, false, false, false, nil)
		return err
	})}
}

func (t topology) exchange(name string) removed {
	return removed{path: t.path("exchanges", name), gone: "the broker knows no exchange " + name, there: declared(func(channel *amqp.Channel) error {
		return channel.ExchangeDeclarePassive(name, t.exchanges[name].Type, true, false, false, false, nil)
	})}
}

func (t topology) binding(b bindingDefinition) removed {
	return removed{
		path: t.bindingPath(b) + "/" + url.PathEscape(b.Properties),
		gone: fmt.Sprintf("queue %s is no longer among those bound to exchange %s with key %q", t.name, b.Source, b.Key),
		there: func(ctx context.Context, broker Broker) (bool, error) {
			var from []bindingDefinition
			if err := broker.Manage(ctx, http.MethodGet, t.path("exchanges", b.Source)+"/bindings/source", nil, &from); err != nil {
				return false, err
			}
			for _, other := range from {
				if other.Destination == t.name && other.Properties == b.Properties {
					return true, nil
				}
			}
			return false, nil
		},
	}
}

// declared asks by a passive declare.
func declared(ask func(*amqp.Channel) error) func(context.Context, Broker) (bool, error) {
	return func(ctx context.Context, broker Broker) (bool, error) {
		err := onChannel(ctx, broker, ask)
		var refused *amqp.Error
		if errors.As(err, &refused) && refused.Code == amqp.NotFound {
			return false, nil
		}
		return true, err
	}
}

// onChannel does something on a channel of a connection of its own.
func onChannel(ctx context.Context, broker Broker, do func(*amqp.Channel) error) error {
	conn, err := broker.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.CloseDeadline(time.Now().Add(time.Second))
	channel, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel to rabbitmq: %w", err)
	}
	return do(channel)
}

// managed is an undo step by the management interface.
func managed(target, method, path string, body any) Undo {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode %s %s: %v", method, path, err)) // it was decoded from JSON
	}
	return Undo{Do: UndoManage, Target: target, Args: map[string]string{"method": method, "path": path, "body": string(raw)}}
}

// await tries until there is no error or ctx ends.
func await(ctx context.Context, try func(context.Context) (string, error)) (string, error) {
	for {
		limit, cancel := context.WithTimeout(ctx, 5*time.Second)
		seen, err := try(limit)
		cancel()
		if err == nil {
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
