package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pkg/sftp"
	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/crypto/ssh"
)

// probe returns the proof that a service works: a question in its own
// protocol that it can answer only when it does its work.
func (s *Stack) probe(service string) func(context.Context) (string, error) {
	return map[string]func(context.Context) (string, error){
		SFTP: s.probeSFTP, RabbitMQ: s.probeRabbitMQ, Postgres: s.probePostgres, Elasticsearch: s.probeElasticsearch,
	}[service]
}

func (s *Stack) probeSFTP(ctx context.Context) (string, error) {
	client, err := s.dialSFTP(ctx)
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

// sftpConn closes the SSH connection with the SFTP session.
type sftpConn struct {
	*sftp.Client
	conn ssh.Conn
}

func (c sftpConn) Close() error {
	c.Client.Close()
	return c.conn.Close()
}

func (s *Stack) dialSFTP(ctx context.Context) (sftpConn, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.endpoints.SFTPHostKey))
	if err != nil {
		return sftpConn{}, fmt.Errorf("read host key: %w", err)
	}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.endpoints.SFTPAddr)
	if err != nil {
		return sftpConn{}, fmt.Errorf("connect to sftp: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := raw.SetDeadline(deadline); err != nil {
			raw.Close()
			return sftpConn{}, err
		}
	}
	conn, channels, requests, err := ssh.NewClientConn(raw, s.endpoints.SFTPAddr, &ssh.ClientConfig{
		User: s.endpoints.SFTPUser, Auth: []ssh.AuthMethod{ssh.Password(s.endpoints.SFTPPassword)},
		HostKeyCallback: ssh.FixedHostKey(key), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		raw.Close()
		return sftpConn{}, fmt.Errorf("log in to sftp: %w", err)
	}
	client, err := sftp.NewClient(ssh.NewClient(conn, channels, requests))
	if err != nil {
		conn.Close()
		return sftpConn{}, fmt.Errorf("open sftp session: %w", err)
	}
	return sftpConn{Client: client, conn: conn}, nil
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

func (s *Stack) probeElasticsearch(ctx context.Context) (string, error) {
	var health struct {
		Status   string `json:"status"`
		TimedOut bool   `json:"timed_out"`
	}
	if err := s.Elastic(ctx, http.MethodGet, "/_cluster/health", nil, &health); err != nil {
		return "", err
	}
	return "cluster health is " + health.Status, nil
}
