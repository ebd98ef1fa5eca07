package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// running is the stack that the tests of this package share.
var running struct {
	once  sync.Once
	stack *stack.Stack
	err   error
}

func services(t testing.TB) *stack.Stack {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Docker")
	}
	running.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		running.stack, running.err = stack.Up(ctx, stack.Options{})
	})
	require.NoError(t, running.err)
	return running.stack
}

func TestMain(m *testing.M) {
	code := m.Run()
	if running.stack != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := running.stack.Down(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// trial is a run's world without a pipeline: the tests do its work.
type trial struct {
	t       testing.TB
	stack   *stack.Stack
	spec    pipeline.Spec
	wl      *workload.Workload
	dir     string
	history *history.Writer
	db      *pgx.Conn
}

// newTrial makes the reference pipeline's tables and folders anew.
func newTrial(t testing.TB, change func(*workload.Config)) *trial {
	s := services(t)
	config := workload.Default(7, workload.NewTag())
	if change != nil {
		change(&config)
	}
	wl, err := workload.New(config)
	require.NoError(t, err)
	dir := t.TempDir()
	w, err := history.Create(dir, history.Header{Generator: workload.Generator, Tag: config.Tag})
	require.NoError(t, err)
	ctx := context.Background()
	db, err := pgx.Connect(ctx, s.Endpoints().PostgresURL)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close(context.Background()) })
	tr := &trial{t: t, stack: s, spec: pipeline.Reference(nil, nil), wl: wl, dir: dir, history: w, db: db}
	tr.sql(`DROP TABLE IF EXISTS people; DROP TABLE IF EXISTS imports;
CREATE TABLE people (key text, version bigint, deleted_at timestamptz, family_name text, given_name text, birth_date date, email text,
 phone text, note text, employer text, role text, city text, starts_at timestamptz, hours numeric, salary numeric, source_seq bigint);
CREATE TABLE imports (file_id text, file text, seq int, full_file bool, state text, rows int, applied int, superseded int, rejected int,
 received_at timestamptz, completed_at timestamptz)`)
	tr.es("DELETE", "/people-*?ignore_unavailable=true&expand_wildcards=all", "")
	return tr
}

func (tr *trial) observer() *Observer {
	exec := func(ctx context.Context, command ...string) (string, error) {
		return tr.stack.RabbitMQ.Exec(ctx, "", command...)
	}
	return New(tr.spec, tr.stack.Endpoints(), tr.wl, tr.history, exec)
}

func (tr *trial) sql(statement string, arguments ...any) {
	tr.t.Helper()
	_, err := tr.db.Exec(context.Background(), statement, arguments...)
	require.NoError(tr.t, err)
}

func (tr *trial) es(method, path, body string) string {
	tr.t.Helper()
	request, err := http.NewRequest(method, tr.stack.Endpoints().ElasticsearchURL+path, strings.NewReader(body))
	require.NoError(tr.t, err)
	request.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(request)
	require.NoError(tr.t, err)
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	require.NoError(tr.t, err)
	require.Less(tr.t, reply.StatusCode, 300, "%s %s: %s", method, path, answer)
	return string(answer)
}

// index makes an index with the alias that readers use.
func (tr *trial) index(name, mappings string) {
	tr.es("PUT", "/"+name, `{"settings":{"number_of_replicas":0,"refresh_interval":"200ms"},"mappings":{"dynamic":false,`+mappings+`},"aliases":{"people":{}}}`)
}

const columns = `"properties":{"key":{"type":"keyword"},"version":{"type":"long"}}`

// row writes one version of a record as the reference pipeline would.
func (tr *trial) rows(numbers []int, version func(number int) int, deleted bool) {
	var rows [][]any
	for _, n := range numbers {
		r := tr.wl.Record(n, version(n))
		birth, err := time.Parse(time.DateOnly, r.Get("birth_date"))
		require.NoError(tr.t, err)
		starts, err := time.Parse(time.RFC3339Nano, r.Get("starts_at"))
		require.NoError(tr.t, err)
		var at *time.Time
		if deleted {
			at = &starts
		}
		rows = append(rows, []any{tr.wl.Key(n), version(n), at, r.Get("family_name"), r.Get("given_name"), birth, r.Get("email"), r.Get("phone"), r.Get("note"),
			r.Get("employer"), r.Get("role"), r.Get("city"), starts, r.Get("hours"), r.Get("salary")})
	}
	_, err := tr.db.CopyFrom(context.Background(), pgx.Identifier{"people"}, []string{"key", "version", "deleted_at", "family_name", "given_name", "birth_date",
		"email", "phone", "note", "employer", "role", "city", "starts_at", "hours", "salary"}, pgx.CopyFromRows(rows))
	require.NoError(tr.t, err)
}

// documents indexes records and waits until search shows them.
func (tr *trial) documents(index string, numbers []int, version func(number int) int) {
	for len(numbers) > 0 {
		some := numbers[:min(2000, len(numbers))]
		numbers = numbers[len(some):]
		var bulk bytes.Buffer
		encoder := json.NewEncoder(&bulk)
		for _, n := range some {
			fields := map[string]any{"key": tr.wl.Key(n), "version": version(n)}
			for name, text := range tr.wl.Record(n, version(n)).Map() {
				fields[name] = text
			}
			require.NoError(tr.t, encoder.Encode(map[string]any{"index": map[string]string{"_id": tr.wl.Key(n)}}))
			require.NoError(tr.t, encoder.Encode(fields))
		}
		answer := tr.es("POST", "/"+index+"/_bulk?refresh=wait_for", bulk.String())
		require.Contains(tr.t, answer, `"errors":false`)
	}
}

func numbers(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func first1(int) int { return 1 }

// reads closes the history and returns the reads of a place.
func (tr *trial) load() *history.Run {
	require.NoError(tr.t, tr.history.Close())
	run, err := history.Load(tr.dir)
	require.NoError(tr.t, err)
	require.Empty(tr.t, run.Problem)
	return run
}
