// Package capture makes the sessions that package reader's golden files hold:
// real clients with real services. It is apart from the reader because the
// clients are large.
package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/jackc/pgx/v5"
	"github.com/pkg/sftp"
	amqp091 "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// TestCapture makes the captured sessions anew, with services whose user and
// password are "capture" (SFTP's user: "importer"). SEATRIAL_CAPTURE says where
// they are and how Java is called:
//
//	{"postgres":"127.0.0.1:5432","rabbitmq":…,"elasticsearch":…,"sftp":…,"java":["java","-cp","lib/*","Session.java"]}
//
// The Java program takes the broker's port and does what the session shows.
func TestCapture(t *testing.T) {
	var at struct {
		Postgres, RabbitMQ, Elasticsearch, SFTP string
		Java                                    []string
	}
	where := os.Getenv("SEATRIAL_CAPTURE")
	if where == "" {
		t.Skip("SEATRIAL_CAPTURE says nothing of services to capture sessions with")
	}
	require.NoError(t, json.Unmarshal([]byte(where), &at))
	t.Run("postgres-pgx", func(t *testing.T) { capturePgx(t, at.Postgres) })
	t.Run("postgres-psql", func(t *testing.T) { capturePsql(t, at.Postgres) })
	t.Run("amqp-amqp091-go", func(t *testing.T) { captureGo(t, at.RabbitMQ) })
	t.Run("amqp-java", func(t *testing.T) {
		tape := record(t, at.RabbitMQ)
		_, port, _ := net.SplitHostPort(tape.address)
		out, err := exec.CommandContext(t.Context(), at.Java[0], append(at.Java[1:], port)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		tape.save(t, "amqp-java")
	})
	t.Run("http-go-elasticsearch", func(t *testing.T) { captureElastic(t, at.Elasticsearch) })
	t.Run("sftp-pkg", func(t *testing.T) { capturePkgSFTP(t, at.SFTP) })
	t.Run("sftp-openssh", func(t *testing.T) { captureOpenSSH(t, at.SFTP) })
}

const testdata = "../testdata"

// direction of what is said: towards the service, or back.
type direction string

const (
	up   direction = ">"
	down direction = "<"
)

type said struct {
	d     direction
	bytes string
}

// save writes a talk, one piece a line.
func save(t *testing.T, name string, talk []said) {
	t.Helper()
	var out strings.Builder
	for _, piece := range talk {
		fmt.Fprintf(&out, "%s %s\n", piece.d, strconv.QuoteToASCII(piece.bytes))
	}
	require.NoError(t, os.WriteFile(filepath.Join(testdata, name+".talk"), []byte(out.String()), 0o644))
}

// tape records what is said on connections to a service.
type tape struct {
	address string
	mu      sync.Mutex
	talks   [][]said
}

func record(t *testing.T, upstream string) *tape {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	tape := &tape{address: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", upstream)
			if err != nil {
				client.Close()
				continue
			}
			tape.mu.Lock()
			n := len(tape.talks)
			tape.talks = append(tape.talks, nil)
			tape.mu.Unlock()
			go tape.copy(n, up, server, client, client)
			go tape.copy(n, down, client, server, nil)
		}
	}()
	return tape
}

