package fault

import (
	"context"
	"errors"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Broker is RabbitMQ as its administrators see it, past the proxy.
type Broker interface {
	// Vhost returns the virtual host that the pipeline works in.
	Vhost() string
	// Queues returns the queues that the pipeline declares for records on their
	// way, in the order of that way; an error if it declares none.
	Queues() ([]string, error)
	// Manage sends one request to the management interface, below /api: body
	// and answer are JSON, either may be nil. Names in path must be escaped.
	// Errors wrap ErrAbsent where there is no such thing.
	Manage(ctx context.Context, method, path string, body, answer any) error
	// Dial opens a connection of its own to the pipeline's virtual host.
	Dial(ctx context.Context) (*amqp.Connection, error)
}

// ErrAbsent is wrapped by the errors of what is asked for and not there.
var ErrAbsent = errors.New("there is no such thing")
