package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// TestEndToEnd takes the binary as it is delivered through what goes wrong on
// real machines. Whatever happens, the engine is left as it was found.
func TestEndToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a Docker engine: starts stacks of services and interrupts, kills and starves the harness")
	}
	b := build(t)
	// First and alone, as they look at the clock.
	t.Run("wrong command lines", b.wrongCommandLines)
	t.Run("the rest", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"no engine":                     b.noEngine,
			"no image":                      b.noImage,
			"interrupted in mid-fault":      func(t *testing.T) { b.interruptedInMidFault(t, os.Interrupt) },
			"terminated in mid-fault":       func(t *testing.T) { b.interruptedInMidFault(t, syscall.SIGTERM) },
			"interrupted while it starts":   b.interruptedWhileItStarts,
			"matrix interrupted":            b.matrixInterrupted,
			"killed in mid-fault":           b.killedInMidFault,
			"two at once":                   b.twoAtOnce,
			"disk full":                     b.diskFull,
			"other commands without engine": b.othersWithoutEngine,
			"game day with a surprise":      b.gamedaySurprise,
			"game day in the page":          b.gamedayInThePage,
			"game day aborted in mid-fault": b.gamedayAborted,
			"game day killed in mid-fault":  b.gamedayKilled,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
}

func (b *binary) wrongCommandLines(t *testing.T) {
	for args, says := range map[string]string{
		"run loader-kiled": `did you mean "loader-killed"?`,
		"run calm --pipeline reference:ack-before-comit": `did you mean "ack-before-commit"?`,
		"run calm --sead 7": "did you mean --seed?",
	} {
		out := filepath.Join(t.TempDir(), "out")
		begun := time.Now()
		p := b.start(t, nil, append(strings.Fields(args), "--out", out)...)
		require.Equal(t, reports.ExitUsage, p.wait(t, 10*time.Second), p)
		require.Less(t, time.Since(begun), time.Second, args)
		require.Contains(t, p.stderr.String(), says)
		require.Len(t, lines(p.stderr.String()), 1, "nothing was begun")
		require.Empty(t, p.stdout.String())
		require.NoDirExists(t, out)
		p.nothingLeft(t)
	}
}

func (b *binary) noEngine(t *testing.T) {
	p := b.start(t, nowhere, "run", "calm", "--json", "--out", t.TempDir())
	require.Equal(t, reports.ExitInfra, p.wait(t, 30*time.Second), p)
	run := p.runs(t)[0]
	require.Equal(t, check.Infra, run.Verdict)
	require.Equal(t, 1, strings.Count(run.Reason, "no Docker engine answers at tcp://127.0.0.1:1 "), "the cause, once: %s", run.Reason)
	require.Contains(t, run.Reason, "or point DOCKER_HOST at another", "the remedy")
}

// The other commands that need an engine say so in the same way.
func (b *binary) othersWithoutEngine(t *testing.T) {
	env := nowhere
	for _, args := range []string{"clean", "down", "up", "images list"} {
		p := b.start(t, env, strings.Fields(args)...)
		require.Equal(t, reports.ExitInfra, p.wait(t, 30*time.Second), p)
		require.Contains(t, p.stderr.String(), "DOCKER_HOST", args)
		require.Empty(t, p.stdout.String(), args)
	}
	p := b.start(t, env, "list")
	require.Equal(t, reports.ExitValid, p.wait(t, 30*time.Second), p)
	require.Contains(t, p.stdout.String(), "loader-killed")
}

func (b *binary) noImage(t *testing.T) {
	p := b.start(t, []string{"SEATRIAL_IMAGE_POSTGRES=postgres:no-such-version"}, "run", "calm", "--json", "--out", t.TempDir())
	require.Equal(t, reports.ExitInfra, p.wait(t, time.Minute), p)
	run := p.runs(t)[0]
	require.Equal(t, check.Infra, run.Verdict)
	require.Contains(t, run.Reason, "SEATRIAL_IMAGE_POSTGRES=postgres:no-such-version is not here and cannot be pulled")
	require.Contains(t, run.Reason, "unset SEATRIAL_IMAGE_POSTGRES", "the remedy")
	require.NotContains(t, p.stderr.String(), "starting sftp", "nothing stands in for it")
	p.nothingLeft(t)
}

