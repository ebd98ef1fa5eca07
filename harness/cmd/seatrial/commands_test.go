package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/internal/cost"
	"github.com/seatrial/seatrial/harness/internal/doctor"
	"github.com/seatrial/seatrial/harness/internal/tap/bench"
	"github.com/seatrial/seatrial/reports"
)

func TestList(t *testing.T) {
	got := call(t, &fake{}, "list")
	require.Equal(t, 0, got.code)
	require.Empty(t, got.stderr)
	require.Contains(t, got.stdout, "loader-killed  (incident 1, the wiped inbox)\n    A killed loader | loses nothing.\n")
	require.Contains(t, got.stdout, "catches  ack-before-commit")
	require.Contains(t, got.stdout, "kill on load: 20 % committed, taken back after 1s")

	got = call(t, &fake{}, "list", "--json")
	var list []listed
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &list))
	require.Len(t, list, 5)
	require.Equal(t, "loader-killed", list[1].Name)
	require.Equal(t, []string{"ack-before-commit"}, list[1].Catches)
	require.Equal(t, "load", list[1].Plan[0].Target)
	require.NotContains(t, got.stdout, "null")

	got = call(t, &fake{}, "list", "--markdown")
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	require.Len(t, lines, 7)
	require.Equal(t, "| `loader-killed` | A killed loader \\| loses nothing. | kill on load | `ack-before-commit` | 1, the wiped inbox |", lines[3])
}

func TestListDefects(t *testing.T) {
	got := call(t, &fake{}, "list", "--defects")
	require.Equal(t, 0, got.code, got.stderr)
	require.Regexp(t, `(?m)^13 +ack-before-commit +lost +loader-killed$`, got.stdout)
	require.Regexp(t, `(?m)^12 +transient-messages +lost +-$`, got.stdout)

	file := filepath.Join(t.TempDir(), reports.MatrixFile)
	require.NoError(t, os.WriteFile(file, []byte(`{"defects": [
		{"id": 13, "name": "ack-before-commit", "scenario": "loader-killed", "found": ["lost", "undeleted"], "caught": true, "seconds": 12.3},
		{"id": 14, "name": "insert-not-upsert", "scenario": "another", "found": ["lost"], "caught": true, "seconds": 9}]}`), 0o600))
	got = call(t, &fake{}, "list", "--defects", "--matrix", file)
	require.Regexp(t, `(?m)^13 +ack-before-commit +lost +loader-killed +lost, undeleted +12$`, got.stdout)
	require.Regexp(t, `(?m)^14 +insert-not-upsert +duplicated +broker-killed +- +-$`, got.stdout, "it is another scenario's now")

	got = call(t, &fake{}, "list", "--defects", "--matrix", file, "--markdown")
	require.Contains(t, got.stdout, "| 13 | `ack-before-commit` | acks a message before its transaction is committed | lost | `loader-killed` | lost, undeleted | 12 |\n")
	require.Len(t, strings.Split(strings.TrimSpace(got.stdout), "\n"), 40)

	got = call(t, &fake{}, "list", "--defects", "--json")
	var list []listedDefect
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &list))
	require.Len(t, list, 38)
	require.Equal(t, listedDefect{ID: 13, Name: "ack-before-commit", Does: "acks a message before its transaction is committed", Expected: []string{"lost"}, Scenario: "loader-killed"}, list[12])

	require.Equal(t, reports.ExitUsage, call(t, &fake{}, "list", "--matrix", file).code)
	require.Equal(t, reports.ExitUsage, call(t, &fake{}, "list", "--defects", "--matrix", "/nonexistent").code)
}

