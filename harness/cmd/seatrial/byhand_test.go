package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/reports"
)

// standing is what is on the engine when somebody works by hand.
func standing() []harness.Found {
	return []harness.Found{{ID: "arun", Containers: 9, Alive: true}, {ID: "mine", Containers: 5, Keep: true, Attach: "reference"}}
}

func TestUpPrintsAnEnvironment(t *testing.T) {
	f := &fake{}
	got := call(t, f, "up", "--detach", "--env")
	require.Equal(t, 0, got.code, got.stderr)
	require.Equal(t, "POSTGRES_PORT=4721\nSFTP_HOST_KEY=\"ssh-ed25519 AAAA\"\n", got.stdout)
	require.True(t, f.opened[0].Attach)
	require.Equal(t, harness.Reference, f.opened[0].Pipeline)
	require.Contains(t, got.stderr, `stack abc stands: "seatrial down abc" stops it`)

	got = call(t, &fake{}, "up", "--detach")
	require.Regexp(t, `(?s)For the pipeline, through the taps.*postgres +127\.0\.0\.1:4721 +postgres://.*To look at what is there.*postgres +127\.0\.0\.1:4711 +seatrial +secret`, got.stdout)

	got = call(t, &fake{}, "up", "--detach", "--json")
	var up services
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &up))
	require.Equal(t, "4721", up.Environment["POSTGRES_PORT"])
	require.Contains(t, up.Services[0].Tapped, ":4721/")

	f = &fake{stacks: standing()}
	got = call(t, f, "up", "--stack", "mine", "--env")
	require.Equal(t, 0, got.code, got.stderr)
	require.Contains(t, got.stdout, "POSTGRES_PORT=4721\n")
	require.Equal(t, "mine", f.opened[0].Stack)
	require.Equal(t, 1, f.closed, "it is let go of, and stands")

	for args, says := range map[string]string{
		"up --stack mine":              `"seatrial up --detach" starts one`,
		"up --stack mine --detach":     "--detach is for services that are started",
		"up --env --json":              "--env or --json",
		"up --pipeline nowhere.yaml":   "there is no pipeline nowhere.yaml",
		"up --pipeline reference:nope": "nope",
		"up here":                      "takes no arguments",
	} {
		f := &fake{}
		got := call(t, f, strings.Fields(args)...)
		require.Equal(t, reports.ExitUsage, got.code, args)
		require.Contains(t, got.stderr, says)
		require.Empty(t, f.opened, "nothing is started")
	}
}

func TestSend(t *testing.T) {
	f := &fake{stacks: standing(), verdicts: map[string]reports.Run{"by-hand": failedRun(check.Invalid, "lost")}}
	got := call(t, f, "send", "--records", "800", "--seed", "7", "--rate", "2.5", "--json", "--out", t.TempDir())
	require.Equal(t, reports.ExitInvalid, got.code, got.stderr)
	require.Equal(t, []string{"by-hand"}, f.asked)
	require.Equal(t, "mine", f.opened[0].Stack)
	require.Equal(t, harness.RunOptions{Pipeline: "reference", Seed: 7, Records: 800}, f.options[0])
	var runs []reports.Run
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &runs))
	require.Equal(t, check.Invalid, runs[0].Verdict)

	f = &fake{stacks: standing()}
	got = call(t, f, "send", "--stack", "mine", "--out", t.TempDir())
	require.Equal(t, 0, got.code, got.stderr)
	require.Contains(t, got.stderr, "sends the same records again")
	require.Contains(t, got.stdout, "valid")
}

func TestSendOwnFiles(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "one.csv")
	require.NoError(t, os.WriteFile(one, []byte("id\n1\n\n\n"), 0o600))
	f := &fake{stacks: standing()}
	got := call(t, f, "send", one, "--out", dir)
	require.Equal(t, 0, got.code, got.stderr)
	require.Equal(t, []string{one}, f.sent)
	require.Empty(t, f.asked, "nobody knows what should become of them")
	require.Regexp(t, `sent +one\.csv +7 bytes\nsee +out/sent\n`, got.stdout)

	f = &fake{stacks: standing(), sendErr: errors.New("no answer to rename")}
	got = call(t, f, "send", one, "--out", dir, "--json")
	require.Equal(t, reports.ExitInfra, got.code)
	var sent harness.SentFiles
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &sent))
	require.False(t, sent.Files[0].Acknowledged)
}

