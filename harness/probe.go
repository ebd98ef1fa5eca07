package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// probe asks for a count that the pipeline declares of its own state. A
// database that does not answer counts nothing: the trigger goes on waiting.
func (w world) probe(ctx context.Context, name string) (int, error) {
	query, declared := w.pipeline.Spec.Probes[name]
	if !declared {
		return 0, fmt.Errorf("pipeline %s declares no probe %q", w.pipeline.Spec.Name, name)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := w.Postgres(ctx, "seatrial-probe")
	if err != nil {
		return 0, nil
	}
	defer conn.Close(context.WithoutCancel(ctx))
	count, err := ask(ctx, conn, query)
	if err != nil {
		return 0, nil
	}
	return count, nil
}

func ask(ctx context.Context, conn *pgx.Conn, query string) (count int, err error) {
	err = conn.QueryRow(ctx, query).Scan(&count)
	return count, err
}
