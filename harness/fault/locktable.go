package fault

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lockHolder is the application name of the connection that holds a lock.
const lockHolder = "seatrial-lock"

// LockTable locks the pipeline's table against writes, as a migration does;
// reads go on. It bites when Postgres shows others waiting for the lock.
// Recovery ends the connection that holds it; so does the harness's death.
func LockTable() Fault {
	return Fault{Name: "lock-table", Target: Postgres, NeedsTable: true, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		table, err := world.Table()
		if err != nil {
			return Injection{}, err
		}
		var holder *pgx.Conn // kept in reach: a connection that is not is closed by the garbage collector
		return Injection{
			Undo: []Undo{{Do: UndoUnlock, Target: target, Args: map[string]string{"holder": lockHolder}}},
			Inject: func(ctx context.Context) (err error) {
				holder, err = lock(ctx, world, table)
				return err
			},
			Bites: func(ctx context.Context) (string, error) {
				return pollPostgres(ctx, world, `SELECT count(*) FROM pg_stat_activity
					WHERE wait_event_type = 'Lock' AND (SELECT pid FROM pg_stat_activity WHERE application_name = $1) = ANY (pg_blocking_pids(pid))`, []any{lockHolder},
					func(waiting int) (string, error) {
						if waiting == 0 {
							return "", fmt.Errorf("nobody waits for the lock on %s", table)
						}
						return fmt.Sprintf("%d backends wait for the lock on %s", waiting, table), nil
					})
			},
			Healed: func(ctx context.Context) (string, error) {
				if holder != nil {
					holder.Close(ctx) // ended by the server already
				}
				return pollPostgres(ctx, world, `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1`, []any{lockHolder},
					func(holders int) (string, error) {
						if holders > 0 {
							return "", fmt.Errorf("the lock on %s is still held", table)
						}
						return "nobody holds the lock on " + table + " any more", nil
					})
			},
		}, nil
	}}
}

// lock takes the lock on a connection of its own, which stays open. Where
// Postgres finds that waiting for it is part of a deadlock it is asked again.
func lock(ctx context.Context, world World, table string) (*pgx.Conn, error) {
	conn, err := world.Postgres(ctx, lockHolder)
	if err != nil {
		return nil, err
	}
	for {
		err := lockOnce(ctx, conn, table)
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "40P01" {
			continue
		}
		if err != nil {
			conn.Close(context.WithoutCancel(ctx))
			return nil, fmt.Errorf("lock table %s: %w", table, err)
		}
		return conn, nil
	}
}

func lockOnce(ctx context.Context, conn *pgx.Conn, table string) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "LOCK TABLE "+pgx.Identifier{table}.Sanitize()+" IN EXCLUSIVE MODE"); err != nil {
		return errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
	}
	return nil // the transaction stays open: it is the lock
}
