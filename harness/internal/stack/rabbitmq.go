package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// Successor is the second broker: it is started when it is asked for, with a
// virtual host and a user like the first one's, and nothing in it.
const Successor = "rabbitmq-next"

// successorPort is where the proxy listens for it: all its names on the front
// network are one address.
const successorPort = "5673"

func (s *Stack) rabbitmq() Request {
	request := s.broker(RabbitMQ, management)
	request.Volumes = map[string]string{"rabbitmq-data": "/var/lib/rabbitmq"}
	return request
}

// ephemeralRabbitMQ keeps its state on the container's own disk, under a
// hostname that the engine makes up: what is made in its place knows nothing
// of it.
func (s *Stack) ephemeralRabbitMQ() Request {
	request := s.broker(RabbitMQ, management)
	request.AnyHostname = true
	return request
}

func (s *Stack) successor() Request {
	request := s.broker(Successor, successorManagement)
	request.Volumes = map[string]string{"rabbitmq-next-data": "/var/lib/rabbitmq"}
	return request
}

func (s *Stack) broker(name, management string) Request {
	return Request{
		Part:        name,
		Image:       s.Images[image.RabbitMQ].Ref,
		Networks:    map[string][]string{s.back: {behind(name)}},
		Published:   map[string]int{port[RabbitMQ] + "/tcp": s.published[name], "15672/tcp": s.published[management]},
		Probe:       func(ctx context.Context) (string, error) { return s.probeBroker(ctx, name) },
		MemoryBytes: rabbitMemory,
		CPUShares:   4096,
		Env: map[string]string{
			"RABBITMQ_DEFAULT_USER": s.endpoints.AMQPUser, "RABBITMQ_DEFAULT_PASS": s.endpoints.AMQPPassword, "RABBITMQ_DEFAULT_VHOST": vhost,
		},
	}
}

// StartSuccessor starts the second broker and waits until it is ready. One
// that runs already is left alone.
func (s *Stack) StartSuccessor(ctx context.Context) (proof string, err error) {
	next := s.next.Load()
	if next == nil {
		if next, err = s.Start(ctx, s.successor()); err != nil {
			return "", err
		}
		s.next.Store(next)
	}
	return next.Ready(ctx)
}

// DeployBroker makes the broker anew unless it is deployed as wanted: with its
// state on the container's own disk (ephemeral), or on a volume.
func (s *Stack) DeployBroker(ctx context.Context, ephemeral bool) error {
	if s.RabbitMQ.request.AnyHostname == ephemeral && !s.RabbitMQ.removed.Load() {
		return nil
	}
	if err := s.RabbitMQ.Remove(ctx); err != nil {
		return err
	}
	if err := s.RabbitMQ.RemoveVolumes(ctx); err != nil {
		return err
	}
	s.RabbitMQ.request = s.rabbitmq()
	if ephemeral {
		s.RabbitMQ.request = s.ephemeralRabbitMQ()
	}
	if err := s.RabbitMQ.CreateAgain(ctx); err != nil {
		return err
	}
	_, err := s.RabbitMQ.Ready(ctx)
	return err
}

// Brokers returns the brokers that there are: the first one unless it was
// removed in favour of its successor, and the successor once it was started.
func (s *Stack) Brokers() []*Container {
	next := s.next.Load()
	switch {
	case next == nil:
		return []*Container{s.RabbitMQ}
	case s.RabbitMQ.removed.Load():
		return []*Container{next}
	}
	return []*Container{s.RabbitMQ, next}
}

