package observe

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// database is a connection to the pipeline's Postgres that only reads. Every
// statement is one REPEATABLE READ, READ ONLY transaction of its own: what it
// returns was all there at the same moment.
type database struct {
	url  string
	conn *pgconn.PgConn
}

func (d *database) connect(ctx context.Context) error {
	if d.conn != nil && !d.conn.IsClosed() {
		return nil
	}
	config, err := pgconn.ParseConfig(d.url)
	if err != nil {
		return fmt.Errorf("read the address of Postgres: %w", err)
	}
	config.RuntimeParams["application_name"] = "seatrial-observer"
	config.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO, YMD"
	d.conn, err = pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to Postgres: %w", err)
	}
	return nil
}

// each calls visit for every row of the query's result, values as text and
// nil for NULL, valid during the call. Columns are the names of the result.
func (d *database) each(ctx context.Context, query string, least int, visit func(columns []string, values [][]byte) error) error {
	if err := d.connect(ctx); err != nil {
		return err
	}
	result := d.conn.ExecParams(ctx, query, nil, nil, nil, nil)
	var columns []string
	var failed error
	for result.NextRow() {
		if columns == nil {
			for _, field := range result.FieldDescriptions() {
				columns = append(columns, field.Name)
			}
			if len(columns) < least {
				failed = fmt.Errorf("the pipeline's query returns %d columns where at least %d are due: %s", len(columns), least, query)
				break
			}
		}
		if failed = visit(columns, result.Values()); failed != nil {
			break
		}
	}
	_, err := result.Close()
	if failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("read Postgres: %w", err)
	}
	return nil
}

// close does not wait for the server.
func (d *database) close() {
	if d.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		d.conn.Close(ctx)
		d.conn = nil
	}
}

func isTrue(text []byte) bool {
	switch string(text) {
	case "t", "true", "yes", "1":
		return true
	}
	return false
}