// midFault starts a run and returns once a loader lies dead in it.
func (b *binary) midFault(t *testing.T, out string) *process {
	t.Helper()
	p := b.start(t, nil, "run", "loader-killed", "--records", "2000", "--json", "--out", out)
	p.says(t, "fault kill on load: biting")
	require.NotEmpty(t, p.stack(t).containers)
	return p
}

func (b *binary) interruptedInMidFault(t *testing.T, signal os.Signal) {
	b.slot(t)
	out := t.TempDir()
	p := b.midFault(t, out)
	require.NoError(t, p.cmd.Process.Signal(signal))
	require.Equal(t, reports.ExitInterrupted, p.wait(t, time.Minute), p)
	p.nothingLeft(t)

	dir := folder(t, out)
	stored, err := history.Load(dir)
	require.NoError(t, err)
	require.Empty(t, stored.Problem, "the history is whole and closed")
	raw, err := os.ReadFile(filepath.Join(dir, "run.json"))
	require.NoError(t, err)
	var run reports.Run
	require.NoError(t, json.Unmarshal(raw, &run))
	require.Equal(t, reports.ExitInterrupted, run.Exit)
	require.Equal(t, check.Unknown, run.Verdict)
	require.Contains(t, run.Reason, "interrupted")
	require.Equal(t, reports.Undo{OK: true}, run.Undo)
	run.Workload = p.runs(t)[0].Workload // the same, indented otherwise
	require.Equal(t, run, p.runs(t)[0], "what is printed is what is stored")
}

func (b *binary) interruptedWhileItStarts(t *testing.T) {
	b.slot(t)
	out := t.TempDir()
	p := b.start(t, nil, "run", "calm", "--json", "--out", out)
	p.says(t, "starting sftp")
	p.stack(t) // its first container is there, others are being made
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, reports.ExitInterrupted, p.wait(t, time.Minute), p)
	p.nothingLeft(t)
	require.Equal(t, reports.ExitInterrupted, p.runs(t)[0].Exit)
}

// A matrix that is interrupted takes down all of its stacks, and keeps what it knows.
func (b *binary) matrixInterrupted(t *testing.T) {
	b.slot(t)
	b.slot(t) // it has two stacks
	out := t.TempDir()
	p := b.start(t, nil, "matrix", "--only", "13,24", "--seeds", "1", "--parallel", "2", "--json", "--out", out)
	p.says(t, "[1/7]")
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, reports.ExitInterrupted, p.wait(t, time.Minute), p)
	p.nothingLeft(t)
	stored, err := reports.ReadMatrix(filepath.Join(out, reports.MatrixFile))
	require.NoError(t, err)
	require.Equal(t, 7, stored.Planned)
	require.NotEmpty(t, stored.Defects)
	require.FileExists(t, filepath.Join(stored.Defects[0].Folder, reports.RunFile))
}

