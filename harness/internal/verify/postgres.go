package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// connectWithin is how long connecting may take where the address does not say.
const connectWithin = 10 * time.Second

// Postgres reads a database, and cannot write to it: every transaction of its
// session is read-only. Rows, rejected rows and the status are read in one of
// them, so all were there at the same moment.
type Postgres struct {
	conn   *pgconn.PgConn
	within bool // the transaction of the first read is under way
	values bool // what the server says may be shown, whatever it quotes
}

// OpenPostgres connects.
func OpenPostgres(ctx context.Context, url string, showValues bool) (*Postgres, error) {
	config, err := pgconn.ParseConfig(url)
	if err != nil {
		return nil, usage("POSTGRES_URL cannot be read: write it as in postgres://user:password@host:5432/database, what is special in user and password as %%40")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWithin
	}
	config.RuntimeParams["application_name"] = "seatrial-verify"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO, YMD"
	ctx, cancel := context.WithTimeout(ctx, config.ConnectTimeout)
	defer cancel()
	p := &Postgres{values: showValues}
	if p.conn, err = pgconn.ConnectConfig(ctx, config); err != nil {
		where := fmt.Sprintf("%s:%d", config.Host, config.Port)
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28"):
			return nil, fmt.Errorf("user %q is refused by Postgres at %s: %s: is the password in POSTGRES_URL right?", config.User, where, refused.Message)
		case errors.As(err, &refused) && refused.Code == "3D000":
			return nil, usage("there is no database %q in Postgres at %s: mend POSTGRES_URL", config.Database, where)
		case errors.As(err, &refused):
			return nil, fmt.Errorf("no session with Postgres at %s: %s (SQLSTATE %s); a pooler must pass default_transaction_read_only on, or be gone around", where, refused.Message, refused.Code)
		}
		return nil, fmt.Errorf("no session with Postgres at %s: %w: is POSTGRES_URL right, and does the network let you there?", where, err)
	}
	return p, nil
}

// Close ends the session without waiting for the server.
func (p *Postgres) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	p.conn.Close(ctx)
}

// Check has the server look at a query, without a row of its result.
func (p *Postgres) Check(ctx context.Context, key, query string) error {
	_, err := p.conn.ExecParams(ctx, "SELECT * FROM ("+query+") AS seen LIMIT 0", nil, nil, nil, nil).Close()
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code {
	case "42P01", "42703", "42883", "42601", "42704", "42P09", "42702", "42846", "42804", "3F000":
		return usage("%s cannot be read from Postgres: %s: mend it, by the table as it is there", key, refused.Message)
	case "42501":
		return fmt.Errorf("%s may not be read from Postgres: %s: GRANT SELECT is all that it needs", key, refused.Message)
	}
	return p.said(err)
}

// said leaves out what a message may quote of the data.
func (p *Postgres) said(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		if strings.HasPrefix(refused.Code, "22") && !p.values {
			return fmt.Errorf("read Postgres: SQLSTATE %s, a value cannot be taken as the query wants it (--show-values tells which)", refused.Code)
		}
		return fmt.Errorf("read Postgres: %s (SQLSTATE %s)", refused.Message, refused.Code)
	}
	if err != nil {
		return fmt.Errorf("read Postgres: %w", err)
	}
	return nil
}

// each calls visit for every row of a query, values as text and nil for NULL, valid
// during the call.
func (p *Postgres) each(ctx context.Context, query string, visit func(columns []string, values [][]byte) error) error {
	if !p.within {
		if _, err := p.conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").ReadAll(); err != nil {
			return p.said(err)
		}
		p.within = true
	}
	result := p.conn.ExecParams(ctx, query, nil, nil, nil, nil)
	var columns []string
	for result.NextRow() {
		if columns == nil {
			for _, field := range result.FieldDescriptions() {
				columns = append(columns, field.Name)
			}
		}
		if err := visit(columns, result.Values()); err != nil {
			p.conn.Close(ctx) // rather than read what is left of the table
			return err
		}
	}
	_, err := result.Close()
	return p.said(err)
}

// again begins a new transaction: what is read from now on is as it is then.
func (p *Postgres) again(ctx context.Context) error {
	if !p.within {
		return nil
	}
	p.within = false
	_, err := p.conn.Exec(ctx, "ROLLBACK").ReadAll()
	return p.said(err)
}

// digest sums up what a query returns, whatever the order.
func (p *Postgres) digest(ctx context.Context, query string) (digest string, err error) {
	err = p.each(ctx, "SELECT count(*)::text || ' rows ' || coalesce(sum(hashtextextended(seen::text, 0)::numeric), 0)::text FROM ("+query+") AS seen", func(_ []string, values [][]byte) error {
		digest = string(values[0])
		return nil
	})
	return digest, err
}

// The columns that come before the content.
const (
	keyColumn = iota
	versionColumn
	deletedColumn
	whereColumn
	contentColumn
)

// Rows returns the place of the rows.
func (p *Postgres) Rows(spec pipeline.Rows) *Place {
	var before string
	return &Place{
		Name:   history.Rows,
		Fields: positions(spec.Fields),
		Read: func(ctx context.Context, add func(*spill.Record) error) (err error) {
			if before, err = p.digest(ctx, spec.Query); err != nil {
				return err
			}
			record := spill.Record{Content: make([]workload.Value, len(workload.Fields))}
			var at []int
			return p.each(ctx, spec.Query, func(columns []string, values [][]byte) error {
				if at == nil {
					at = places(columns)
				}
				clear(record.Content)
				for column, field := range at {
					if field >= 0 && values[column] != nil {
						record.Content[field] = workload.Value{Text: string(values[column]), There: true}
					}
				}
				record.Key, record.Version = values[keyColumn], number(values[versionColumn])
				record.Deleted, record.Where = string(values[deletedColumn]) == "t", values[whereColumn]
				return add(&record)
			})
		},
		Changed: func(ctx context.Context) (string, error) {
			if err := p.again(ctx); err != nil {
				return "", err
			}
			after, err := p.digest(ctx, spec.Query)
			if err != nil || after == before {
				return "", err
			}
			return "its rows are not the same any more", nil
		},
	}
}

// places returns which field of workload.Fields each column holds; -1: none.
func places(columns []string) []int {
	at := make([]int, len(columns))
	for i, name := range columns {
		at[i] = -1
		if i >= contentColumn {
			for field, known := range workload.Fields {
				if known.Name == name {
					at[i] = field
				}
			}
		}
	}
	return at
}

// number reads a version; what is none is -1.
func number(text []byte) int64 {
	version, err := strconv.ParseUint(string(text), 10, 63)
	if err != nil {
		return -1
	}
	return int64(version)
}

// Rejects returns the place of rows that were rejected.
func (p *Postgres) Rejects(spec pipeline.Rejects) *Place {
	return &Place{Name: history.DeadLetters, Read: func(ctx context.Context, add func(*spill.Record) error) error {
		return p.each(ctx, spec.Query, func(_ []string, values [][]byte) error {
			return add(&spill.Record{Key: values[0], Version: number(values[1]), Where: values[2]})
		})
	}}
}

// Status returns what reads the import's status.
func (p *Postgres) Status(spec pipeline.Status) Status {
	return func(ctx context.Context, add func(Statement)) error {
		return p.each(ctx, spec.Query, func(_ []string, values [][]byte) error {
			s := Statement{File: string(values[0]), State: string(values[1]), Completed: string(values[2]) == "t"}
			for i, into := range []*int{&s.Rows, &s.Applied, &s.Superseded, &s.Rejected} {
				*into = int(number(values[3+i]))
			}
			add(s)
			return nil
		})
	}
}