func (tape *tape) copy(n int, d direction, to io.WriteCloser, from io.Reader, back io.Writer) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		size, err := from.Read(buffer)
		if size > 0 {
			piece := string(buffer[:size])
			tape.add(n, said{d, piece})
			if back != nil && len(piece) == 8 && strings.HasPrefix(piece, "\x00\x00\x00\x08\x04\xd2\x16") {
				back.Write([]byte("N")) // as the tap does
			} else if _, err := io.WriteString(to, piece); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (tape *tape) add(n int, piece said) {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	tape.talks[n] = append(tape.talks[n], piece)
}

// save keeps the longest talk.
func (tape *tape) save(t *testing.T, name string) {
	t.Helper()
	tape.mu.Lock()
	defer tape.mu.Unlock()
	var longest []said
	for _, talk := range tape.talks {
		if len(talk) > len(longest) {
			longest = talk
		}
	}
	save(t, name, longest)
}

func capturePgx(t *testing.T, address string) {
	tape := record(t, address)
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, "postgres://capture:capture@"+tape.address+"/imports?sslmode=prefer")
	require.NoError(t, err)
	exec := func(sql string, arguments ...any) {
		_, err := conn.Exec(ctx, sql, arguments...)
		require.NoError(t, err)
	}
	exec("drop table if exists people, outbox")
	exec("create table people (key text primary key, version bigint); create table outbox (key text)")
	exec("insert into people (key, version) values ($1, $2)", "K1", 1)
	require.NoError(t, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue("select pg_advisory_xact_lock_shared($1)", 7)
		batch.Queue("insert into people as p values ($1, $2) on conflict (key) do update set version = excluded.version where p.version < excluded.version", "K2", 1)
		batch.Queue("insert into outbox select key from people where key = $1", "K2")
		return tx.SendBatch(ctx, batch).Close()
	}))
	batch := &pgx.Batch{} // its own transaction
	batch.Queue("insert into outbox values ($1)", "K3")
	batch.Queue("insert into outbox values ($1)", "K4")
	require.NoError(t, conn.SendBatch(ctx, batch).Close())
	_, err = conn.Exec(ctx, "insert into people (key, version) values ($1, $2)", "K1", 1)
	require.ErrorContains(t, err, "23505")
	n, err := conn.CopyFrom(ctx, pgx.Identifier{"people"}, []string{"key", "version"}, pgx.CopyFromRows([][]any{{"K5", 1}, {"K6", 1}, {"K7", 1}}))
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	require.Error(t, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "delete from people"); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}))
	var count int
	require.NoError(t, conn.QueryRow(ctx, "with gone as (delete from outbox returning key) select count(*) from gone").Scan(&count))
	require.NoError(t, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select count(*) from people").Scan(&count)
	}))
	require.NoError(t, conn.Close(ctx))
	tape.save(t, "postgres-pgx")
}

func capturePsql(t *testing.T, address string) {
	tape := record(t, address)
	host, port, _ := net.SplitHostPort(tape.address)
	psql := exec.CommandContext(t.Context(), "psql", "-X", "-q", "-h", host, "-p", port, "-U", "capture", "imports")
	psql.Env = append(os.Environ(), "PGPASSWORD=capture", "PGSSLMODE=prefer")
	psql.Stdin = strings.NewReader(`drop table if exists places;
create table places (id int primary key, name text);
insert into places values (1, 'a; b'), (2, 'it''s');
copy places from stdin;
3	c
4	d
\.
begin;
update places set name = upper(name);
savepoint s;
insert into places values (1, 'again');
rollback to savepoint s;
delete from places where id = 4;
commit;
begin; insert into places values (9, 'x'); rollback;
update places set name = 'q' where id = 1 \; insert into places values (10, 'y');
select count(*) from places;
insert into places values (10, 'twice');
do $$ begin delete from places where id = 10; end $$;
`)
	out, err := psql.CombinedOutput()
	require.NoError(t, err, "%s", out)
	tape.save(t, "postgres-psql")
}

func captureGo(t *testing.T, address string) {
	tape := record(t, address)
	conn, err := amqp091.Dial("amqp://capture:capture@" + tape.address + "/")
	require.NoError(t, err)
	channel, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, channel.ExchangeDeclare("go", "direct", true, false, false, false, nil))
	queue, err := channel.QueueDeclare("", false, false, true, false, nil)
	require.NoError(t, err)
	require.NoError(t, channel.QueueBind(queue.Name, "record", "go", false, nil))
	require.NoError(t, channel.Confirm(false))
	var confirms []*amqp091.DeferredConfirmation
	for i := range 20 {
		body := []byte(fmt.Sprintf("body %d", i))
		if i == 3 {
			body = bytes.Repeat([]byte("long "), 27_000) // more than a frame
		}
		if i == 4 {
			body = nil
		}
		confirm, err := channel.PublishWithDeferredConfirmWithContext(t.Context(), "go", "record", true, false, amqp091.Publishing{MessageId: fmt.Sprintf("g:%d", i), CorrelationId: "K", Body: body,
			Headers: amqp091.Table{"try": int32(1), "who": "me"}})
		require.NoError(t, err)
		confirms = append(confirms, confirm)
	}
	unroutable, err := channel.PublishWithDeferredConfirmWithContext(t.Context(), "go", "nowhere", true, false, amqp091.Publishing{MessageId: "lost", Body: []byte("x")})
	require.NoError(t, err)
	for _, confirm := range append(confirms, unroutable) {
		_, err := confirm.WaitContext(t.Context())
		require.NoError(t, err)
	}
	second, err := conn.Channel()
	require.NoError(t, err)
	require.NoError(t, second.Qos(8, 0, false))
	deliveries, err := second.Consume(queue.Name, "", false, false, false, false, nil)
	require.NoError(t, err)
	for i := 1; i <= 8; i++ {
		d := <-deliveries
		switch i {
		case 4:
			require.NoError(t, d.Ack(true))
		case 5:
			require.NoError(t, d.Nack(false, true))
		case 6:
			require.NoError(t, d.Reject(false))
		case 7, 8:
			require.NoError(t, d.Ack(false))
		}
	}
	require.NoError(t, second.Close())
	got, ok, err := channel.Get(queue.Name, true)
	require.NoError(t, err)
	require.True(t, ok, "%v", got)
	require.Error(t, channel.ExchangeDeclarePassive("nowhere", "direct", true, false, false, false, nil)) // closes the channel
	require.NoError(t, conn.Close())
	tape.save(t, "amqp-amqp091-go")
}

