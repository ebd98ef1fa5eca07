package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/internal/verify"
	"github.com/seatrial/seatrial/reports"
)

// staging is a folder with a description and a file that was sent.
func staging(t *testing.T) (pipeline, sent string) {
	t.Helper()
	dir := t.TempDir()
	pipeline, sent = filepath.Join(dir, "seatrial.yaml"), filepath.Join(dir, "archive")
	require.NoError(t, os.WriteFile(pipeline, []byte(`seatrial: 1
roles:
  importer: {does: [load], image: importer}
records:
  format: csv
  files: "{number}-{tag}.csv"
  fields: [{name: id, holds: key}, {name: rev, holds: version}]
expect:
  rows: {table: people, key: id, version: rev}
  documents: {index: people, key: id, version: rev}
timing: {interval: 1s}
`), 0o600))
	require.NoError(t, os.Mkdir(sent, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(sent, "000001-AAAA.csv"), []byte("id,rev\na,1\n"), 0o600))
	return pipeline, sent
}

func TestVerify(t *testing.T) {
	pipeline, sent := staging(t)
	f := &fake{verified: func(_ context.Context, r verify.Request) (verify.Result, error) {
		require.Equal(t, sent, r.Sent)
		require.Equal(t, []string{"documents", "status"}, r.LeaveOut)
		require.Equal(t, "people", r.Pipeline.Rows.Table)
		require.Equal(t, "postgres://staging", r.Settings.Get("POSTGRES_URL"))
		require.Equal(t, "http://file", r.Settings.Get("ELASTICSEARCH_URL"), "the file goes before the environment")
		r.Options.Progress("rows: 1,024 records")
		result := verify.Result{SentFiles: 1, SentRecords: 1, Rows: 1, Found: 1}
		result.Verdict, result.Reason = check.Invalid, "Not what was sent: 1 lost."
		result.Counts = map[check.Class]int{check.Acknowledged: 1, check.Lost: 1}
		result.Findings = []check.Finding{{Class: check.Lost, Key: "a", Version: 1, File: "000001-AAAA.csv", Line: 2, LastSeen: "sent; not in rows"}}
		return result, nil
	}, env: map[string]string{"POSTGRES_URL": "postgres://staging", "ELASTICSEARCH_URL": "http://environment"}}
	settings := filepath.Join(t.TempDir(), "staging.env")
	require.NoError(t, os.WriteFile(settings, []byte("# staging\nexport ELASTICSEARCH_URL=\"http://file\"\n"), 0o644))
	args := []string{"verify", "--pipeline", pipeline, "--sent", sent, "--leave-out", "documents,status", "--env-file", settings, "--out", t.TempDir()}

	got := call(t, f, args...)
	code, stdout, stderr := got.code, got.stdout, got.stderr
	require.Equal(t, reports.ExitInvalid, code, stderr)
	require.Contains(t, stdout, "invalid  Not what was sent: 1 lost.")
	require.Contains(t, stdout, "lost: a version 1: sent; not in rows")
	require.Contains(t, stdout, "report.html")
	require.Contains(t, stderr, "rows: 1,024 records")
	require.Contains(t, stderr, "others can read the credentials")

	got = call(t, f, append(args, "--json")...)
	code, stdout = got.code, got.stdout
	require.Equal(t, reports.ExitInvalid, code)
	var printed reports.Verification
	require.NoError(t, json.Unmarshal([]byte(stdout), &printed))
	require.Equal(t, check.Invalid, printed.Verdict)
	require.Equal(t, 1, printed.Counts[check.Lost])
	require.Positive(t, printed.PeakBytes)
	for _, name := range []string{reports.RunFile, reports.FindingsFile, reports.JUnitFile, reports.MarkdownFile, reports.HTMLFile} {
		require.FileExists(t, filepath.Join(printed.Folder, name))
	}
	info, err := os.Stat(printed.Folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

// Every mistake gets a sentence that says what to do, the right exit code, and
// never a credential.
func TestVerifyMistakes(t *testing.T) {
	pipeline, sent := staging(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := closed.Addr().String()
	closed.Close()
	empty, broken := t.TempDir(), filepath.Join(t.TempDir(), "broken.env")
	require.NoError(t, os.WriteFile(broken, []byte("A=1\nhunter2secret\n"), 0o600))
	out := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		code int
		says []string
	}{
		"nothing named":  {args: []string{}, code: 2, says: []string{"--sent is missing: name the folder"}},
		"no pipeline":    {args: []string{"--sent", sent, "--pipeline", "/nowhere.yaml"}, code: 2, says: []string{"there is no pipeline /nowhere.yaml", "seatrial init"}},
		"no folder":      {args: []string{"--sent", "/nowhere"}, code: 2, says: []string{"read the folder /nowhere: no such file"}},
		"a file":         {args: []string{"--sent", pipeline}, code: 2, says: []string{"is no folder"}},
		"empty folder":   {args: []string{"--sent", empty}, code: 2, says: []string{"is empty"}},
		"other names":    {args: []string{"--sent", sent, "--files", "x-*"}, code: 2, says: []string{`no file in`, `is called as "x-*"`, "000001-AAAA.csv", "--files"}},
		"no such place":  {args: []string{"--sent", sent, "--leave-out", "document"}, code: 2, says: []string{`did you mean "documents"?`}},
		"nothing left":   {args: []string{"--sent", sent, "--leave-out", "rows,documents"}, code: 2, says: []string{"neither rows nor documents are judged"}},
		"no settings":    {args: []string{"--sent", sent, "--env-file", "/nowhere"}, code: 2, says: []string{"read the file of the settings"}},
		"bad settings":   {args: []string{"--sent", sent, "--env-file", broken}, code: 2, says: []string{"line 2 is not NAME=VALUE"}},
		"no spill":       {args: []string{"--sent", sent, "--spill", "/nowhere"}, code: 2, says: []string{"--spill /nowhere is no folder"}},
		"no database":    {args: []string{"--sent", sent}, code: 2, says: []string{"POSTGRES_URL is not set", "--env-file", "--leave-out rows"}},
		"bad database":   {args: []string{"--sent", sent}, env: map[string]string{"POSTGRES_URL": "postgres://u:hunter2secret@host:port/db"}, code: 2, says: []string{"POSTGRES_URL cannot be read: write it as in"}},
		"database away":  {args: []string{"--sent", sent}, env: map[string]string{"POSTGRES_URL": "postgres://u:hunter2secret@" + nobody + "/db?sslmode=disable"}, code: 3, says: []string{"no session with Postgres at " + nobody, "is POSTGRES_URL right"}},
		"no index":       {args: []string{"--sent", sent, "--leave-out", "rows"}, code: 2, says: []string{"ELASTICSEARCH_URL is not set", "--leave-out documents"}},
		"bad index":      {args: []string{"--sent", sent, "--leave-out", "rows"}, env: map[string]string{"ELASTICSEARCH_URL": "u:hunter2secret@host"}, code: 2, says: []string{"ELASTICSEARCH_URL cannot be read: write it as in"}},
		"index away":     {args: []string{"--sent", sent, "--leave-out", "rows"}, env: map[string]string{"ELASTICSEARCH_URL": "http://u:hunter2secret@" + nobody}, code: 3, says: []string{"no answer from Elasticsearch at http://" + nobody, "is ELASTICSEARCH_URL right"}},
		"SFTP, nothing":  {args: []string{"--sent", "sftp:archive"}, code: 2, says: []string{"SFTP_HOST and SFTP_USER are not both set"}},
		"SFTP, password": {args: []string{"--sent", "sftp:archive"}, env: map[string]string{"SFTP_HOST": "h", "SFTP_USER": "u"}, code: 2, says: []string{"neither SFTP_PASSWORD nor SFTP_KEY_FILE"}},
		"SFTP, host key": {args: []string{"--sent", "sftp:archive"}, env: map[string]string{"SFTP_HOST": "h", "SFTP_USER": "u", "SFTP_PASSWORD": "hunter2secret"}, code: 2, says: []string{"neither SFTP_HOST_KEY nor SFTP_KNOWN_HOSTS"}},
		"SFTP, key":      {args: []string{"--sent", "sftp:archive"}, env: map[string]string{"SFTP_HOST": "h", "SFTP_USER": "u", "SFTP_KEY_FILE": pipeline}, code: 2, says: []string{"is no private key"}},
		"SFTP, address":  {args: []string{"--sent", "sftp://u:hunter2secret@host/archive"}, code: 2, says: []string{"write a folder on SFTP as sftp:archive"}},
		"confirmations":  {args: []string{"--sent", sent, "--leave-out", "rows,documents", "--confirmations", empty}, code: 2, says: []string{"does not declare confirmations"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{env: c.env, verified: verify.Run}
			args := append([]string{"verify", "--out", out}, c.args...)
			if len(c.args) < 3 || c.args[2] != "--pipeline" {
				args = append(args, "--pipeline", pipeline)
			}
			got := call(t, f, args...)
			code, stdout, stderr := got.code, got.stdout, got.stderr
			require.Equal(t, c.code, code, stderr)
			require.Empty(t, stdout)
			for _, text := range c.says {
				require.Contains(t, stderr, text)
			}
			require.NotContains(t, stderr, "hunter2secret")
		})
	}
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Empty(t, left, "nothing was compared, so there is nothing to report")
}

func TestVerifyInterrupted(t *testing.T) {
	pipeline, sent := staging(t)
	signals := make(chan os.Signal, 1)
	f := &fake{verified: func(ctx context.Context, _ verify.Request) (verify.Result, error) {
		signals <- os.Interrupt
		<-ctx.Done()
		return verify.Result{}, errors.Join(context.Cause(ctx), errors.New("read Postgres"))
	}}
	var stdout, stderr bytes.Buffer
	code := newApp(f.world(), &stdout, &stderr).execute(t.Context(), signals, []string{"verify", "--pipeline", pipeline, "--sent", sent, "--out", t.TempDir()})
	require.Equal(t, reports.ExitInterrupted, code, stderr.String())
	require.Contains(t, stderr.String(), "nothing was judged")
}
