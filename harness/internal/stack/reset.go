package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	rabbithole "github.com/michaelklishin/rabbit-hole/v2"
	"golang.org/x/sync/errgroup"
)

// sftpDirs are the folders of the SFTP user's home.
var sftpDirs = []string{"inbox", "archive", "confirmations"}

// Reset empties all services, at once, so that the next run begins as on a
// new stack. Services keep running. The pipeline must be gone.
func (s *Stack) Reset(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Control.Reset() })
	group.Go(func() error { return s.resetSFTP(ctx) })
	group.Go(func() error { return s.resetRabbitMQ(ctx) })
	group.Go(func() error { return s.resetPostgres(ctx) })
	group.Go(func() error { return s.resetElasticsearch(ctx) })
	if err := group.Wait(); err != nil {
		return fmt.Errorf("reset the stack: %w", err)
	}
	return nil
}

func (s *Stack) resetSFTP(ctx context.Context) error {
	client, err := DialSFTP(ctx, s.endpoints)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, dir := range sftpDirs {
		entries, err := client.ReadDirContext(ctx, "/"+dir)
		if err != nil {
			return fmt.Errorf("list %s on sftp: %w", dir, err)
		}
		for _, entry := range entries {
			if err := client.RemoveAll(path.Join("/", dir, entry.Name())); err != nil {
				return fmt.Errorf("remove %s/%s on sftp: %w", dir, entry.Name(), err)
			}
		}
	}
	return nil
}

// resetRabbitMQ deletes the vhost and creates it anew, by the management
// interface: a tenth of a second, where rabbitmqctl needs one to start.
func (s *Stack) resetRabbitMQ(ctx context.Context) error {
	management, err := s.Management(ctx)
	if err != nil {
		return err
	}
	if response, err := management.DeleteVhost(vhost); err != nil && (response == nil || response.StatusCode != http.StatusNotFound) {
		return fmt.Errorf("delete vhost %s: %w", vhost, err)
	}
	if _, err := management.PutVhost(vhost, rabbithole.VhostSettings{}); err != nil {
		return fmt.Errorf("create vhost %s: %w", vhost, err)
	}
	all := rabbithole.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	if _, err := management.UpdatePermissionsIn(vhost, s.endpoints.AMQPUser, all); err != nil {
		return fmt.Errorf("give permissions in vhost %s: %w", vhost, err)
	}
	return nil
}

// Management returns a client of RabbitMQ's management interface, past the proxy.
func (s *Stack) Management(ctx context.Context) (*rabbithole.Client, error) {
	client, err := rabbithole.NewClient(s.endpoints.ManagementURL, s.endpoints.AMQPUser, s.endpoints.AMQPPassword)
	if err != nil {
		return nil, fmt.Errorf("reach rabbitmq's management interface: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		client.SetTimeout(time.Until(deadline))
	}
	return client, nil
}

func (s *Stack) resetPostgres(ctx context.Context) error {
	config, err := pgx.ParseConfig(s.endpoints.PostgresURL)
	if err != nil {
		return fmt.Errorf("read postgres address: %w", err)
	}
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + database + " WITH (FORCE)",
		"CREATE DATABASE " + database + " STRATEGY file_copy",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("postgres: %s: %w", strings.ToLower(statement), err)
		}
	}
	return nil
}

func (s *Stack) resetElasticsearch(ctx context.Context) error {
	var indices map[string]any
	if err := s.Elastic(ctx, http.MethodGet, "/_all/_alias", nil, &indices); err != nil {
		return err
	}
	var errs []error
	for name := range indices {
		if strings.HasPrefix(name, ".") {
			continue
		}
		errs = append(errs, s.Elastic(ctx, http.MethodDelete, "/"+name, nil, nil))
	}
	var settings struct {
		Persistent, Transient map[string]any
	}
	errs = append(errs, s.Elastic(ctx, http.MethodGet, "/_cluster/settings", nil, &settings))
	if len(settings.Persistent)+len(settings.Transient) > 0 {
		none := map[string]any{"*": nil}
		errs = append(errs, s.Elastic(ctx, http.MethodPut, "/_cluster/settings", map[string]any{"persistent": none, "transient": none}, nil))
	}
	return errors.Join(errs...)
}
