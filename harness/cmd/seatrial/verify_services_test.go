package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/reports"
)

// verifyRows is how many records the test has where SEATRIAL_VERIFY_ROWS does not
// say: enough that all of it is sorted on disk. 1000000 takes about two minutes.
const verifyRows = 60_000

// live is a Postgres, an Elasticsearch and an SFTP server with what an import of n
// records has left, and the files that were sent.
type live struct {
	t        *testing.T
	program  string
	stack    *stack.Stack
	db       *pgx.Conn
	dir      string
	pipeline string
	env      []string
	n        int
}

const readerPassword = "reader-pa55/word"

// version is the highest of a record: every tenth was changed once.
func (l *live) version(i int) int {
	if i%10 == 7 {
		return 2
	}
	return 1
}

func key(i int) string { return fmt.Sprintf("K%08d", i) }

// content is what version v of a record says.
func content(i, v int) (name, born, amount string) {
	return fmt.Sprintf("Näme %d, \"the %d\"", i, v), time.Date(1950, 1, 1+i%20000+v, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), fmt.Sprintf("%d.%02d", i, v)
}

func newLive(t *testing.T) *live {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	ctx := t.Context()
	l := &live{t: t, n: verifyRows, dir: t.TempDir()}
	if n, err := strconv.Atoi(os.Getenv("SEATRIAL_VERIFY_ROWS")); err == nil {
		l.n = n
	}
	l.program = filepath.Join(l.dir, "seatrial")
	output, err := exec.CommandContext(ctx, "go", "build", "-o", l.program, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	l.stack, err = stack.Up(ctx, stack.Options{Only: []string{stack.SFTP, stack.Postgres, stack.Elasticsearch}})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, l.stack.Down(ctx))
	})
	e := l.stack.Endpoints()
	l.db, err = pgx.Connect(ctx, e.PostgresURL)
	require.NoError(t, err)
	t.Cleanup(func() { l.db.Close(context.Background()) })

	l.pipeline = filepath.Join(l.dir, "seatrial.yaml")
	require.NoError(t, os.WriteFile(l.pipeline, []byte(`seatrial: 1
roles:
  importer: {does: [load], image: importer}
records:
  format: csv
  files: "{number}-{tag}.csv"
  trailer: "#rows,{rows}"
  fields:
    - {name: id, holds: key}
    - {name: rev, holds: version}
    - {name: name, holds: family_name}
    - {name: born, holds: birth_date, layout: DD.MM.YYYY}
    - {name: amount, holds: salary}
expect:
  rows: {table: people, key: id, version: rev, deleted: gone}
  documents: {index: people, key: id, version: rev, fields: {name: person.name, amount: amount}}
timing: {interval: 1s}
`), 0o600))
	reader, err := url.Parse(e.PostgresURL)
	require.NoError(t, err)
	reader.User = url.UserPassword("reader", readerPassword)
	host, port, _ := strings.Cut(e.SFTPAddr, ":")
	l.env = []string{"POSTGRES_URL=" + reader.String(), "ELASTICSEARCH_URL=" + e.ElasticsearchURL,
		"SFTP_HOST=" + host, "SFTP_PORT=" + port, "SFTP_USER=" + e.SFTPUser, "SFTP_PASSWORD=" + e.SFTPPassword, "SFTP_HOST_KEY=" + e.SFTPHostKey}
	l.load()
	return l
}

