package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/fault"
)

func (w world) Postgres(ctx context.Context, application string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(w.stack.Endpoints().PostgresURL)
	if err != nil {
		return nil, fmt.Errorf("read postgres address: %w", err)
	}
	config.RuntimeParams["application_name"] = application
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to postgres: %w", err)
	}
	return conn, nil
}

func (w world) Table() (string, error) {
	if rows := w.pipeline.Spec.Rows; rows != nil && rows.Table != "" {
		return rows.Table, nil
	}
	return "", fmt.Errorf("pipeline %s does not say which table its rows are in", w.pipeline.Spec.Name)
}

// unlock ends the connections of one application name.
func (w world) unlock(ctx context.Context, holder string) error {
	return w.askPostgres(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", holder)
		return err
	})
}

// putConfig puts a setting of the server back to its default.
func (w world) putConfig(ctx context.Context, name string) error {
	return w.askPostgres(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "ALTER SYSTEM RESET "+pgx.Identifier{name}.Sanitize())
		if err == nil {
			_, err = conn.Exec(ctx, "SELECT pg_reload_conf()")
		}
		return err
	})
}

// putDisk makes room on Postgres's small disk and takes away what a fault put there.
func (w world) putDisk(ctx context.Context) error {
	_, freed := w.stack.Postgres.Exec(ctx, "root", "rm", "-rf", fault.PostgresDisk+"/full")
	err := w.askPostgres(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		var there bool
		err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_tablespace WHERE spcname = $1)", fault.PostgresTablespace).Scan(&there)
		if err != nil || !there {
			return err
		}
		for _, statement := range []string{
			"DROP INDEX IF EXISTS " + fault.PostgresTablespace,
			"DROP TABLESPACE " + fault.PostgresTablespace,
			"CHECKPOINT", // a crash recovery that came upon it would find the disk another one
		} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return errors.Join(err, freed)
	}
	return nil // where the container was started anew the disk is empty anyway
}

// askPostgres does something on a connection of its own. Postgres may just be
// coming back: it is tried until the context ends.
func (w world) askPostgres(ctx context.Context, do func(context.Context, *pgx.Conn) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := w.onPostgres(try, do)
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

func (w world) onPostgres(ctx context.Context, do func(context.Context, *pgx.Conn) error) error {
	conn, err := w.Postgres(ctx, "seatrial-undo")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	// Another fault may have made the server read-only, or hold its commits.
	if _, err := conn.Exec(ctx, "SET default_transaction_read_only = off; SET synchronous_commit = local"); err != nil {
		return err
	}
	return do(ctx, conn)
}
