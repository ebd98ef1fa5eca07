package independent

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/workload"
)

var people = TableSpec{Name: "people", Key: "key", Version: "version", Deleted: "deleted_at is not null", Columns: []Column{
	{"family_name", "text"}, {"given_name", "text"}, {"birth_date", "date"}, {"email", "text"}, {"phone", "text"}, {"note", "text"},
	{"employer", "text"}, {"role", "text"}, {"city", "text"}, {"starts_at", "timestamptz"}, {"hours", "numeric"}, {"salary", "numeric"},
}}

const createPeople = `create table people (key text, version bigint, deleted_at timestamptz, family_name text, given_name text, birth_date date, email text,
	phone text, note text, employer text, role text, city text, starts_at timestamptz, hours numeric, salary numeric)`

// TestJudge holds the judge against a real Postgres: a table as a careful
// pipeline leaves it, and the same table with records spoiled at random.
func TestJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	conn := postgres(t)
	for _, seed := range []uint64{1, 2, 3} {
		for _, full := range []int{0, 4} {
			t.Run(fmt.Sprintf("seed %d full %d", seed, full), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 5))
				config := workload.Default(seed, workload.NewTag())
				config.Files, config.RecordsPerFile, config.RejectPercent, config.DeletePercent, config.FullEvery = 10, 60, 5, 8, full
				if seed > 1 {
					// A huge field may be stored or not: SQL would not know which.
					config.RecreatePercent = 6
					config.Hostile = workload.Hostile{
						EncodingPercent: 4, NULPercent: 4, MarkupPercent: 5, MixedPercent: 5,
						BOMEvery: 3, CRLFEvery: 2, EmptyEvery: 5, BlankEvery: 6, CopiesEvery: 3,
					}
				}
				config.KeyShape = []string{workload.TokenKeys, workload.DigitKeys, workload.MixedKeys}[seed%3]
				w, err := workload.New(config)
				require.NoError(t, err)
				dir, files := send(t, w)
				state := fill(t, conn, w)

				before := tables(t, conn)
				judge := func() Report {
					tx, err := conn.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
					require.NoError(t, err)
					report, err := Judge(t.Context(), tx, dir, files, people)
					require.NoError(t, err)
					require.NoError(t, tx.Rollback(t.Context()))
					return clean(report)
				}
				require.Equal(t, Report{}, judge())
				require.Equal(t, before, tables(t, conn), "the database stays as it is")

				want := spoil(t, conn, w, state, random)
				require.Equal(t, want, judge())
			})
		}
	}
}

// send writes the files as an archive of a run holds them.
func send(t *testing.T, w *workload.Workload) (dir string, names []string) {
	dir = t.TempDir()
	for _, file := range w.Files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file.Name), w.Encode(file), 0o600))
		names = append(names, file.Name)
	}
	return dir, names
}

// fill makes the table as it should be and returns what is in effect per record.
func fill(t *testing.T, conn *pgx.Conn, w *workload.Workload) map[int]workload.Op {
	exec(t, conn, "drop table if exists people")
	exec(t, conn, createPeople)
	state, present := map[int]workload.Op{}, map[int]workload.Op{}
	for _, file := range w.Files {
		for _, op := range file.Ops {
			if op.Accept != workload.Acceptable {
				continue
			}
			state[int(op.Number)] = op
			if !op.Implied {
				present[int(op.Number)] = op // a deletion by absence leaves the version as it was
			}
		}
	}
	for n, op := range present {
		insert(t, conn, w, op)
		if state[n].Delete {
			exec(t, conn, "update people set deleted_at = now() where key = $1", w.Key(n))
		}
	}
	return state
}

func insert(t *testing.T, conn *pgx.Conn, w *workload.Workload, op workload.Op) {
	op.Delete = false // what is marked deleted had content once
	r := w.Row(op)
	birthDate := any(r[2])
	if r[2] == "" {
		birthDate = nil
	}
	exec(t, conn, `insert into people (key, version, family_name, given_name, birth_date, email, phone, note, employer, role, city, starts_at, hours, salary)
		values ($1, $2::text::bigint, $3, $4, $5::text::date, $6, $7, $8, $9, $10, $11, $12::text::timestamptz, $13::text::numeric, $14::text::numeric)`,
		w.Key(int(op.Number)), strconv.Itoa(int(op.Version)), r[0], r[1], birthDate, r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11])
}

// spoil changes records at random and returns what the judge must say.
func spoil(t *testing.T, conn *pgx.Conn, w *workload.Workload, state map[int]workload.Op, random *rand.Rand) Report {
	var want Report
	for n, op := range state {
		key := w.Key(n)
		if random.IntN(4) != 0 {
			continue
		}
		if op.Delete {
			done, err := conn.Exec(t.Context(), "update people set deleted_at = null where key = $1", key)
			require.NoError(t, err)
			if done.RowsAffected() > 0 { // what was never stored for its zero byte cannot come back
				want.Undeleted = append(want.Undeleted, key)
			}
			continue
		}
		switch random.IntN(5) {
		case 0:
			exec(t, conn, "delete from people where key = $1", key)
			want.Lost = append(want.Lost, key)
		case 1:
			exec(t, conn, "update people set deleted_at = now() where key = $1", key)
			want.Lost = append(want.Lost, key)
		case 2:
			insert(t, conn, w, op)
			want.Doubled = append(want.Doubled, key)
			want.Repeated = append(want.Repeated, key)
		case 3:
			change := []string{"note = note || ' '", "city = null", "hours = hours + 0.01", "starts_at = starts_at + interval '1 microsecond'", "birth_date = coalesce(birth_date, '2000-01-01') - 1"}
			exec(t, conn, "update people set "+change[random.IntN(len(change))]+" where key = $1", key)
			want.Altered = append(want.Altered, key)
		case 4:
			if op.Version == 1 {
				continue
			}
			exec(t, conn, "delete from people where key = $1", key)
			insert(t, conn, w, workload.Op{Number: op.Number, Version: op.Version - 1})
			want.Stale = append(want.Stale, key)
		}
	}
	return clean(want)
}

// clean sorts, and makes empty lists equal.
func clean(r Report) Report {
	for _, list := range []*[]string{&r.Lost, &r.Doubled, &r.Repeated, &r.Altered, &r.Stale, &r.Undeleted} {
		slices.Sort(*list)
		if len(*list) == 0 {
			*list = nil
		}
	}
	return r
}

func tables(t *testing.T, conn *pgx.Conn) (names []string) {
	rows, err := conn.Query(t.Context(), `select schemaname || '.' || tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1`)
	require.NoError(t, err)
	names, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// postgres returns a connection to the Postgres of a stack of its own.
func postgres(t *testing.T) *pgx.Conn {
	h, err := harness.Open(t.Context(), harness.Options{Out: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	for _, address := range h.Addresses() {
		if address.Service == "postgres" {
			conn, err := pgx.Connect(t.Context(), address.URL)
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close(context.Background()) })
			return conn
		}
	}
	t.Fatal("the stack has no postgres")
	return nil
}