func TestCheck(t *testing.T) {
	interrupted := failedRun(check.Invalid, "lost")
	interrupted.Exit = reports.ExitInterrupted
	f := &fake{
		verdicts: map[string]reports.Run{"lossy": failedRun(check.Invalid, "lost"), "unproved": failedRun(check.Unknown, "not proved"), "stopped": interrupted},
		errs:     map[string]error{"foreign": fmt.Errorf("%w: generator \"x/9\" is not known", harness.ErrUsage), "full": fmt.Errorf("%w: no space left", harness.ErrInfra)},
	}
	for _, c := range []struct {
		folders []string
		want    int
		says    string
	}{
		{[]string{"calm"}, 0, ""},
		{[]string{"calm", "unproved"}, 6, ""},
		{[]string{"unproved", "lossy"}, 1, ""},
		{[]string{"stopped"}, 1, ""}, // this command was not interrupted
		{[]string{"foreign"}, 2, "generator"},
		{[]string{"full"}, 3, "no space left"},
	} {
		t.Run(strings.Join(c.folders, " "), func(t *testing.T) {
			args := []string{"check", "--json"}
			for _, name := range c.folders {
				args = append(args, storedRun(t, name))
			}
			got := call(t, f, args...)
			require.Equal(t, c.want, got.code, got.stderr)
			require.Contains(t, got.stderr, c.says)
			if c.says == "" {
				var runs []reports.Run
				require.NoError(t, json.Unmarshal([]byte(got.stdout), &runs))
				require.Len(t, runs, len(c.folders))
			}
		})
	}
	got := call(t, f, "check", storedRun(t, "lossy"))
	require.Contains(t, got.stdout, "invalid")

	got = call(t, f, "check", storedRun(t, "calm"), t.TempDir())
	require.Equal(t, 2, got.code)
	require.Empty(t, got.stdout, "nothing is judged where one folder is no run")
}

func stacks() []harness.Found {
	return []harness.Found{
		{ID: "alive", Containers: 5, Networks: 2, Volumes: 1, Alive: true},
		{ID: "dead", Containers: 1, Networks: 2, Volumes: 1},
		{ID: "kept", Containers: 5, Keep: true},
		{ID: "kept-alive", Containers: 5, Keep: true, Alive: true},
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		args    string
		removed []string
	}{
		{"clean", []string{"dead"}},
		{"clean --all", []string{"dead", "kept"}},
		{"clean --dry-run", nil},
		{"clean --all --dry-run", nil},
		{"down", []string{"kept"}},
		{"down kept", []string{"kept"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			f := &fake{stacks: stacks()}
			got := call(t, f, append(strings.Fields(c.args), "--json")...)
			require.Equal(t, 0, got.code, got.stderr)
			require.Equal(t, c.removed, f.removed)
			var result taken
			require.NoError(t, json.Unmarshal([]byte(got.stdout), &result))
			require.Equal(t, len(stacks()), len(result.Removed)+len(result.Left))
			require.Equal(t, strings.Contains(c.args, "dry"), result.DryRun)
		})
	}
	f := &fake{stacks: stacks()}
	got := call(t, f, "clean")
	require.Contains(t, got.stdout, "removed  dead        1 container, 2 networks, 1 volume\n")
	require.Contains(t, got.stdout, "its process is alive")
	require.Contains(t, got.stdout, "kept on purpose")
	require.NotContains(t, call(t, f, "clean", "--dry-run").stdout, "removed ")
	require.Equal(t, "nothing is left of any run\n", call(t, &fake{}, "clean").stdout)
	require.Equal(t, "[]", compact(t, call(t, &fake{}, "clean", "--json").stdout, "left"))
}

func compact(t *testing.T, text, field string) string {
	t.Helper()
	var object map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &object))
	return string(object[field])
}

func TestCleanSaysWhatItCouldNotRemove(t *testing.T) {
	f := &fake{stacks: stacks(), removeErr: map[string]error{"dead": errors.New("network in use")}}
	got := call(t, f, "clean", "--all")
	require.Equal(t, 3, got.code)
	require.Equal(t, []string{"kept"}, f.removed, "the others are removed all the same")
	require.Contains(t, got.stderr, "remove dead: network in use")
	require.Contains(t, got.stdout, "failed")

	got = call(t, &fake{openErr: errors.New("no Docker")}, "clean")
	require.Equal(t, 3, got.code)
	require.Contains(t, got.stderr, "no Docker")
}