func captureElastic(t *testing.T, address string) {
	tape := record(t, address)
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{"http://" + tape.address}, CompressRequestBody: true,
		Transport: &http.Transport{MaxConnsPerHost: 1}})
	require.NoError(t, err)
	do := func(response interface{ String() string }, err error) {
		require.NoError(t, err)
		_ = response.String() // reads it to its end
	}
	do(client.Indices.Delete([]string{"people-1"}))
	do(client.Indices.Create("people-1", client.Indices.Create.WithBody(strings.NewReader(`{"mappings":{"properties":{"version":{"type":"long"}}}}`))))
	do(client.Indices.PutAlias([]string{"people-1"}, "people"))
	var body strings.Builder
	for i := range 50 {
		fmt.Fprintf(&body, "{\"index\":{\"_id\":\"K%d\"}}\n{\"version\":%d}\n", i, i)
	}
	body.WriteString("{\"index\":{\"_id\":\"bad\"}}\n{\"version\":\"no number\"}\n{\"delete\":{\"_id\":\"K1\"}}\n{\"create\":{\"_id\":\"K2\"}}\n{}\n")
	do(client.Bulk(strings.NewReader(body.String()), client.Bulk.WithIndex("people"), client.Bulk.WithRefresh("wait_for")))
	do(client.Index("people", strings.NewReader(`{"version":1}`), client.Index.WithDocumentID("K99")))
	do(client.Index("people", strings.NewReader(`{"version":2}`)))
	do(client.Delete("people", "none"))
	do(client.Indices.Refresh(client.Indices.Refresh.WithIndex("people")))
	do(client.Count(client.Count.WithIndex("people")))
	do(client.Indices.UpdateAliases(strings.NewReader(`{"actions":[{"remove":{"index":"people-1","alias":"people"}}]}`)))
	tape.save(t, "http-go-elasticsearch")
}

// recorded is a stream of an SSH session.
type recorded struct {
	tape *tape
	d    direction
	io.Writer
	io.Reader
	io.Closer
}

func (r recorded) Write(p []byte) (int, error) {
	r.tape.add(0, said{r.d, string(p)})
	return r.Writer.Write(p)
}

func (r recorded) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.tape.add(0, said{r.d, string(p[:n])})
	}
	return n, err
}