func TestInject(t *testing.T) {
	receipt := harness.Injected{Name: "kill", Target: "rabbitmq", Stack: "mine", Folder: "out/inject", Run: "out/run", Bit: true, Evidence: "rabbitmq: exited", Seconds: 20.5, Healed: true, HealedBy: "answers", InFlight: 12, Undo: reports.Undo{OK: true}}
	f := &fake{stacks: standing(), receipt: receipt}
	got := call(t, f, "inject", "kill", "rabbitmq", "--for", "20s")
	require.Equal(t, 0, got.code, got.stderr)
	require.Len(t, f.injected, 1)
	asked := f.injected[0]
	require.Equal(t, []any{"mine", "kill", "rabbitmq", true, 20 * time.Second, harness.DefaultOut}, []any{asked.Stack, asked.Fault.Name, asked.Fault.Target, asked.Fault.Lasting, asked.For, asked.Out})
	for _, says := range []string{"kill on rabbitmq", "rabbitmq: exited", "20.5s", "answers", "out/run", "12 operations were under way there"} {
		require.Contains(t, got.stdout, says)
	}

	got = call(t, f, "inject", "latency=250ms", "postgres", "--json")
	require.Contains(t, f.injected[1].Fault.Detail, "250ms")
	require.Zero(t, f.injected[1].For, "until Ctrl-C")
	var printed harness.Injected
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &printed))
	require.Equal(t, receipt, printed)

	call(t, f, "inject", "index-deleted", "--destroy")
	require.Equal(t, "index-deleted", f.injected[2].Fault.Name)

	failed := receipt
	failed.Undo, failed.Exit, failed.Error = reports.Undo{Error: "the engine is gone"}, reports.ExitUndo, "recover: the engine is gone"
	got = call(t, &fake{stacks: standing(), receipt: failed}, "inject", "memory-alarm")
	require.Equal(t, reports.ExitUndo, got.code)
	require.Contains(t, got.stdout, `"seatrial rollback out/inject" tries again`)

	refused := fmt.Errorf("%w: it cannot be injected by hand: it runs on this machine", harness.ErrUsage)
	got = call(t, &fake{stacks: standing(), injectErr: refused}, "inject", "kill", "load")
	require.Equal(t, reports.ExitUsage, got.code)
	require.Equal(t, "seatrial: it cannot be injected by hand: it runs on this machine\n", got.stderr)
	require.Equal(t, reports.ExitInfra, call(t, &fake{stacks: standing(), injectErr: errors.New("no")}, "inject", "kill", "sftp").code)
}

// Ctrl-C is one of the ways in which a fault is meant to end.
func TestInjectEndsWithCtrlC(t *testing.T) {
	signals := make(chan os.Signal, 1)
	f := &fake{stacks: standing(), receipt: harness.Injected{Bit: true, Healed: true, Undo: reports.Undo{OK: true}}}
	f.running = func(string) { signals <- os.Interrupt }
	require.Equal(t, 0, callWith(t, f, signals, "inject", "pause", "sftp").code)
}

func TestInjectLists(t *testing.T) {
	got := call(t, &fake{}, "inject", "--list")
	require.Equal(t, 0, got.code, got.stderr)
	require.Regexp(t, `(?m)^kill +sftp rabbitmq postgres elasticsearch +SIGKILL`, got.stdout)
	require.Contains(t, got.stdout, "latency=1s")
	require.Contains(t, got.stdout, "(destroys data: --destroy)")
	require.NotContains(t, got.stdout, " load", "roles on this machine are nobody's to end")
	got = call(t, &fake{}, "inject", "--list", "--json")
	var list []listedFault
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &list))
	require.Len(t, list, len(fault.Table()))
}