// load writes the files, the rows and the documents of an import that went well.
func (l *live) load() {
	ctx := l.t.Context()
	l.sql(`CREATE TABLE people (id text, rev bigint, name text, born date, amount numeric, gone boolean, note text);
CREATE ROLE reader LOGIN PASSWORD '` + readerPassword + `'; GRANT SELECT ON people TO reader; CREATE TABLE secret (id text, rev bigint)`)
	const files = 10
	folder := filepath.Join(l.dir, "archive")
	require.NoError(l.t, os.Mkdir(folder, 0o700))
	// Deltas: what is changed later comes in the second half.
	written := make([]bytes.Buffer, files)
	rows := make([]int, files)
	add := func(file, i, v int) {
		if rows[file]++; rows[file] == 1 {
			written[file].WriteString("id,rev,name,born,amount\n")
		}
		name, born, amount := content(i, v)
		fmt.Fprintf(&written[file], "%s,%d,\"%s\",%s.%s.%s,%s\n", key(i), v, strings.ReplaceAll(name, `"`, `""`), born[8:], born[5:7], born[:4], amount)
	}
	for i := range l.n {
		add(i%(files/2), i, 1)
		if l.version(i) == 2 {
			add(files/2+i%(files/2), i, 2)
		}
	}
	for file := range written {
		if rows[file] == 0 {
			continue
		}
		fmt.Fprintf(&written[file], "#rows,%d\n", rows[file])
		require.NoError(l.t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%06d-TEST.csv", file+1)), written[file].Bytes(), 0o600))
		written[file] = bytes.Buffer{}
	}
	i := 0
	_, err := l.db.CopyFrom(ctx, pgx.Identifier{"people"}, []string{"id", "rev", "name", "born", "amount", "gone"}, pgx.CopyFromFunc(func() ([]any, error) {
		if i == l.n {
			return nil, nil
		}
		name, born, amount := content(i, l.version(i))
		day, _ := time.Parse(time.DateOnly, born)
		values := []any{key(i), int64(l.version(i)), name, day, amount, false}
		i++
		return values, nil
	}))
	require.NoError(l.t, err)
	l.elastic("PUT", "/people-1", `{"settings":{"number_of_shards":2,"number_of_replicas":0,"refresh_interval":"-1"},"mappings":{"dynamic":false,"properties":{"id":{"type":"keyword"},"rev":{"type":"long"}}},"aliases":{"people":{}}}`)
	var bulk bytes.Buffer
	for i := range l.n {
		l.document(&bulk, key(i), i, l.version(i))
		if bulk.Len() > 1<<20 || i == l.n-1 {
			l.bulk(&bulk)
		}
	}
	l.elastic("POST", "/people-1/_refresh", "")
}

func (l *live) document(bulk *bytes.Buffer, id string, i, v int) {
	name, _, amount := content(i, v)
	fmt.Fprintf(bulk, `{"index":{"_id":%q}}`+"\n"+`{"id":%q,"rev":%d,"person":{"name":%s},"amount":%s}`+"\n", id, key(i), v, strconv.Quote(name), amount)
}

func (l *live) bulk(bulk *bytes.Buffer) {
	answer := l.elastic("POST", "/people-1/_bulk?filter_path=errors", bulk.String())
	require.JSONEq(l.t, `{"errors":false}`, answer)
	bulk.Reset()
}

func (l *live) elastic(method, path, body string) string {
	request, err := http.NewRequestWithContext(l.t.Context(), method, l.stack.Endpoints().ElasticsearchURL+path, strings.NewReader(body))
	require.NoError(l.t, err)
	request.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(request)
	require.NoError(l.t, err)
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	require.NoError(l.t, err)
	require.Equal(l.t, 2, reply.StatusCode/100, string(answer))
	return string(answer)
}

func (l *live) sql(text string) {
	_, err := l.db.PgConn().Exec(l.t.Context(), text).ReadAll()
	require.NoError(l.t, err)
}

// verify runs the program.
func (l *live) verify(env []string, args ...string) (code int, stdout, stderr string) {
	command := exec.CommandContext(l.t.Context(), l.program, append([]string{"verify", "--pipeline", l.pipeline, "--out", filepath.Join(l.dir, "out")}, args...)...)
	command.Env = append(append(os.Environ(), l.env...), env...)
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	if err := command.Run(); err != nil {
		var exit *exec.ExitError
		require.True(l.t, errors.As(err, &exit), "%v", err)
	}
	require.NotContains(l.t, out.String()+complaints.String(), readerPassword)
	require.NotContains(l.t, out.String()+complaints.String(), url.UserPassword("", readerPassword).String()[1:])
	return command.ProcessState.ExitCode(), out.String(), complaints.String()
}

// judged runs it and returns what it prints as JSON.
func (l *live) judged(code int, args ...string) reports.Verification {
	l.t.Helper()
	began := time.Now()
	got, stdout, stderr := l.verify(nil, append(args, "--json")...)
	require.Equal(l.t, code, got, "%s%s", stdout, stderr)
	var v reports.Verification
	require.NoError(l.t, json.Unmarshal([]byte(stdout), &v))
	l.t.Logf("%d records, %s: %.1f s, peak %.1f MiB, spilled %d MiB", v.Records, v.Verdict, time.Since(began).Seconds(), float64(v.PeakBytes)/(1<<20), v.SpilledBytes>>20)
	require.Less(l.t, v.PeakBytes, int64(128<<20))
	return v
}

type verifiedCounts map[check.Class]int

// wrong leaves the classes of findings that were found.
func wrong(counts map[check.Class]int) verifiedCounts {
	found := verifiedCounts{}
	for _, class := range check.Classes {
		if n := counts[class]; n != 0 {
			found[class] = n
		}
	}
	return found
}

// What was planted is found, exactly that, in memory that does not grow with the
// records, by a user who may read and nothing else.
func TestVerifyOnServices(t *testing.T) {
	l := newLive(t)
	archive := filepath.Join(l.dir, "archive")

	v := l.judged(0, "--sent", archive)
	require.Equal(t, check.Valid, v.Verdict, v.Reason)
	require.Equal(t, l.n, v.Rows)
	require.Equal(t, l.n, v.Documents)
	require.Equal(t, l.n+l.n/10, v.Counts[check.OK])

	lost, doubled, stale, invisible := l.n/7, l.n/5, l.n/2/10*10+7, l.n/3
	l.sql(fmt.Sprintf(`DELETE FROM people WHERE id = '%s'; INSERT INTO people SELECT * FROM people WHERE id = '%s'`, key(lost), key(doubled)))
	name, born, amount := content(stale, 1)
	l.sql(fmt.Sprintf(`UPDATE people SET rev = 1, name = '%s', born = '%s', amount = %s WHERE id = '%s'`, name, born, amount, key(stale)))
	l.elastic("DELETE", "/people-1/_doc/"+key(lost), "")
	l.elastic("DELETE", "/people-1/_doc/"+key(invisible), "")
	var bulk bytes.Buffer
	l.document(&bulk, key(stale), stale, 1)
	l.bulk(&bulk)
	l.elastic("POST", "/people-1/_refresh", "")

	v = l.judged(1, "--sent", archive)
	require.Equal(t, check.Invalid, v.Verdict)
	require.Equal(t, verifiedCounts{check.Lost: 1, check.Duplicated: 1, check.Stale: 1, check.Invisible: 1}, wrong(v.Counts), v.Reason)
	raw, err := os.ReadFile(filepath.Join(v.Folder, reports.FindingsFile))
	require.NoError(t, err)
	keys := map[check.Class]string{}
	for line := range strings.Lines(string(raw)) {
		var f check.Finding
		require.NoError(t, json.Unmarshal([]byte(line), &f))
		keys[f.Class] = f.Key
	}
	require.Equal(t, map[check.Class]string{check.Lost: key(lost), check.Duplicated: key(doubled), check.Stale: key(stale), check.Invisible: key(invisible)}, keys)

	if l.n > verifyRows {
		return // the rest is about words
	}
	t.Run("SFTP", l.onSFTP)
	t.Run("altered", l.altered)
	t.Run("places", l.places)
	t.Run("mistakes", l.mistakes)
	t.Run("moving", l.moving)
}

// onSFTP has the same files on a server.
func (l *live) onSFTP(t *testing.T) {
	session, err := stack.DialSFTP(t.Context(), l.stack.Endpoints())
	require.NoError(t, err)
	defer session.Close()
	entries, err := os.ReadDir(filepath.Join(l.dir, "archive"))
	require.NoError(t, err)
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(l.dir, "archive", entry.Name()))
		require.NoError(t, err)
		file, err := session.Create("archive/" + entry.Name())
		require.NoError(t, err)
		_, err = file.Write(content)
		require.NoError(t, errors.Join(err, file.Close()))
	}
	v := l.judged(1, "--sent", "sftp:archive")
	require.Equal(t, 4, v.Findings)
	require.Equal(t, l.n+l.n/10, v.Records)
	code, _, stderr := l.verify([]string{"SFTP_PASSWORD=wrong-pa55"}, "--sent", "sftp:archive")
	require.Equal(t, 3, code, stderr)
	require.Contains(t, stderr, "are the credentials and SFTP_HOST_KEY right?")
	require.NotContains(t, stderr, "wrong-pa55")
	code, _, stderr = l.verify(nil, "--sent", "sftp:nowhere")
	require.Equal(t, 2, code, stderr)
	require.Contains(t, stderr, "read the folder sftp:nowhere")
}

