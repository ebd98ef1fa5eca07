package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// TestRunByHand is the day of somebody whose import runs on the machine in front
// of them: services, the import's own programs on addresses behind the taps, files,
// faults in the middle of them, a verdict.
func TestRunByHand(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Docker engine: starts a stack of services, and an import beside it")
	}
	b := build(t)
	out := t.TempDir()
	up := b.start(t, nil, "up", "--json")
	var standing services
	up.until(t, "it prints the addresses", func() bool { return json.Unmarshal([]byte(up.stdout.String()), &standing) == nil })
	up.stack(t)
	hand := func(args ...string) *process {
		return b.start(t, nil, append(args, "--stack", standing.ID, "--out", out)...)
	}

	// It may be called before the import runs.
	send := hand("send", "--records", "3000", "--rate", "1", "--seed", "7", "--json")
	send.says(t, "waiting for the pipeline to take inbox/")
	roles := startImporter(t, standing.Environment)
	send.says(t, "] trial")
	// While one holds, the run waits: the other comes in time, whatever the machine does.
	slow := hand("inject", "--json", "latency=100ms", "postgres")
	slow.says(t, "fault latency on postgres: biting")
	kill := hand("inject", "--json", "kill", "rabbitmq", "--for", "2s")
	require.Equal(t, reports.ExitValid, kill.wait(t, 2*time.Minute), kill)
	another := hand("send")
	require.Equal(t, reports.ExitInfra, another.wait(t, time.Minute), another)
	require.Contains(t, another.stdout.String(), "another run or an injected fault is under way")
	require.NoError(t, slow.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, reports.ExitValid, slow.wait(t, time.Minute), slow)
	var met []string // folders of the run that each was part of
	for _, injecting := range []*process{slow, kill} {
		var receipt harness.Injected
		require.NoError(t, json.Unmarshal([]byte(injecting.stdout.String()), &receipt))
		require.True(t, receipt.Bit && receipt.Healed, "%+v", receipt)
		require.Positive(t, receipt.InFlight)
		require.FileExists(t, filepath.Join(receipt.Folder, "injected.json"))
		met = append(met, receipt.Run)
	}
	require.Equal(t, reports.ExitValid, send.wait(t, 3*time.Minute), send)
	run := send.runs(t)[0]
	require.Equal(t, check.Valid, run.Verdict, run.Reason)
	require.Equal(t, []string{run.Folder, run.Folder}, met)
	require.Len(t, run.Faults, 2)
	for i, target := range []string{"postgres", "rabbitmq"} {
		require.Equal(t, target, run.Faults[i].Target)
		require.True(t, run.Faults[i].Bit && run.Faults[i].Healed)
	}

	// The import goes on from run to run, and knows files by their numbers: after a
	// snapshot one with a lower number is out of date.
	t.Run("scenarios on the same stack", func(t *testing.T) {
		both := hand("run", "calm", "broker-killed", "--records", "1000", "--seed", "7", "--json")
		require.Equal(t, reports.ExitValid, both.wait(t, 4*time.Minute), both)
		for _, run := range both.runs(t) {
			require.Equal(t, check.Valid, run.Verdict, run.Reason)
		}
	})
	t.Run("its own programs are not broken", func(t *testing.T) {
		refused := hand("inject", "kill", "load")
		require.Equal(t, reports.ExitUsage, refused.wait(t, time.Minute), refused)
		require.Contains(t, refused.stderr.String(), "it runs on this machine, and its programs are not seatrial's to end")
	})
	t.Run("a container made anew", func(t *testing.T) {
		injecting := hand("inject", "recreate", "sftp", "--for", "100ms")
		require.Equal(t, reports.ExitValid, injecting.wait(t, time.Minute), injecting)
	})
	t.Run("killed in mid-fault", func(t *testing.T) {
		injecting := hand("inject", "pause", "postgres")
		injecting.says(t, "fault pause on postgres: biting")
		left, err := filepath.Glob(filepath.Join(out, "*-inject-pause-postgres"))
		require.NoError(t, err)
		require.Len(t, left, 1)
		early := b.start(t, nil, "rollback", left[0])
		require.Equal(t, reports.ExitUsage, early.wait(t, time.Minute), "%s", early)
		require.NoError(t, injecting.cmd.Process.Kill())
		injecting.wait(t, time.Minute)
		rolling := b.start(t, nil, "rollback", "--json", left[0])
		require.Equal(t, reports.ExitValid, rolling.wait(t, 3*time.Minute), rolling)
		var result harness.RolledBack
		require.NoError(t, json.Unmarshal([]byte(rolling.stdout.String()), &result))
		require.Equal(t, []harness.RolledStep{{Do: "unpause", Target: "postgres"}}, result.Steps)
		require.True(t, result.OK(), "%+v", result)
	})
	t.Run("files of one's own", func(t *testing.T) {
		for _, role := range roles {
			require.NoError(t, role.Process.Kill()) // they would take them
		}
		name := filepath.Join(t.TempDir(), "mine.csv")
		require.NoError(t, os.WriteFile(name, []byte("id\n1\n"), 0o600))
		sending := hand("send", name, "--json")
		require.Equal(t, reports.ExitValid, sending.wait(t, time.Minute), sending)
		var sent harness.SentFiles
		require.NoError(t, json.Unmarshal([]byte(sending.stdout.String()), &sent))
		require.FileExists(t, filepath.Join(sent.Folder, "input", "mine.csv"))
		require.Equal(t, "id\n1\n", inInbox(t, standing.Environment, "mine.csv"))
		checking := b.start(t, nowhere, "check", sent.Folder)
		require.Equal(t, reports.ExitUsage, checking.wait(t, time.Minute), checking)
	})
	require.NoError(t, up.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, reports.ExitValid, up.wait(t, time.Minute), up)
	up.nothingLeft(t)
}