// What is wrong is told before anything is looked for, or sent, or broken.
func TestByHandRefuses(t *testing.T) {
	for args, says := range map[string]string{
		"inject":                              "name a fault",
		"inject --list kill":                  "leave out \"kill\"",
		"inject kil rabbitmq":                 `did you mean "kill"?`,
		"inject kill":                         "kill needs a target: sftp, rabbitmq",
		"inject kill rabbitmq postgres":       `"postgres" is one too many`,
		"inject kill rabbitmq --for -3s":      "give a time such as 20s",
		"inject kill rabbitmq --for soon":     "--for",
		"inject index-deleted":                "say --destroy if you mean it",
		"inject kill rabbitmq --stack other":  "stack",
		"inject kill rabbitmq --stack arun":   `is a run's: only what "seatrial up" started`,
		"inject kill rabbitmq --stack mien":   `did you mean "mine"?`,
		"send --records -1":                   "give at least 1",
		"send --rate -1":                      "give a number of files a second",
		"send --seed 0":                       "--seed 0",
		"send --seed 3 file.csv":              "your own files are sent as they are",
		"send --stack arun":                   `is a run's: only what "seatrial up" started`,
		"run calm --stack arun":               `is a run's: only what "seatrial up" started`,
		"run loader-killed --stack mine":      "the pipeline is attached: it runs on this machine",
		"run calm --stack mine --pipeline no": "is not known",
	} {
		t.Run(args, func(t *testing.T) {
			f := &fake{stacks: standing()}
			got := call(t, f, strings.Fields(args)...)
			require.Equal(t, reports.ExitUsage, got.code, got.stderr)
			require.Contains(t, got.stderr, says)
			require.Empty(t, f.opened)
			require.Empty(t, f.injected)
			require.Empty(t, f.sent)
			require.Empty(t, got.stdout)
		})
	}
	several := append(standing(), harness.Found{ID: "other", Attach: "reference"})
	for says, stacks := range map[string][]harness.Found{`"seatrial up --detach" starts one`: nil, "name one with --stack (mine, other)": several} {
		got := call(t, &fake{stacks: stacks}, "inject", "kill", "rabbitmq")
		require.Equal(t, reports.ExitUsage, got.code)
		require.Contains(t, got.stderr, says)
	}
}

func TestRunOnAStandingStack(t *testing.T) {
	f := &fake{stacks: standing()}
	got := call(t, f, "run", "broker-killed", "--stack", "mine")
	require.Equal(t, 0, got.code, got.stderr)
	require.Equal(t, "mine", f.opened[0].Stack)
	require.Equal(t, "reference", f.opened[0].Pipeline)

	// One that is described as attached finds its own.
	dir := t.TempDir()
	name := filepath.Join(dir, "seatrial.yaml")
	require.NoError(t, os.WriteFile(name, []byte(`seatrial: 1
attached: true
records: {format: csv, files: "{number}.csv", fields: [{name: id, holds: key}, {name: rev, holds: version}]}
expect: {rows: {table: people, key: id, version: rev}}
timing: {interval: 1s}
`), 0o600))
	for _, args := range [][]string{{"sweep", "--pipeline", name}, {"gameday", "calm", "--role", "incident-commander=Ada", "--pipeline", name}} {
		got := call(t, &fake{}, args...)
		require.Equal(t, reports.ExitUsage, got.code, got.stderr)
		require.Contains(t, got.stderr, "this command starts and ends what it tries by itself")
	}
	f = &fake{stacks: append(standing(), harness.Found{ID: "its", Attach: name})}
	got = call(t, f, "run", "calm", "--pipeline", name)
	require.Equal(t, 0, got.code, got.stderr)
	require.Equal(t, "its", f.opened[0].Stack)
	require.Contains(t, got.stderr, "on stack its, which was started for this pipeline")

	f = &fake{stacks: standing()}
	got = call(t, f, "run", "calm", "--pipeline", name)
	require.Equal(t, 0, got.code, got.stderr)
	require.Empty(t, f.opened[0].Stack, "a stack of its own, where none stands for it")
}