func (b *binary) killedInMidFault(t *testing.T) {
	b.slot(t)
	out := t.TempDir()
	p := b.midFault(t, out)
	require.NoError(t, p.cmd.Process.Kill())
	p.wait(t, time.Minute)
	left := p.stack(t)
	require.NotEmpty(t, left.containers)
	require.NotEmpty(t, left.networks)
	require.NotEmpty(t, left.volumes)

	t.Run("check needs no engine", func(t *testing.T) {
		dir := folder(t, out)
		require.NoFileExists(t, filepath.Join(dir, "run.json"))
		checking := b.start(t, nowhere, "check", "--json", dir)
		require.Equal(t, reports.ExitUnknown, checking.wait(t, time.Minute), checking)
		run := checking.runs(t)[0]
		require.Equal(t, check.Unknown, run.Verdict)
		require.Contains(t, run.Undo.Error, "seatrial clean")
		require.FileExists(t, filepath.Join(dir, "run.json"))
	})
	t.Run("rollback", func(t *testing.T) {
		dir := folder(t, out)
		rolling := b.start(t, nil, "rollback", "--json", dir)
		require.Equal(t, reports.ExitValid, rolling.wait(t, 3*time.Minute), rolling)
		var result harness.RolledBack
		require.NoError(t, json.Unmarshal([]byte(rolling.stdout.String()), &result))
		require.True(t, result.Standing)
		require.Equal(t, left.id, result.Stack)
		require.Contains(t, result.Steps, harness.RolledStep{Do: "start", Target: "loader"})
		require.True(t, result.OK(), "%+v", result)
		again := b.start(t, nil, "rollback", dir)
		require.Equal(t, reports.ExitValid, again.wait(t, 3*time.Minute), again)
		require.Contains(t, again.stdout.String(), "nothing was owed")
	})
	t.Run("clean", func(t *testing.T) {
		looking := b.start(t, nil, "clean", "--dry-run", "--json")
		require.Equal(t, reports.ExitValid, looking.wait(t, time.Minute), looking)
		var would taken
		require.NoError(t, json.Unmarshal([]byte(looking.stdout.String()), &would))
		var ids []string
		for _, found := range would.Removed {
			ids = append(ids, found.ID)
		}
		require.Contains(t, ids, left.id)
		if len(ids) > 1 {
			t.Skipf("stacks %v are dead, and not all are this test's: they may still be wanted for a look", ids)
		}
		cleaning := b.start(t, nil, "clean")
		require.Equal(t, reports.ExitValid, cleaning.wait(t, time.Minute), cleaning)
		require.Regexp(t, `removed\s+`+left.id+`\s+\d+ containers, 2 networks, \d+ volumes`, cleaning.stdout.String())
		p.nothingLeft(t)
	})
}

func (b *binary) twoAtOnce(t *testing.T) {
	b.slot(t)
	b.slot(t)
	var both []*process
	for range 2 {
		both = append(both, b.start(t, nil, "run", "calm", "--records", "500", "--json", "--out", t.TempDir()))
	}
	for _, p := range both {
		p.says(t, "] prepare")
	}
	require.NotEqual(t, both[0].stack(t).id, both[1].stack(t).id)
	for _, p := range both {
		require.Equal(t, reports.ExitValid, p.wait(t, 2*time.Minute), p)
		require.Equal(t, check.Valid, p.runs(t)[0].Verdict)
		p.nothingLeft(t)
	}
}

func (b *binary) diskFull(t *testing.T) {
	out := t.TempDir()
	mounting, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", out).CombinedOutput()
	if err != nil {
		t.Skipf("needs the right to mount a file system of 256 KiB: mount: %v: %s", err, mounting)
	}
	t.Cleanup(func() {
		output, err := exec.Command("umount", out).CombinedOutput()
		require.NoError(t, err, string(output))
	})
	b.slot(t)
	p := b.start(t, nil, "run", "calm", "--records", "1000", "--json", "--out", out)
	require.Equal(t, reports.ExitInfra, p.wait(t, 2*time.Minute), p)
	run := p.runs(t)[0]
	require.Equal(t, check.Infra, run.Verdict)
	require.Contains(t, run.Reason, "the disk under "+out)
	require.Contains(t, run.Reason, "is full: make room on it", "the remedy")
	p.nothingLeft(t)
}

// nowhere is the environment of a machine without an engine: nothing listens
// on port 1.
var nowhere = []string{"DOCKER_HOST=tcp://127.0.0.1:1"}

// folder returns the folder of the one run below out.
func folder(t *testing.T, out string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(out, "*", history.FileName))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return filepath.Dir(found[0])
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