func TestDownRefusesWhatIsNotKept(t *testing.T) {
	for id, says := range map[string]string{"alive": "process that is alive", "dead": "seatrial clean", "kep": `did you mean "kept"?`} {
		f := &fake{stacks: stacks()}
		got := call(t, f, "down", id)
		require.Equal(t, 2, got.code)
		require.Contains(t, got.stderr, says)
		require.Empty(t, f.removed)
	}
}

func TestUp(t *testing.T) {
	f := &fake{}
	got := call(t, f, "up", "--detach")
	require.Equal(t, 0, got.code)
	require.True(t, f.opened[0].Keep)
	require.Zero(t, f.closed, "it stands until down")
	require.Contains(t, got.stdout, "postgres       127.0.0.1:4711  seatrial  secret")
	require.Contains(t, got.stderr, "seatrial down")

	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	f = &fake{}
	got = callWith(t, f, signals, "up", "--json")
	require.Equal(t, 0, got.code, "Ctrl-C is how it is meant to end")
	require.False(t, f.opened[0].Keep)
	require.Equal(t, 1, f.closed)
	var standing services
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &standing))
	require.Equal(t, "postgres", standing.Services[0].Service)

	signals <- os.Interrupt
	got = callWith(t, &fake{closeErr: errors.New("network in use")}, signals, "up")
	require.Equal(t, 3, got.code)
	require.Contains(t, got.stderr, "seatrial clean")

	require.Equal(t, 3, call(t, &fake{openErr: errors.New("no Docker")}, "up").code)
}

func TestDoctor(t *testing.T) {
	f := &fake{report: doctor.Report{
		Engine:   doctor.Engine{Reached: true, Version: "20.10"},
		Faults:   []doctor.Ability{{Fault: "OOM kill", Able: true, Needs: "memory controller"}, {Fault: "packet loss", Needs: "netem"}},
		Findings: []doctor.Finding{{Name: "engine", State: doctor.OK, Found: "20.10"}, {Name: "disk", State: doctor.Warning, Found: "2 GB free", Remedy: "make room"}},
	}}
	got := call(t, f, "doctor")
	require.Equal(t, 0, got.code, "a warning is no failure")
	require.Contains(t, got.stdout, "-> make room")
	require.Contains(t, got.stdout, "packet loss")

	f.report.Findings = append(f.report.Findings, doctor.Finding{Name: "images", State: doctor.Failed, Found: "none", Remedy: "seatrial images build"})
	got = call(t, f, "doctor", "--json")
	require.Equal(t, 3, got.code)
	var report doctor.Report
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	require.Equal(t, f.report.Findings, report.Findings)
}

func TestImages(t *testing.T) {
	stored := []storedImage{
		{Kind: "postgres", Ref: "postgres:15", Origin: "local", Current: true},
		{Kind: "postgres", Ref: "seatrial/postgres:15", Origin: originBuilt, Bytes: 270_000_000},
		{Kind: "proxy", Ref: "seatrial/proxy:1", Origin: originBuilt, Current: true},
	}
	got := call(t, &fake{images: stored}, "images", "list")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.stdout, "seatrial/postgres:15  built   270")

	got = call(t, &fake{images: stored}, "images", "list", "--json")
	var list []storedImage
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &list))
	require.Equal(t, stored, list)
	require.Equal(t, "[]\n", call(t, &fake{}, "images", "list", "--json").stdout)

	got = call(t, &fake{}, "images", "build", "sftp")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.stderr, "building sftp")
	require.Contains(t, got.stdout, "seatrial/sftp:1")
	require.Equal(t, 3, call(t, &fake{openErr: errors.New("no registry")}, "images", "build").code)

	for _, c := range []struct {
		args    string
		removed []string
	}{
		{"images remove", []string{"seatrial/postgres:15", "seatrial/proxy:1"}},
		{"images remove proxy", []string{"seatrial/proxy:1"}},
		{"images remove rabbitmq", nil}, // none built: nothing, and above all not everything
	} {
		f := &fake{images: stored}
		got := call(t, f, strings.Fields(c.args)...)
		require.Equal(t, 0, got.code, got.stderr)
		require.Equal(t, c.removed, f.removed, c.args)
	}
}