// PutBack makes the services those that the stack began with: no successor,
// every container there and running, the broker on its volume, its virtual host
// up. It does not empty them.
func (s *Stack) PutBack(ctx context.Context) error {
	for _, c := range []*Container{s.SFTP, s.RabbitMQ, s.Postgres, s.Elasticsearch} {
		if err := c.revive(ctx); err != nil {
			return err
		}
	}
	if err := s.putBackSFTP(ctx); err != nil {
		return err
	}
	if next := s.next.Swap(nil); next != nil {
		if err := errors.Join(next.Remove(ctx), next.RemoveVolumes(ctx)); err != nil {
			return err
		}
	}
	if err := s.DeployBroker(ctx, false); err != nil {
		return err
	}
	var vhosts []struct {
		Name  string            `json:"name"`
		State map[string]string `json:"cluster_state"`
	}
	if err := s.Manage(ctx, http.MethodGet, "/vhosts", nil, &vhosts); err != nil {
		return nil // a broker that is down is for others to wait for
	}
	for _, found := range vhosts {
		for _, state := range found.State {
			if found.Name == vhost && state == "running" {
				return nil
			}
		}
	}
	return s.RenewVhost(ctx)
}

// AMQPAddr returns where a broker is reached, host:port.
func (s *Stack) AMQPAddr(broker string) string {
	return fmt.Sprintf("127.0.0.1:%d", s.published[broker])
}

// Manage sends one request to the first broker's management interface, past
// the proxy and below /api: body and answer are JSON, either may be nil. Any
// status but 2xx is a StatusError.
func (s *Stack) Manage(ctx context.Context, method, path string, body, answer any) error {
	return ask(ctx, RabbitMQ, s.endpoints.ManagementURL+"/api", s.endpoints.AMQPUser, s.endpoints.AMQPPassword, method, path, body, answer)
}

// RenewVhost deletes the virtual host and creates it anew, by the management
// interface: a tenth of a second, where rabbitmqctl needs one to start.
func (s *Stack) RenewVhost(ctx context.Context) error {
	var absent *StatusError
	if err := s.Manage(ctx, http.MethodDelete, "/vhosts/"+vhost, nil, nil); err != nil && !(errors.As(err, &absent) && absent.Code == http.StatusNotFound) {
		return err
	}
	if err := s.Manage(ctx, http.MethodPut, "/vhosts/"+vhost, map[string]any{}, nil); err != nil {
		return err
	}
	all := map[string]string{"configure": ".*", "write": ".*", "read": ".*"}
	return s.Manage(ctx, http.MethodPut, "/permissions/"+vhost+"/"+s.endpoints.AMQPUser, all, nil)
}

// endAlarms puts the broker's limits back to their defaults where they have
// raised an alarm.
func (s *Stack) endAlarms(ctx context.Context) error {
	err := s.Manage(ctx, http.MethodGet, "/health/checks/alarms", nil, nil)
	var raised *StatusError
	if !errors.As(err, &raised) || raised.Code != http.StatusServiceUnavailable {
		return err
	}
	_, err = s.RabbitMQ.Exec(ctx, "root", "rabbitmqctl", "eval",
		"vm_memory_monitor:set_vm_memory_high_watermark(0.4), rabbit_disk_monitor:set_disk_free_limit(50000000).")
	return err
}

func (s *Stack) probeBroker(ctx context.Context, broker string) (string, error) {
	conn, err := s.DialAMQP(ctx, broker)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err != nil {
		return "", fmt.Errorf("open channel: %w", err)
	}
	// amq.direct exists in every vhost; declaring it passively is answered
	// only by a vhost that runs.
	if err := channel.ExchangeDeclarePassive("amq.direct", "direct", true, false, false, false, nil); err != nil {
		return "", fmt.Errorf("passive declare: %w", err)
	}
	return fmt.Sprintf("vhost %s answers passive declare", vhost), nil
}

// DialAMQP opens a connection to the virtual host of a broker, past the proxy.
func (s *Stack) DialAMQP(ctx context.Context, broker string) (*amqp.Connection, error) {
	conn, err := amqp.DialConfig(fmt.Sprintf("amqp://%s/", s.AMQPAddr(broker)), amqp.Config{
		Vhost: vhost,
		SASL:  []amqp.Authentication{&amqp.PlainAuth{Username: s.endpoints.AMQPUser, Password: s.endpoints.AMQPPassword}},
		Dial: func(network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			// The library clears this deadline once the connection is tuned.
			deadline, ok := ctx.Deadline()
			if !ok {
				deadline = time.Now().Add(2 * time.Second)
			}
			return conn, conn.SetDeadline(deadline)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", broker, err)
	}
	return conn, nil
}