// altered shows contents only where somebody asks for them.
func (l *live) altered(t *testing.T) {
	l.sql(fmt.Sprintf(`UPDATE people SET name = 'Hidden' WHERE id = '%s'`, key(1)))
	defer func() {
		name, _, _ := content(1, 1)
		l.sql(fmt.Sprintf(`UPDATE people SET name = '%s' WHERE id = '%s'`, name, key(1)))
	}()
	v := l.judged(1, "--sent", filepath.Join(l.dir, "archive"))
	require.Equal(t, 1, v.Counts[check.Altered])
	for _, name := range []string{reports.RunFile, reports.FindingsFile, reports.JUnitFile, reports.MarkdownFile, reports.HTMLFile} {
		raw, err := os.ReadFile(filepath.Join(v.Folder, name))
		require.NoError(t, err)
		require.NotContains(t, string(raw), "Hidden", name)
		require.NotContains(t, string(raw), readerPassword, name)
	}
	v = l.judged(1, "--sent", filepath.Join(l.dir, "archive"), "--show-values")
	raw, err := os.ReadFile(filepath.Join(v.Folder, reports.FindingsFile))
	require.NoError(t, err)
	require.Contains(t, string(raw), "Hidden")
}

// places are judged beside rows and documents: what was rejected is not missed,
// what was not confirmed is, and what the import says is held against what is there.
func (l *live) places(t *testing.T) {
	described, err := os.ReadFile(l.pipeline)
	require.NoError(t, err)
	defer os.WriteFile(l.pipeline, described, 0o600)
	require.NoError(t, os.WriteFile(l.pipeline, bytes.Replace(described, []byte("timing:"), []byte(`  rejects: {query: SELECT * FROM rejects, key: id, version: rev}
  status: {query: SELECT * FROM imports, file: file, completed: done, rows: rows}
  confirmations: {files: "c-*.csv", key: id, version: rev}
timing:`), 1), 0o600))
	lost, unconfirmed := key(l.n/7), key(11)
	l.sql(fmt.Sprintf(`CREATE TABLE rejects (id text, rev int); INSERT INTO rejects VALUES ('%s', 1);
CREATE TABLE imports (file text, done boolean, rows int); INSERT INTO imports VALUES ('000001-TEST.csv', true, %d), ('000002-TEST.csv', true, 1);
GRANT SELECT ON rejects, imports TO reader`, lost, l.n/5))
	var confirmed bytes.Buffer
	confirmed.WriteString("id,rev,op\n")
	for i := range l.n {
		if key(i) != unconfirmed && key(i) != lost {
			fmt.Fprintf(&confirmed, "%s,%d,upsert\n", key(i), l.version(i))
		}
	}
	folder := filepath.Join(l.dir, "confirmed")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "c-1.csv"), confirmed.Bytes(), 0o600))
	v := l.judged(1, "--sent", filepath.Join(l.dir, "archive"), "--confirmations", folder)
	require.Equal(t, verifiedCounts{check.Duplicated: 1, check.Stale: 1, check.Invisible: 1, check.Unconfirmed: 1, check.Misreported: 1}, wrong(v.Counts), v.Reason)
	require.Equal(t, []string{"messages under way", "the content of born in documents"}, v.NotJudged)
}

