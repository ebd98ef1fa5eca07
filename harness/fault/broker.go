package fault

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Broker is RabbitMQ as its administrators see it, past the proxy.
type Broker interface {
	// Vhost returns the virtual host that the pipeline works in.
	Vhost() string
	// Queues returns the queues that the pipeline declares for records on their
	// way, in the order of that way; an error if it declares none.
	Queues() ([]string, error)
	// Queue returns the queue from which the role that does what is named takes
	// its work; an error if the pipeline does not say.
	Queue(does string) (string, error)
	// Manage sends one request to the management interface, below /api: body
	// and answer are JSON, either may be nil. Names in path must be escaped.
	// Errors wrap ErrAbsent where there is no such thing, and ErrUnhealthy where
	// a health check finds what it looks for.
	Manage(ctx context.Context, method, path string, body, answer any) error
	// Dial opens a connection of its own to the pipeline's virtual host.
	Dial(ctx context.Context) (*amqp.Connection, error)
}

// ErrAbsent is wrapped by the errors of what is asked for and not there.
var ErrAbsent = errors.New("there is no such thing")

// ErrUnhealthy is wrapped by the errors of health checks that find something.
var ErrUnhealthy = errors.New("the health check finds something")

// DeleteBroker deletes the broker that the pipeline began with for good:
// container, volume and all. Its successor must be there. It bites if the
// engine knows no such container any more and nobody answers in its place;
// there is nothing to take back, and healed it is when the successor answers.
func DeleteBroker() Fault {
	return Fault{Name: "broker-deleted", Target: RabbitMQ, Disconnects: true, Destroys: waitingMessages, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		successor, err := running(ctx, world, Successor)
		if err != nil {
			return Injection{}, fmt.Errorf("delete %s: no successor takes its place: %w", target, err)
		}
		return Injection{
			Inject: func(ctx context.Context) error {
				return each(ctx, containers, func(ctx context.Context, c Container) error { return c.Remove(ctx, true) })
			},
			Bites: func(ctx context.Context) (string, error) {
				gone, err := eachState(ctx, containers, func(state State) (string, error) {
					if state.ID != "" {
						return "", fmt.Errorf("container %.12s is still there (%s)", state.ID, state.Status)
					}
					return "the engine knows no such container any more, its volume is removed", nil
				})
				if err != nil {
					return "", err
				}
				conn, err := world.Broker().Dial(ctx)
				if err == nil {
					conn.Close()
					return "", fmt.Errorf("somebody answers in place of %s", target)
				}
				return fmt.Sprintf("%s; %v", gone, err), nil
			},
			Healed: ready(successor),
		}, nil
	}}
}
