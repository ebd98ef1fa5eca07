package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

func TestInitWritesWhatValidateTakes(t *testing.T) {
	t.Chdir(t.TempDir())
	got := call(t, &fake{}, "init", "--role", "fetcher=collect", "--role", "writer=load", "--index", "", "--format", "jsonl", "--table", "orders")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, `wrote seatrial.yaml: edit it by its comments, then "seatrial validate seatrial.yaml"`)

	got = call(t, &fake{}, "validate")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, "seatrial.yaml is described well")
	require.Contains(t, got.stdout, "documents, confirmations, dead letters, queues, status: not declared")

	again := call(t, &fake{}, "init")
	require.Equal(t, reports.ExitUsage, again.code)
	require.Contains(t, again.stderr, "seatrial.yaml is there already: --force overwrites it")
	require.Zero(t, call(t, &fake{}, "init", "--force").code)

	got = call(t, &fake{}, "validate", "--json")
	require.Zero(t, got.code)
	var result validated
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &result))
	require.True(t, result.Valid)
	require.Equal(t, []string{"rows", "documents"}, result.Judged)
	require.Contains(t, result.Fit, "calm")
	require.Nil(t, result.Live)

	got = call(t, &fake{}, "init", "other.yaml", "--format", "yaml")
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stderr, `"yaml" is none of csv, jsonl, xml, template`)
	require.NoFileExists(t, "other.yaml")
}

func TestValidateTellsAllThatIsWrong(t *testing.T) {
	name := filepath.Join(t.TempDir(), "seatrial.yaml")
	require.NoError(t, os.WriteFile(name, []byte("seatrial: 1\nrols:\n  a: {}\ntiming: {interval: soon}\n"), 0o600))
	f := &fake{}
	got := call(t, f, "validate", name)
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stdout, name+`:2:1: unknown key "rols": did you mean "roles"?`)
	require.Contains(t, got.stdout, name+`:4:20: timing.interval: want a time above zero such as 250ms, 15s or 2m, not "soon"`)
	require.Contains(t, got.stderr, "problems to be put right")

	got = call(t, f, "validate", name, "--json")
	require.Equal(t, reports.ExitUsage, got.code)
	var result validated
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &result))
	require.False(t, result.Valid)
	require.Equal(t, 4, result.Problems[len(result.Problems)-1].Line)
	require.Equal(t, name, result.Problems[0].File)

	for _, command := range []string{"run", "sweep", "gameday"} {
		args := []string{command, "--pipeline", name}
		if command == "gameday" {
			args = append(args, "calm", "--yes")
		}
		got = call(t, f, append(args, "--out", t.TempDir())...)
		require.Equal(t, reports.ExitUsage, got.code, command)
		require.Contains(t, got.stderr, `:2:1: unknown key "rols"`, command)
	}
	require.Empty(t, f.opened, "nothing was started")
	require.Equal(t, reports.ExitUsage, call(t, f, "validate", "nowhere.yaml").code)
}

func TestValidateLive(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Zero(t, call(t, &fake{}, "init").code)
	f := &fake{}
	got := call(t, f, "validate", "--live")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stdout, "Every operation is where it belongs.")
	require.Equal(t, []string{"first-records"}, f.asked)
	require.Equal(t, "seatrial.yaml", f.opened[0].Pipeline)
	require.Equal(t, 1, f.closed)

	f = &fake{verdicts: map[string]reports.Run{"first-records": failedRun(check.Invalid, "10 lost")}}
	got = call(t, f, "validate", "--live", "--json")
	require.Equal(t, reports.ExitInvalid, got.code)
	require.Contains(t, got.stdout, "10 lost")
}

// What does not fit is refused where it was asked for, and left out where it was not.
func TestRunWithAPipelineOfOnesOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Zero(t, call(t, &fake{}, "init", "--index", "", "--role", "fetcher=collect").code)
	f := &fake{}
	got := call(t, f, "run", "--pipeline", "seatrial.yaml", "loader-killed")
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stderr, `scenario loader-killed does not fit pipeline seatrial.yaml: step 1: it is kill on what does "load", and no role does that`)
	require.Empty(t, f.opened)

	got = call(t, f, "run", "--pipeline", "seatrial.yaml")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "left out: scenario loader-killed does not fit")
	require.NotContains(t, f.asked, "loader-killed")
	require.Contains(t, f.asked, "calm")
	require.Equal(t, []harness.Options{{Out: f.opened[0].Out, Pipeline: "seatrial.yaml", Watch: f.opened[0].Watch}}, f.opened)

	got = call(t, f, "matrix", "--pipeline", "seatrial.yaml")
	require.Equal(t, reports.ExitUsage, got.code)
	require.Contains(t, got.stderr, "a matrix tries the planted defects of the reference pipeline")
}

// On a terminal init asks; an empty line takes what is usual.
func TestInitAsks(t *testing.T) {
	t.Chdir(t.TempDir())
	control, terminal, err := pty.Open()
	require.NoError(t, err)
	defer control.Close()
	defer terminal.Close()
	_, err = control.WriteString("fetcher=collect writer=load\n\njsonl\norders\n-\n30s\n")
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	a := newApp((&fake{}).world(), &stdout, &stderr)
	a.stdin = terminal
	require.Zero(t, a.execute(t.Context(), make(chan os.Signal), []string{"init"}), stderr.String())
	require.Contains(t, stderr.String(), "Format of the files: csv, jsonl or xml [csv]: ")
	written, err := os.ReadFile("seatrial.yaml")
	require.NoError(t, err)
	for _, says := range []string{"  fetcher:\n    does: [collect]\n    image: importer:latest ", "format: jsonl", "table: orders", "interval: 30s"} {
		require.Contains(t, string(written), says)
	}
	require.NotContains(t, string(written), "documents:")
}