func TestHelpHasExamples(t *testing.T) {
	root := newApp((&fake{}).world(), &lockedBuffer{}, &lockedBuffer{}).root()
	for _, command := range root.Commands() {
		require.NotEmpty(t, command.Short, command.Name())
		if command.Name() != "images" && command.Name() != "help" {
			require.NotEmpty(t, command.Example, command.Name())
		}
	}
	got := call(t, &fake{}, "run", "--help")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.stdout, "--shard")
	require.Equal(t, 0, call(t, &fake{}, "help", "images", "list").code)
	require.Contains(t, call(t, &fake{}, "--version").stdout, "seatrial version")
}

func TestBench(t *testing.T) {
	got := call(t, &fake{}, "bench", "--rounds", "2")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.stdout, "ratio  1.25    of the two, over 2 rounds")
	require.Contains(t, got.stderr, "stack: 2.00 s")

	got = call(t, &fake{}, "bench", "--json")
	var bench map[string]cost.Stack
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &bench))
	require.InDelta(t, 1.25, bench["stack"].Ratio, 0)
	require.Equal(t, 3, call(t, &fake{openErr: errors.New("no Docker")}, "bench").code)
}

func TestBenchTap(t *testing.T) {
	got := call(t, &fake{}, "bench", "tap", "--rounds", "2")
	require.Equal(t, 0, got.code, got.stderr)
	require.Regexp(t, `(?m)^inserts +tap_toxiproxy +0\.90 +0\.88 to 0\.92 +1800 +the tap, Toxiproxy's links behind it`, got.stdout)
	require.Regexp(t, `(?m)^publishes +direct +1\.50 +1\.40 to 1\.60 +3000 `, got.stdout)
	require.Contains(t, got.stdout, "inserts: with the tap in front, 10 % less goes through than through plain Toxiproxy\n")
	require.Contains(t, got.stdout, "publishes: the tap in front of Toxiproxy makes no difference that stands out from the noise\n")
	require.Contains(t, got.stdout, "2 rounds")
	require.Contains(t, got.stderr, "inserts, round 1")

	got = call(t, &fake{}, "bench", "tap", "--json")
	var result map[string]cost.Tap
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &result))
	require.Equal(t, 15, result["tap"].Rounds)
	require.InDelta(t, 0.9, result["tap"].Inserts["tap_toxiproxy"].Ratio, 0)
	require.InDelta(t, 3000, result["tap"].Publishes["direct"].PerSecond, 0)
	require.Contains(t, got.stdout, `"ratio_lower_quartile": 0.88`)

	require.Equal(t, 3, call(t, &fake{openErr: errors.New("no Docker")}, "bench", "tap").code)

	signals := make(chan os.Signal, 1)
	got = callWith(t, &fake{running: func(string) { signals <- os.Interrupt }}, signals, "bench", "tap")
	require.Equal(t, reports.ExitInterrupted, got.code, got.stderr)
	require.Empty(t, got.stdout)
}

func TestWhatFollowsOfTheTap(t *testing.T) {
	for says, f := range map[string]bench.Figures{
		"13 % less":     {Ratio: 0.87, Lower: 0.8, Upper: 0.99},
		"25 % more":     {Ratio: 1.25, Lower: 1.01, Upper: 1.3},
		"no difference": {Ratio: 0.95, Lower: 0.9, Upper: 1.01},
	} {
		require.Contains(t, whatFollows(f), says)
	}
}
