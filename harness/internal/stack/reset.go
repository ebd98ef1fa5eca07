package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/fault"
	"golang.org/x/sync/errgroup"
)

// sftpDirs are the folders that the SFTP user's home always has.
var sftpDirs = []string{"inbox", "archive", "confirmations"}

// folders are those of the SFTP user's home.
func (s *Stack) folders() []string {
	folders := slices.Clone(sftpDirs)
	for _, folder := range s.options.Folders {
		if !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// Reset empties all services, at once, so that the next run begins as on a
// new stack. Services keep running. The pipeline must be gone.
func (s *Stack) Reset(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Control.Reset() })
	group.Go(func() error { return s.resetSFTP(ctx) })
	group.Go(func() error { return errors.Join(s.RenewVhost(ctx), s.endAlarms(ctx)) })
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
	for _, dir := range s.folders() {
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

// resetPostgres puts the server's settings back and makes the database anew.
func (s *Stack) resetPostgres(ctx context.Context) error {
	config, err := pgx.ParseConfig(s.endpoints.PostgresURL)
	if err != nil {
		return fmt.Errorf("read postgres address: %w", err)
	}
	config.Database = "postgres"
	// Whatever a fault made of the server's settings.
	config.RuntimeParams["default_transaction_read_only"] = "off"
	config.RuntimeParams["synchronous_commit"] = "local"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var changed, disk bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'),
		EXISTS (SELECT FROM pg_tablespace WHERE spcname = $1)`, fault.PostgresTablespace).Scan(&changed, &disk); err != nil {
		return fmt.Errorf("ask postgres for what was changed: %w", err)
	}
	var statements []string
	if changed {
		statements = append(statements, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
	}
	statements = append(statements, "DROP DATABASE IF EXISTS "+database+" WITH (FORCE)")
	if disk {
		statements = append(statements, "DROP TABLESPACE "+fault.PostgresTablespace, "CHECKPOINT")
	}
	statements = append(statements, "CREATE DATABASE "+database+" STRATEGY file_copy")
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("postgres: %s: %w", strings.ToLower(statement), err)
		}
	}
	return nil
}

func (s *Stack) resetElasticsearch(ctx context.Context) error {
	var errs []error
	var settings struct {
		Persistent, Transient map[string]any
	}
	errs = append(errs, s.Elastic(ctx, http.MethodGet, "/_cluster/settings?flat_settings=true", nil, &settings))
	// What blocks everything goes first, and alone: nothing else is done meanwhile.
	for _, block := range []string{"cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"} {
		if _, set := settings.Persistent[block]; set {
			errs = append(errs, s.Elastic(ctx, http.MethodPut, "/_cluster/settings", map[string]any{"persistent": map[string]any{block: nil}}, nil))
		}
	}
	var indices map[string]struct{ Settings map[string]any }
	errs = append(errs, s.Elastic(ctx, http.MethodGet, "/_all/_settings?flat_settings=true", nil, &indices))
	for name, index := range indices {
		if strings.HasPrefix(name, ".") {
			continue
		}
		if _, blocked := index.Settings["index.blocks.read_only"]; blocked {
			errs = append(errs, s.Elastic(ctx, http.MethodPut, "/"+name+"/_settings", map[string]any{"index.blocks.read_only": nil}, nil))
		}
		errs = append(errs, s.Elastic(ctx, http.MethodDelete, "/"+name, nil, nil))
	}
	if len(settings.Persistent)+len(settings.Transient) > 0 {
		none := map[string]any{"*": nil}
		errs = append(errs, s.Elastic(ctx, http.MethodPut, "/_cluster/settings", map[string]any{"persistent": none, "transient": none}, nil))
	}
	return errors.Join(errs...)
}
