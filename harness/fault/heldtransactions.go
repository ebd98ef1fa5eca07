package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// TransactionsHeld freezes so many of the pipeline's backends in Postgres while
// each stands in the middle of a transaction that has written the pipeline's
// table: its process is stopped, as by a disk that does not answer or for want of a
// processor. All others go on. It bites if the kernel has the processes
// stopped and Postgres still has their transactions open. Recovery lets them go on.
func TransactionsHeld(count int) Fault {
	return Fault{Name: "transactions-held", Target: Postgres, NeedsTable: true, Detail: fmt.Sprint(count), Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		if count < 1 {
			return Injection{}, fmt.Errorf("to hold %d transactions has no effect", count)
		}
		from, err := clientAddress(ctx, world)
		if err != nil {
			return Injection{}, err
		}
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		table, err := world.Table()
		if err != nil {
			return Injection{}, err
		}
		h := &holder{world: world, server: containers[0], from: from, table: table}
		return Injection{
			Undo:   []Undo{{Do: UndoThaw, Target: target}},
			Inject: func(ctx context.Context) error { return h.hold(ctx, count) },
			Bites: func(ctx context.Context) (string, error) {
				if err := h.stopped(ctx); err != nil {
					return "", err
				}
				return h.open(ctx, func(open int) (string, error) {
					if open < len(h.held) {
						return "", fmt.Errorf("only %d of %d transactions are open", open, len(h.held))
					}
					return fmt.Sprintf("%d backends are stopped in the middle of a transaction", open), nil
				})
			},
			Healed: func(ctx context.Context) (string, error) {
				return h.open(ctx, func(open int) (string, error) {
					if open > 0 {
						return "", fmt.Errorf("%d of the transactions are still open", open)
					}
					return "the transactions that were held have ended", nil
				})
			},
		}, nil
	}}
}

// Thaw has all stopped processes of a container go on. Others do not notice.
func Thaw(ctx context.Context, c Container) error {
	_, err := c.Exec(ctx, "root", "sh", "-c", "kill -CONT -1")
	return err
}

// holder stops backends in transactions.
type holder struct {
	world  World
	server Container
	from   string
	table  string
	held   []backend
}

// backend is a process of Postgres and the transaction that it is in.
type backend struct {
	PID int32
	XID string
}

// between lists backends that have written a table in a transaction and wait
// for what their client says next.
const between = `SELECT pid, backend_xid::text FROM pg_stat_activity a
	WHERE client_addr = $1::text::inet AND state = 'idle in transaction' AND backend_xid IS NOT NULL
	AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = $2::text::regclass AND l.mode = 'RowExclusiveLock')`

// hold stops backends until it has so many. One that was done just before it
// was stopped is let go, and another is tried.
func (h *holder) hold(ctx context.Context, count int) error {
	conn, err := h.world.Postgres(ctx, proofName)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for len(h.held) < count {
		found, err := h.ask(ctx, conn)
		if err != nil {
			return err
		}
		for _, b := range found[:min(len(found), count-len(h.held))] {
			if h.signal(ctx, conn, "STOP", b) != nil {
				continue // it ended
			}
			still, err := h.ask(ctx, conn)
			if err != nil {
				return err
			}
			if slices.Contains(still, b) {
				h.held = append(h.held, b)
				continue
			}
			_ = h.signal(ctx, conn, "CONT", b) // an error: it ended, and needs nothing
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped %d backends in a transaction, %d were wanted: %w", len(h.held), count, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// signal has the server itself send a signal: nobody else is quick enough to
// find a transaction where it was a moment ago.
func (h *holder) signal(ctx context.Context, conn *pgx.Conn, signal string, b backend) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("COPY (SELECT 1 WHERE false) TO PROGRAM 'kill -%s %d'", signal, b.PID))
	return err
}

// ask returns those that wait and are not held.
func (h *holder) ask(ctx context.Context, conn *pgx.Conn) ([]backend, error) {
	rows, err := conn.Query(ctx, between, h.from, pgx.Identifier{h.table}.Sanitize())
	if err != nil {
		return nil, fmt.Errorf("ask postgres for open transactions: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[backend])
	if err != nil {
		return nil, fmt.Errorf("ask postgres for open transactions: %w", err)
	}
	return slices.DeleteFunc(found, func(b backend) bool { return slices.Contains(h.held, b) }), nil
}

// stopped asks the kernel.
func (h *holder) stopped(ctx context.Context) error {
	for _, b := range h.held {
		said, err := h.server.Exec(ctx, "root", "sh", "-c", fmt.Sprintf("grep State: /proc/%d/status", b.PID))
		if err != nil {
			return err
		}
		if !strings.Contains(said, "T (stopped)") {
			return fmt.Errorf("backend %d is not stopped: %s", b.PID, strings.TrimSpace(said))
		}
	}
	if len(h.held) == 0 {
		return errors.New("no backend was stopped")
	}
	return nil
}

// open waits until judge is content with how many of the held transactions are open.
func (h *holder) open(ctx context.Context, judge func(int) (string, error)) (string, error) {
	var xids []string
	for _, b := range h.held {
		xids = append(xids, b.XID)
	}
	return pollPostgres(ctx, h.world, `SELECT count(*) FROM pg_stat_activity WHERE backend_xid::text = ANY ($1)`, []any{xids}, judge)
}