// startImporter starts the reference pipeline's roles as programs on this machine.
func startImporter(t *testing.T, env map[string]string) []*exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "importer")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/seatrial/seatrial/fixtures/importer").CombinedOutput()
	require.NoError(t, err, string(output))
	var roles []*exec.Cmd
	for _, role := range []string{"collect", "load", "index", "export"} {
		cmd := exec.Command(program, role)
		said := &lockedBuffer{}
		cmd.Stderr = said
		cmd.Env = append(os.Environ(), "STAGING_DIR="+filepath.Join(dir, "staging"), "POLL_INTERVAL=250ms", "INDEX_INTERVAL=250ms", "RETRY_INTERVAL=500ms", "WORKERS=24")
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if t.Failed() {
				t.Logf("%s: %s", role, lastOf(said.String(), 2000))
			}
		})
		roles = append(roles, cmd)
	}
	return roles
}

func lastOf(text string, bytes int) string { return text[max(0, len(text)-bytes):] }

// inInbox reads a file from the inbox, through the tap.
func inInbox(t *testing.T, env map[string]string, name string) string {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(env["SFTP_HOST_KEY"]))
	require.NoError(t, err)
	conn, err := ssh.Dial("tcp", net.JoinHostPort(env["SFTP_HOST"], env["SFTP_PORT"]), &ssh.ClientConfig{
		User: env["SFTP_USER"], Auth: []ssh.AuthMethod{ssh.Password(env["SFTP_PASSWORD"])}, HostKeyCallback: ssh.FixedHostKey(key), HostKeyAlgorithms: []string{key.Type()}, Timeout: 10 * time.Second,
	})
	require.NoError(t, err)
	defer conn.Close()
	client, err := sftp.NewClient(conn)
	require.NoError(t, err)
	defer client.Close()
	file, err := client.Open("inbox/" + strings.TrimSpace(name))
	require.NoError(t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	return string(content)
}
