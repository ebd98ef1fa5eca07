package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/observe"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

func (w world) Broker() fault.Broker { return broker{w} }

// broker is the stack's RabbitMQ as faults see it.
type broker struct{ world }

func (b broker) Vhost() string { return b.stack.Endpoints().AMQPVhost }

func (b broker) Queues() ([]string, error) {
	if spec := b.pipeline.Spec; len(spec.Queues) == 0 {
		return nil, fmt.Errorf("pipeline %s does not say which queues its records wait in", spec.Name)
	}
	return b.pipeline.Spec.Queues, nil
}

func (b broker) Manage(ctx context.Context, method, path string, body, answer any) error {
	err := b.stack.Manage(ctx, method, path, body, answer)
	var refused *stack.StatusError
	if errors.As(err, &refused) && refused.Code == http.StatusNotFound {
		return fmt.Errorf("%w: %w", fault.ErrAbsent, err)
	}
	if refused != nil && refused.Code == http.StatusServiceUnavailable {
		return fmt.Errorf("%w: %w", fault.ErrUnhealthy, err)
	}
	return err
}

func (b broker) Queue(does string) (string, error) {
	for _, role := range b.pipeline.Spec.Roles {
		if role.Is(does) && len(role.Consumes) > 0 {
			return role.Consumes[0], nil
		}
	}
	return "", fmt.Errorf("pipeline %s does not say from which queue the role that does %q takes its work: declare it or leave the scenario out", b.pipeline.Spec.Name, does)
}

func (b broker) Dial(ctx context.Context) (*amqp.Connection, error) {
	return b.stack.DialAMQP(ctx, stack.RabbitMQ)
}

// brokers are those whose queues are observed.
func (r *run) brokers() []observe.Broker {
	var list []observe.Broker
	for _, c := range r.stack.Brokers() {
		list = append(list, observe.Broker{Name: c.Part(), Addr: r.stack.AMQPAddr(c.Part()), Next: c.Part() == stack.Successor,
			Exec: func(ctx context.Context, command ...string) (string, error) { return c.Exec(ctx, "root", command...) }})
	}
	return list
}

// waiting counts the messages, ready and unacknowledged, in the pipeline's
// queues on the broker that it began with. -1: not known.
func (r *run) waiting(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	depths, err := r.depths(ctx)
	if err != nil {
		return -1
	}
	sum := 0
	for _, queue := range r.spec.Queues {
		sum += depths[queue]
	}
	return sum
}

// depths counts the messages, ready and unacknowledged, in every queue of the
// broker that the pipeline began with.
func (r *run) depths(ctx context.Context) (map[string]int, error) {
	var queues []struct {
		Name     string `json:"name"`
		Messages *int   `json:"messages"`
	}
	// Without statistics, which lag, the queues themselves are asked.
	err := r.stack.Manage(ctx, http.MethodGet, "/queues/"+url.PathEscape(r.world.Broker().Vhost())+"?disable_stats=true&enable_queue_totals=true", nil, &queues)
	if err != nil {
		return nil, err
	}
	depths := map[string]int{}
	for _, queue := range queues {
		if queue.Messages == nil {
			return nil, fmt.Errorf("the broker does not say how many messages are in queue %s", queue.Name)
		}
		depths[queue.Name] = *queue.Messages
	}
	return depths, nil
}

// putVhost deletes the pipeline's virtual host and creates it anew, unless it
// is up. The broker may just be coming back: it is asked until the context ends.
func (w world) putVhost(ctx context.Context) error { return insist(ctx, w.renewVhost) }

func (w world) renewVhost(ctx context.Context) error {
	var vhost struct {
		State map[string]string `json:"cluster_state"`
	}
	err := w.Broker().Manage(ctx, http.MethodGet, "/vhosts/"+url.PathEscape(w.Broker().Vhost()), nil, &vhost)
	if err != nil && !errors.Is(err, fault.ErrAbsent) {
		return err
	}
	up := len(vhost.State) > 0
	for _, state := range vhost.State {
		up = up && state == "running"
	}
	if up {
		return nil
	}
	return w.stack.RenewVhost(ctx)
}

// manage sends one request of an undo step. The broker may just be coming
// back: it is asked until it takes it or the context ends.
func (w world) manage(ctx context.Context, method, path, body string) error {
	return insist(ctx, func(ctx context.Context) error {
		return w.Broker().Manage(ctx, method, path, json.RawMessage(body), nil)
	})
}

// evaluate does the same with an expression.
func (w world) evaluate(ctx context.Context, expression string) error {
	return insist(ctx, func(ctx context.Context) error {
		_, err := w.stack.RabbitMQ.Exec(ctx, "root", "rabbitmqctl", "eval", expression)
		return err
	})
}

// insist tries until there is no error or the context ends.
func insist(ctx context.Context, try func(context.Context) error) error {
	for {
		limit, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := try(limit)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// deleteOther deletes a queue that is declared with other arguments than these.
func (w world) deleteOther(ctx context.Context, queue, arguments string) error {
	var want map[string]any
	if err := json.Unmarshal([]byte(arguments), &want); err != nil {
		return fmt.Errorf("read the arguments of queue %s: %w", queue, err)
	}
	path := "/queues/" + url.PathEscape(w.Broker().Vhost()) + "/" + url.PathEscape(queue)
	return insist(ctx, func(ctx context.Context) error {
		var found struct {
			Arguments map[string]any `json:"arguments"`
		}
		err := w.Broker().Manage(ctx, http.MethodGet, path, nil, &found)
		if errors.Is(err, fault.ErrAbsent) || err == nil && maps.EqualFunc(found.Arguments, want, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
			return nil
		}
		if err != nil {
			return err
		}
		return w.Broker().Manage(ctx, http.MethodDelete, path, nil, nil)
	})
}
