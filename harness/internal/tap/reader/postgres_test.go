package reader

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// spoken encodes messages of the Postgres protocol.
func spoken(t testing.TB, messages ...pgproto3.Message) string {
	t.Helper()
	var all []byte
	for _, message := range messages {
		var err error
		all, err = message.Encode(all)
		require.NoError(t, err)
	}
	return string(all)
}

func query(sql string) pgproto3.Message { return &pgproto3.Query{String: sql} }
func parse(name, sql string) pgproto3.Message {
	return &pgproto3.Parse{Name: name, Query: sql}
}
func bind(statement string, parameters ...string) pgproto3.Message {
	b := &pgproto3.Bind{PreparedStatement: statement}
	for _, parameter := range parameters {
		b.Parameters = append(b.Parameters, []byte(parameter))
	}
	return b
}
func done(tag string) pgproto3.Message { return &pgproto3.CommandComplete{CommandTag: []byte(tag)} }
func ready(status byte) pgproto3.Message {
	return &pgproto3.ReadyForQuery{TxStatus: status}
}
func refused(severity, code string) pgproto3.Message {
	return &pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: "no"}
}

var (
	syncs    = &pgproto3.Sync{}
	executes = &pgproto3.Execute{}
)

// startup is what a client says first.
func startup(t testing.TB) string {
	t.Helper()
	return spoken(t, &pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "u"}})
}

func started(t testing.TB) []said {
	return []said{
		{Up, startup(t)},
		{Down, spoken(t, &pgproto3.AuthenticationOk{}, &pgproto3.ParameterStatus{Name: "a", Value: "b"}, &pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{1, 2, 3, 4}}, ready('I'))},
	}
}