func capturePkgSFTP(t *testing.T, address string) {
	conn, err := ssh.Dial("tcp", address, &ssh.ClientConfig{User: "importer", Auth: []ssh.AuthMethod{ssh.Password("capture")}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second})
	require.NoError(t, err)
	defer conn.Close()
	session, err := conn.NewSession()
	require.NoError(t, err)
	in, err := session.StdinPipe()
	require.NoError(t, err)
	out, err := session.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, session.RequestSubsystem("sftp"))
	tape := &tape{talks: make([][]said, 1)}
	client, err := sftp.NewClientPipe(recorded{tape: tape, d: down, Reader: out}, recorded{tape: tape, d: up, Writer: in, Closer: in})
	require.NoError(t, err)
	write := func(name string, content []byte) {
		file, err := client.Create(name)
		require.NoError(t, err)
		_, err = file.Write(content)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	write("/inbox/.a.csv.part", bytes.Repeat([]byte("row,of,a,file\n"), 5000))
	require.NoError(t, client.PosixRename("/inbox/.a.csv.part", "/inbox/a.csv"))
	write("/confirmations/c.csv", []byte("key\n"))
	client.Close()

	// A new session: it has written nothing.
	session, err = conn.NewSession()
	require.NoError(t, err)
	in, err = session.StdinPipe()
	require.NoError(t, err)
	out, err = session.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, session.RequestSubsystem("sftp"))
	save(t, "sftp-pkg-write", tape.talks[0])
	tape.talks[0] = nil
	client, err = sftp.NewClientPipe(recorded{tape: tape, d: down, Reader: out}, recorded{tape: tape, d: up, Writer: in, Closer: in})
	require.NoError(t, err)
	_, err = client.ReadDir("/inbox")
	require.NoError(t, err)
	tail, err := client.Open("/inbox/a.csv")
	require.NoError(t, err)
	_, err = tail.ReadAt(make([]byte, 100), 5000*14-100)
	require.NoError(t, err)
	require.NoError(t, tail.Close())
	file, err := client.Open("/inbox/a.csv")
	require.NoError(t, err)
	_, err = file.WriteTo(io.Discard)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, client.Rename("/inbox/a.csv", "/archive/a.csv"))
	require.Error(t, client.Rename("/inbox/a.csv", "/archive/a.csv"))
	require.NoError(t, client.Remove("/archive/a.csv"))
	client.Close()
	save(t, "sftp-pkg-read", tape.talks[0])
}

// TestMain lets sftp(1) call this program instead of ssh: it records.
func TestMain(m *testing.M) {
	if into := os.Getenv("SEATRIAL_RECORD_SSH"); into != "" {
		os.Exit(recordSSH(into))
	}
	os.Exit(m.Run())
}

func recordSSH(into string) int {
	client := exec.CommandContext(context.Background(), "ssh", os.Args[1:]...)
	in, err := client.StdinPipe()
	if err != nil {
		return 1
	}
	out, err := client.StdoutPipe()
	if err != nil {
		return 1
	}
	client.Stderr = os.Stderr
	if err := client.Start(); err != nil {
		return 1
	}
	tape := &tape{talks: make([][]said, 1)}
	go func() {
		io.Copy(recorded{tape: tape, d: up, Writer: in}, os.Stdin)
		in.Close()
	}()
	io.Copy(os.Stdout, recorded{tape: tape, d: down, Reader: out})
	client.Wait()
	encoded, err := json.Marshal(tape.plain())
	if err != nil || os.WriteFile(into, encoded, 0o600) != nil {
		return 1
	}
	return 0
}

type plainPiece struct {
	Down  bool
	Bytes []byte
}

func (tape *tape) plain() (pieces []plainPiece) {
	tape.mu.Lock()
	defer tape.mu.Unlock()
	for _, piece := range tape.talks[0] {
		pieces = append(pieces, plainPiece{piece.d == down, []byte(piece.bytes)})
	}
	return pieces
}

func captureOpenSSH(t *testing.T, address string) {
	dir := t.TempDir()
	host, port, _ := net.SplitHostPort(address)
	require.NoError(t, os.WriteFile(dir+"/pass", []byte("#!/bin/sh\necho capture\n"), 0o700))
	require.NoError(t, os.WriteFile(dir+"/b.csv", bytes.Repeat([]byte("a row\n"), 10_000), 0o600))
	client := exec.CommandContext(t.Context(), "sftp", "-S", os.Args[0], "-P", port, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "PreferredAuthentications=password", "-o", "PubkeyAuthentication=no", "importer@"+host)
	client.Env = append(os.Environ(), "SSH_ASKPASS="+dir+"/pass", "SSH_ASKPASS_REQUIRE=force", "SEATRIAL_RECORD_SSH="+dir+"/talk")
	client.Dir = dir
	client.Stdin = strings.NewReader("put b.csv /inbox/b.csv\nget /inbox/b.csv got.csv\nrename /inbox/b.csv /archive/b.csv\nrm /archive/b.csv\nrm /archive/none\nls /inbox\nbye\n")
	out, err := client.CombinedOutput()
	require.NoError(t, err, "%s", out)
	encoded, err := os.ReadFile(dir + "/talk")
	require.NoError(t, err, "%s", out)
	var pieces []plainPiece
	require.NoError(t, json.Unmarshal(encoded, &pieces))
	var talk []said
	for _, piece := range pieces {
		d := up
		if piece.Down {
			d = down
		}
		talk = append(talk, said{d, string(piece.Bytes)})
	}
	save(t, "sftp-openssh", talk)
}
