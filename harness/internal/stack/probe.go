package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/seatrial/seatrial/harness/fault"
)

// probe returns the proof that a service works: a question in its own
// protocol that it can answer only when it does its work.
func (s *Stack) probe(service string) func(context.Context) (string, error) {
	return map[string]func(context.Context) (string, error){
		SFTP: s.probeSFTP, RabbitMQ: s.probeRabbitMQ, Postgres: s.probePostgres, Elasticsearch: s.probeElasticsearch,
	}[service]
}

func (s *Stack) probeSFTP(ctx context.Context) (string, error) {
	client, err := DialSFTP(ctx, s.endpoints)
	if err != nil {
		return "", err
	}
	defer client.Close()
	entries, err := client.ReadDirContext(ctx, "/")
	if err != nil {
		return "", fmt.Errorf("list / on sftp: %w", err)
	}
	return fmt.Sprintf("listing of / has %d entries", len(entries)), nil
}

func (s *Stack) probeRabbitMQ(ctx context.Context) (string, error) {
	conn, err := s.dialAMQP(ctx)
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

func (s *Stack) dialAMQP(ctx context.Context) (*amqp.Connection, error) {
	conn, err := amqp.DialConfig(fmt.Sprintf("amqp://%s/", s.endpoints.AMQPAddr), amqp.Config{
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
		return nil, fmt.Errorf("connect to rabbitmq: %w", err)
	}
	return conn, nil
}

func (s *Stack) probePostgres(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, s.endpoints.PostgresURL)
	if err != nil {
		return "", fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var recovering bool
	if err := conn.QueryRow(ctx, "SELECT pg_is_in_recovery()").Scan(&recovering); err != nil {
		return "", fmt.Errorf("query postgres: %w", err)
	}
	if recovering {
		return "", fmt.Errorf("postgres is in recovery")
	}
	return "SELECT answers, not in recovery", nil
}

// probeElasticsearch wants every primary shard assigned: a server that
// answers while its shards are missing does not work yet. Where the cluster
// is told to hold its shards back (a fault of its own), answering is all that
// can be asked.
func (s *Stack) probeElasticsearch(ctx context.Context) (string, error) {
	var health struct {
		Status     string `json:"status"`
		Unassigned int    `json:"unassigned_shards"`
	}
	if err := s.Elastic(ctx, http.MethodGet, "/_cluster/health", nil, &health); err != nil {
		return "", err
	}
	if health.Status != "red" {
		return "cluster health is " + health.Status, nil
	}
	var settings struct {
		Persistent map[string]any `json:"persistent"`
	}
	if err := s.Elastic(ctx, http.MethodGet, "/_cluster/settings?flat_settings=true", nil, &settings); err != nil {
		return "", err
	}
	if fmt.Sprint(settings.Persistent[fault.InitialRecoveries]) == "0" {
		return "it answers; cluster health is red while its shards are held back", nil
	}
	return "", fmt.Errorf("cluster health is red, %d shards are not assigned", health.Unassigned)
}
