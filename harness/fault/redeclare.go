package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	amqp "github.com/rabbitmq/amqp091-go"
)

// otherArgument is what a queue gets that is redeclared: a harmless change to
// those who make it.
const otherArgument = "x-max-priority"

// QueueRedeclared deletes the queue from which a role takes its work and
// declares it anew with another argument, bound as it was: messages go into
// it, and whoever declares it as it was is refused. It bites if such a declare
// gets 406 PRECONDITION_FAILED. Recovery deletes it, with what it holds, and
// declares and binds it as it was.
func QueueRedeclared(consumer string) Fault {
	return Fault{Name: "queue-redeclared", Target: RabbitMQ, Consumer: consumer, Detail: "the queue for " + consumer + ", with " + otherArgument, Destroys: "messages in a queue",
		prepare: func(ctx context.Context, world World, target string) (Injection, error) {
			broker := world.Broker()
			t, err := look(ctx, broker, consumer)
			if err != nil {
				return Injection{}, err
			}
			if _, has := t.definition.Arguments[otherArgument]; has {
				return Injection{}, fmt.Errorf("queue %s has %s before the fault: another argument is needed", t.name, otherArgument)
			}
			arguments, err := json.Marshal(t.definition.Arguments)
			if err != nil {
				return Injection{}, err
			}
			return Injection{
				// The last one first: what is declared otherwise goes, then all is put back.
				Undo:   append(t.restore(target), Undo{Do: UndoQueue, Target: target, Args: map[string]string{"queue": t.name, "arguments": string(arguments)}}),
				Inject: func(ctx context.Context) error { return t.redeclare(ctx, broker) },
				Bites: func(ctx context.Context) (string, error) {
					err := t.declare(ctx, broker)
					var refused *amqp.Error
					if errors.As(err, &refused) && refused.Code == amqp.PreconditionFailed {
						return fmt.Sprintf("a declare of queue %s as it was: %d %s", t.name, refused.Code, refused.Reason), nil
					}
					return "", fmt.Errorf("a declare of queue %s as it was is not refused with 406 (%v)", t.name, err)
				},
				Healed: func(ctx context.Context) (string, error) {
					return await(ctx, func(ctx context.Context) (string, error) {
						if err := t.declare(ctx, broker); err != nil {
							return "", err
						}
						whole, err := t.whole(ctx, broker)
						return "a declare of queue " + t.name + " as it was is taken; " + whole, err
					})
				},
			}, nil
		}}
}

// redeclare deletes and declares until it is declared otherwise: a pipeline
// that puts back what it misses can be faster.
func (t topology) redeclare(ctx context.Context, broker Broker) error {
	other := queueDefinition{Durable: t.definition.Durable, AutoDelete: t.definition.AutoDelete, Arguments: map[string]any{otherArgument: 5}}
	for name, value := range t.definition.Arguments {
		other.Arguments[name] = value
	}
	for {
		if err := broker.Manage(ctx, http.MethodDelete, t.path("queues", t.name), nil, nil); err != nil && !errors.Is(err, ErrAbsent) {
			return err
		}
		err := broker.Manage(ctx, http.MethodPut, t.path("queues", t.name), other, nil)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("declare queue %s with %s: %w", t.name, otherArgument, err)
		}
	}
	for _, b := range t.bindings {
		if err := broker.Manage(ctx, http.MethodPost, t.bindingPath(b), map[string]any{"routing_key": b.Key, "arguments": b.Arguments}, nil); err != nil {
			return err
		}
	}
	return nil
}

// declare declares the queue as it was, over AMQP, as the pipeline does.
func (t topology) declare(ctx context.Context, broker Broker) error {
	arguments := amqp.Table{}
	for name, value := range t.definition.Arguments {
		if number, ok := value.(float64); ok && number == float64(int64(number)) {
			value = int64(number)
		}
		arguments[name] = value
	}
	return onChannel(ctx, broker, func(channel *amqp.Channel) error {
		_, err := channel.QueueDeclare(t.name, t.definition.Durable, t.definition.AutoDelete, false, false, arguments)
		return err
	})
}