// mistakes are told before a row is read, with what to do.
func (l *live) mistakes(t *testing.T) {
	archive := filepath.Join(l.dir, "archive")
	e := l.stack.Endpoints()
	described, err := os.ReadFile(l.pipeline)
	require.NoError(t, err)
	address := strings.TrimPrefix(l.env[0], "POSTGRES_URL=")
	for name, c := range map[string]struct {
		swap [2]string
		env  string
		code int
		says []string
	}{
		"password": {env: "POSTGRES_URL=" + strings.Replace(address, "reader-pa55", "wrong-pa55", 1), code: 3, says: []string{`user "reader" is refused by Postgres`, "is the password in POSTGRES_URL right?"}},
		"database": {env: "POSTGRES_URL=" + strings.Replace(e.PostgresURL, "?", "x?", 1), code: 2, says: []string{"there is no database"}},
		"table":    {swap: [2]string{"table: people", "table: persons"}, code: 2, says: []string{"expect.rows cannot be read from Postgres", `relation "persons" does not exist`}},
		"column":   {swap: [2]string{"key: id, version: rev, deleted: gone", "key: ident, version: rev"}, code: 2, says: []string{"expect.rows", "q.ident does not exist"}},
		"rights":   {swap: [2]string{"table: people, key: id, version: rev, deleted: gone}", "table: secret, key: id, version: rev, fields: {}}"}, code: 3, says: []string{"GRANT SELECT is all that it needs"}},
		"index":    {swap: [2]string{"index: people", "index: persons"}, code: 2, says: []string{"no index or alias persons", "expect.documents.index"}},
		"key":      {swap: [2]string{"index: people, key: id", "index: people, key: ident"}, code: 2, says: []string{"documents has the key that expect.documents.key names"}},
		"field":    {swap: [2]string{"person.name", "person.nom"}, code: 2, says: []string{"shows anything of the field name", "expect.documents.fields"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.swap[0] != "" {
				require.Contains(t, string(described), c.swap[0])
				require.NoError(t, os.WriteFile(l.pipeline, bytes.Replace(described, []byte(c.swap[0]), []byte(c.swap[1]), 1), 0o600))
				defer os.WriteFile(l.pipeline, described, 0o600)
			}
			var env []string
			if c.env != "" {
				env = []string{c.env}
			}
			code, _, stderr := l.verify(env, "--sent", archive)
			require.Equal(t, c.code, code, stderr)
			for _, text := range c.says {
				require.Contains(t, stderr, text)
			}
			require.NotContains(t, stderr, "wrong-pa55")
		})
	}
}

// moving has rows and documents change while they are read.
func (l *live) moving(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	gone := make(chan struct{})
	db, err := pgx.Connect(ctx, l.stack.Endpoints().PostgresURL)
	require.NoError(t, err)
	go func() {
		defer close(gone)
		defer db.Close(context.Background())
		for ctx.Err() == nil {
			db.Exec(ctx, `UPDATE people SET note = clock_timestamp()::text WHERE id = '`+key(2)+`'`)
		}
	}()
	code, stdout, stderr := l.verify(nil, "--sent", filepath.Join(l.dir, "archive"), "--json")
	stop()
	<-gone
	require.Equal(t, 1, code, stderr)
	var v reports.Verification
	require.NoError(t, json.Unmarshal([]byte(stdout), &v))
	require.Equal(t, 1, v.Findings, "what stands twice does; what is not there may be on its way")
	require.Contains(t, v.Reason, "the place rows changed while everything was read")
	require.Contains(t, v.Reason, "3 records are not where they belong, which proves nothing")
}