func TestPostgres(t *testing.T) {
	for name, test := range map[string]struct {
		talk []said
		want []string
	}{
		"a statement of its own": {
			[]said{
				{Up, spoken(t, query("insert into people (key) values ('a')"))},
				{Down, spoken(t, done("INSERT 0 1"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "committed target=people count=1"},
		},
		"a transaction with commands": {
			[]said{
				{Up, spoken(t, query("begin"))}, {Down, spoken(t, done("BEGIN"), ready('T'))},
				{Up, spoken(t, query("update people set a = 1"))}, {Down, spoken(t, done("UPDATE 3"), ready('T'))},
				{Up, spoken(t, query("insert into outbox values (1)"))}, {Down, spoken(t, done("INSERT 0 1"), ready('T'))},
				{Up, spoken(t, query("commit"))}, {Down, spoken(t, done("COMMIT"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "statement requested target=outbox count=1",
				"statement requested target=commit count=1", "committed target=people count=4 note=also outbox"},
		},
		"preparing is no commit, a batch is one": {
			[]said{
				{Up, spoken(t, parse("s1", "insert into people values ($1)"), &pgproto3.Describe{ObjectType: 'S', Name: "s1"}, syncs)},
				{Down, spoken(t, &pgproto3.ParseComplete{}, &pgproto3.ParameterDescription{}, &pgproto3.NoData{}, ready('I'))},
				{Up, spoken(t, bind("s1", "x"), executes, bind("s1", "y"), executes, bind("s1", "z"), executes, syncs)},
				{Down, spoken(t, &pgproto3.BindComplete{}, done("INSERT 0 1"), &pgproto3.BindComplete{}, done("INSERT 0 1"), &pgproto3.BindComplete{}, done("INSERT 0 1"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "statement requested target=people count=1", "statement requested target=people count=1",
				"committed target=people count=3"},
		},
		"a failed batch is none": {
			[]said{
				{Up, spoken(t, parse("", "insert into people values ($1)"), bind("", "x"), executes, bind("", "y"), executes, syncs)},
				{Down, spoken(t, &pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, done("INSERT 0 1"), refused("ERROR", "23505"), ready('I'))},
				{Up, spoken(t, query("delete from people"))}, {Down, spoken(t, done("DELETE 2"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "statement requested target=people count=1",
				"rolled back target=people count=1 note=23505 no", "statement requested target=people count=1", "committed target=people count=2"},
		},
		"a commit of a failed transaction rolls back": {
			[]said{
				{Up, spoken(t, query("begin; insert into people values (1)"))}, {Down, spoken(t, done("BEGIN"), done("INSERT 0 1"), ready('T'))},
				{Up, spoken(t, query("insert into people values (1)"))}, {Down, spoken(t, refused("ERROR", "23505"), ready('E'))},
				{Up, spoken(t, query("commit"))}, {Down, spoken(t, done("ROLLBACK"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "statement requested target=people count=1", "statement requested target=commit count=1",
				"rolled back target=people count=1 note=23505 no"},
		},
		"back to a savepoint": {
			[]said{
				{Up, spoken(t, query("begin; insert into a values (1)"))}, {Down, spoken(t, done("BEGIN"), done("INSERT 0 1"), ready('T'))},
				{Up, spoken(t, query("rollback to savepoint s"))}, {Down, spoken(t, done("ROLLBACK"), ready('T'))},
				{Up, spoken(t, query("commit"))}, {Down, spoken(t, done("COMMIT"), ready('I'))},
			},
			[]string{"statement requested target=a count=1", "statement requested target=commit count=1", "committed target=a count=1"},
		},
		"several in one query, committed in between": {
			[]said{
				{Up, spoken(t, query("begin; insert into a values (1); commit; update b set x = 1"))},
				{Down, spoken(t, done("BEGIN"), done("INSERT 0 1"), done("COMMIT"), done("UPDATE 1"), ready('I'))},
			},
			[]string{"statement requested target=a count=1", "committed target=a count=1", "committed target=b count=1"},
		},
		"copy is one": {
			[]said{
				{Up, spoken(t, query("copy people (key) from stdin"))}, {Down, spoken(t, &pgproto3.CopyInResponse{})},
				{Up, spoken(t, &pgproto3.CopyData{Data: []byte("a\nb\n")}, &pgproto3.CopyDone{})},
				{Down, spoken(t, done("COPY 2"), ready('I'))},
				{Up, spoken(t, query("copy people to stdout"))}, {Down, spoken(t, &pgproto3.CopyOutResponse{}, &pgproto3.CopyData{Data: []byte("a\n")}, &pgproto3.CopyDone{}, done("COPY 1"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "committed target=people count=2"},
		},
		"what writes and is called SELECT": {
			[]said{
				{Up, spoken(t, query(`with gone as (delete from only public.people returning key) insert into "out box" select key from gone`))},
				{Down, spoken(t, done("INSERT 0 4"), ready('I'))},
				{Up, spoken(t, query("with made as (insert into batches values (1) returning n) select n from made"))},
				{Down, spoken(t, &pgproto3.RowDescription{}, done("SELECT 1"), ready('I'))},
			},
			[]string{"statement requested target=people count=1", "committed target=people count=4", "statement requested target=batches count=1", "committed target=batches count=1"},
		},
		"what is only read": {
			[]said{
				{Up, spoken(t, query("select * from people for update"))}, {Down, spoken(t, done("SELECT 3"), ready('I'))},
				{Up, spoken(t, query("update people set a = 1 where false"))}, {Down, spoken(t, done("UPDATE 0"), ready('I'))},
				{Up, spoken(t, query("begin"))}, {Down, spoken(t, done("BEGIN"), ready('T'))},
				{Up, spoken(t, query("commit"))}, {Down, spoken(t, done("COMMIT"), ready('I'))},
				{Up, spoken(t, query(""))}, {Down, spoken(t, &pgproto3.EmptyQueryResponse{}, ready('I'))},
			},
			[]string{"statement requested target=people count=1", "statement requested target=commit count=1", "ended"},
		},
		"a pipeline with two commits": {
			[]said{
				{Up, spoken(t, parse("i", "insert into a values ($1)"), bind("i", "1"), executes, syncs, bind("i", "2"), executes, syncs)},
				{Down, spoken(t, &pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, done("INSERT 0 1"), ready('I'), &pgproto3.BindComplete{}, done("INSERT 0 1"), ready('I'))},
			},
			[]string{"statement requested target=a count=1", "statement requested target=a count=1", "committed target=a count=1", "committed target=a count=1"},
		},
		"killed by an administrator": {
			[]said{{Down, spoken(t, refused("FATAL", "57P01"))}},
			[]string{"closed target=connection note=57P01 no"},
		},
		"no message": {
			[]said{{Down, "Q\x00\x00\x00\x04 and so on"}, {Up, spoken(t, query("insert into a values (1)"))}},
			[]string{"unreadable note=down: an answer of type 0x51"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			talk := append(started(t), test.talk...)
			tells(t, "postgres", talk, test.want)
		})
	}
}

func TestPostgresOpening(t *testing.T) {
	const told = "noted note=the client asked for "
	hello := startup(t)
	for name, test := range map[string]struct {
		up, passed string
		want       []string
	}{
		"TLS and GSS are declined": {
			spoken(t, &pgproto3.GSSEncRequest{}) + spoken(t, &pgproto3.SSLRequest{}) + hello, hello,
			[]string{told + "GSS encryption and was told that there is none: where it insists, it leaves", told + "TLS and was told that there is none: where it insists, it leaves"},
		},
		"TLS without asking": {"\x16\x03\x01\x02\x00\x01\x00", "\x16\x03\x01\x02\x00\x01\x00", []string{"unreadable note=up: the client speaks TLS"}},
		"a request to cancel": {
			spoken(t, &pgproto3.CancelRequest{ProcessID: 7, SecretKey: []byte{1, 2, 3, 4}}), spoken(t, &pgproto3.CancelRequest{ProcessID: 7, SecretKey: []byte{1, 2, 3, 4}}),
			[]string{"closed note=the client asks for a statement to be cancelled"},
		},
		"protocol 2":     {"\x00\x00\x00\x28\x00\x02\x00\x00etc", "\x00\x00\x00\x28\x00\x02\x00\x00etc", []string{"unreadable note=up: a first message of protocol 2.0"}},
		"something else": {"GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n", []string{"unreadable note=up: not Postgres: it begins with 0x47"}},
	} {
		t.Run(name, func(t *testing.T) {
			talk := []said{{Up, test.up}}
			require.Equal(t, test.want, always(t, "postgres", nil, talk))
			require.Equal(t, test.passed, read(t, "postgres", nil, talk, 3, 0).passed[Up])
		})
	}
}

func TestPostgresFindsKeys(t *testing.T) {
	keys := keysLike(t, "G01D", 12)
	talk := append(started(t),
		said{Up, spoken(t, parse("", "insert into people values ($1, $2)"), bind("", "G01D00000017", strings.Repeat("x", 9000)+" G01D00000028"), executes, syncs)},
		said{Down, spoken(t, &pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, done("INSERT 0 1"), ready('I'))},
		said{Up, spoken(t, query("copy people from stdin"))},
		said{Down, spoken(t, &pgproto3.CopyInResponse{})},
		said{Up, spoken(t, &pgproto3.CopyData{Data: []byte("G01D00000039\tx\n")}, &pgproto3.CopyDone{})},
		said{Down, spoken(t, done("COPY 1"), ready('I'))},
	)
	require.Equal(t, []string{
		"statement requested target=people count=1 records=G01D00000017,G01D00000028",
		"committed target=people count=1 records=G01D00000017,G01D00000028",
		"statement requested target=people count=1",
		"committed target=people count=1 records=G01D00000039",
	}, always(t, "postgres", keys, talk))
}

func TestPostgresBigStatement(t *testing.T) {
	sql := "insert into people values ('" + strings.Repeat("x", 16<<20) + "')"
	talk := append(started(t), said{Up, spoken(t, query(sql))}, said{Down, spoken(t, &pgproto3.DataRow{Values: [][]byte{[]byte(sql)}}, done("INSERT 0 1"), ready('I'))})
	for _, size := range []int{1000, 65536} {
		got := read(t, "postgres", nil, talk, size, 0)
		require.Len(t, got.events, 2)
		require.Contains(t, got.events[1], "committed target=people count=1")
	}
}

func TestClassify(t *testing.T) {
	for sql, want := range map[string]statement{
		"INSERT INTO public.People(key) VALUES (1)":                              {"insert", "people", true},
		`insert /* not into x */ into "People" select 'delete from y; ' || $1`:   {"insert", "People", true},
		"-- a comment; with a semicolon\nupdate only app.people set a = 'it''s'": {"update", "app.people", true},
		"delete from people": {"delete", "people", true},
		"merge into people p using x on true when matched then do nothing": {"merge", "people", true},
		"truncate table only people":                                       {"truncate", "people", true},
		"copy (select 1) to stdout":                                        {"copy", "", false},
		"copy people from stdin":                                           {"copy", "people", true},
		"select a from b on conflict do update set":                        {"select", "", false},
		"with x as (select 1 for update of people) select * from x":        {"with", "", false},
		"create table x (a int)":                                           {"create", "schema", true},
		"do $body$ begin insert into y values (1); end $body$":             {"do", "do", true},
		"call app.load($1)":                                                {"call", "app.load", true},
		"COMMIT":                                                           {"commit", commitTarget, false},
		"insert into":                                                      {"insert", "?", true},
	} {
		got := classify(sql)
		require.Len(t, got, 1, sql)
		require.Equal(t, want, got[0], sql)
	}
	require.Len(t, classify("begin;;insert into a values (';') ; commit; "), 3)
	require.Empty(t, classify(" ; "))
}

func FuzzPostgres(f *testing.F) {
	hello := startup(f)
	f.Add([]byte(hello+spoken(f, query("begin; insert into a values (1); commit"))), []byte(spoken(f, &pgproto3.AuthenticationOk{}, done("BEGIN"), done("INSERT 0 1"), done("COMMIT"), ready('I'))))
	f.Add([]byte(spoken(f, &pgproto3.SSLRequest{})+hello+spoken(f, parse("s", "insert into a values ($1)"), bind("s", "G0100017"), executes, syncs)), []byte(spoken(f, done("INSERT 0 1"), refused("FATAL", "57P01"))))
	f.Fuzz(func(t *testing.T, up, down []byte) { anything(t, "postgres", up, down) })
}
