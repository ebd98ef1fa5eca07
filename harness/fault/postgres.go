package fault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// proofName is the application name of the connections that ask for proof.
const proofName = "seatrial-proof"

// BackendsKilled ends all of the pipeline's connections to Postgres from the
// server's side, as a failover or an administrator does. What they were doing
// is rolled back, but for a COMMIT that was done already and whose answer is
// lost. It bites when Postgres knows none of those backends any more; there is
// nothing to take back. It is healed when the pipeline has new ones.
func BackendsKilled() Fault {
	return Fault{Name: "backends-killed", Target: Postgres, Disconnects: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		from, err := clientAddress(ctx, world)
		if err != nil {
			return Injection{}, err
		}
		var killed []int32
		var at time.Time // by the server's clock
		return Injection{
			Inject: func(ctx context.Context) (err error) {
				killed, at, err = killBackends(ctx, world, from)
				return err
			},
			Bites: func(ctx context.Context) (string, error) {
				return pollPostgres(ctx, world, `SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1) AND backend_start <= $2`, []any{killed, at},
					func(left int) (string, error) {
						if left > 0 {
							return "", fmt.Errorf("%d of %d backends are still there", left, len(killed))
						}
						return fmt.Sprintf("%d backends of the pipeline were told to end, and postgres knows none of them any more", len(killed)), nil
					})
			},
			Healed: func(ctx context.Context) (string, error) {
				return pollPostgres(ctx, world, `SELECT count(*) FROM pg_stat_activity WHERE client_addr = $1::text::inet AND backend_start > $2`, []any{from, at},
					func(fresh int) (string, error) {
						if fresh == 0 {
							return "", errors.New("the pipeline has not connected again")
						}
						return fmt.Sprintf("the pipeline has %d new backends", fresh), nil
					})
			},
		}, nil
	}}
}

func killBackends(ctx context.Context, world World, from string) (pids []int32, at time.Time, err error) {
	conn, err := world.Postgres(ctx, "seatrial-kill")
	if err != nil {
		return nil, at, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `
		WITH them AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE client_addr = $1::text::inet AND backend_type = 'client backend')
		SELECT pid, clock_timestamp() FROM them WHERE pg_terminate_backend(pid)`, from)
	if err != nil {
		return nil, at, fmt.Errorf("end the pipeline's backends: %w", err)
	}
	var pid int32
	if _, err := pgx.ForEachRow(rows, []any{&pid, &at}, func() error { pids = append(pids, pid); return nil }); err != nil {
		return nil, at, fmt.Errorf("end the pipeline's backends: %w", err)
	}
	if len(pids) == 0 {
		return nil, at, fmt.Errorf("postgres has no backend of the pipeline (from %s): there was nothing to kill", from)
	}
	return pids, at, nil
}

// ReadOnly makes every new transaction read-only, as a server does that was
// demoted or whose operator protects it. It bites when Postgres refuses a
// canary's write for that reason.
func ReadOnly() Fault {
	const setting = "default_transaction_read_only"
	return Fault{Name: "read-only", Target: Postgres, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		if err := write(ctx, world, ""); err != nil {
			return Injection{}, fmt.Errorf("a canary's write before the fault: %w", err)
		}
		return Injection{
			Undo:   []Undo{{Do: UndoConfig, Target: target, Args: map[string]string{"name": setting}}},
			Inject: func(ctx context.Context) error { return configure(ctx, world, setting, "on") },
			Bites:  refused(world, "", "25006"),
			Healed: accepted(world, ""),
		}, nil
	}}
}

// CommitsHeld makes every COMMIT wait: Postgres is told to wait for a standby
// that is not there. A transaction that waits is in the log already: it stands
// even if its backend or its client is killed, and nobody has been told. It
// bites when commits of the pipeline wait so.
func CommitsHeld() Fault {
	const setting = "synchronous_standby_names"
	return Fault{Name: "commits-held", Target: Postgres, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		from, err := clientAddress(ctx, world)
		if err != nil {
			return Injection{}, err
		}
		const waiting = `SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND client_addr = $1::text::inet`
		return Injection{
			Undo:   []Undo{{Do: UndoConfig, Target: target, Args: map[string]string{"name": setting}}},
			Inject: func(ctx context.Context) error { return configure(ctx, world, setting, "seatrial_standby") },
			Bites: func(ctx context.Context) (string, error) {
				return pollPostgres(ctx, world, waiting, []any{from}, func(held int) (string, error) {
					if held == 0 {
						return "", errors.New("no commit of the pipeline waits for a standby")
					}
					return fmt.Sprintf("%d commits of the pipeline wait for a standby", held), nil
				})
			},
			Healed: func(ctx context.Context) (string, error) {
				return pollPostgres(ctx, world, waiting, []any{from}, func(held int) (string, error) {
					if held > 0 {
						return "", fmt.Errorf("%d commits still wait for a standby", held)
					}
					return "no commit waits for a standby any more", nil
				})
			},
		}, nil
	}}
}

// clientAddress is the address that Postgres sees the pipeline come from.
func clientAddress(ctx context.Context, world World) (string, error) {
	connections, err := world.Connections(Postgres)
	if err != nil {
		return "", err
	}
	return connections.From(ctx)
}

// configure changes a setting of the server for all sessions.
func configure(ctx context.Context, world World, setting, value string) error {
	conn, err := world.Postgres(ctx, "seatrial-config")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{
		"ALTER SYSTEM SET " + pgx.Identifier{setting}.Sanitize() + " = '" + value + "'",
		"SELECT pg_reload_conf()",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("postgres: %s: %w", statement, err)
		}
	}
	return nil
}

// write has a canary write a table in a tablespace ("": where the database is)
// and take it back.
func write(ctx context.Context, world World, tablespace string) error {
	conn, err := world.Postgres(ctx, proofName)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	statement := "CREATE TABLE seatrial_canary (song text)"
	if tablespace != "" {
		statement += " TABLESPACE " + tablespace
	}
	if _, err := tx.Exec(ctx, statement); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO seatrial_canary VALUES ('tweet')")
	return err
}

// refused waits until a canary's write is refused with a SQLSTATE.
func refused(world World, tablespace, state string) func(context.Context) (string, error) {
	return sing(world, tablespace, func(err error) (string, error) {
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == state {
			return fmt.Sprintf("postgres refuses a canary's write: %s (%s)", refused.Message, refused.Code), nil
		}
		if err == nil {
			return "", errors.New("a canary's write is accepted")
		}
		return "", err
	})
}

// accepted waits until a canary's write is accepted.
func accepted(world World, tablespace string) func(context.Context) (string, error) {
	return sing(world, tablespace, func(err error) (string, error) { return "postgres accepts a canary's write", err })
}

// sing sends canaries to write until judge is content with what comes back.
func sing(world World, tablespace string, judge func(error) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		for {
			text, err := judge(write(ctx, world, tablespace))
			if err == nil {
				return text, nil
			}
			select {
			case <-ctx.Done():
				return "", fmt.Errorf("%w: %w", err, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}

// pollPostgres asks for a number until judge is content with it.
func pollPostgres(ctx context.Context, world World, query string, args []any, judge func(int) (string, error)) (string, error) {
	conn, err := world.Postgres(ctx, proofName)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var last error // what the latest answer lacked
	for {
		var number int
		if err := conn.QueryRow(ctx, query, args...).Scan(&number); err != nil {
			return "", fmt.Errorf("ask postgres: %w", errors.Join(last, err))
		}
		text, err := judge(number)
		if err == nil {
			return text, nil
		}
		last = err
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
