package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/reports"
)

// startsWithin is how long a process may take to get to what a test waits for.
const startsWithin = 3 * time.Minute

// binary is the program, built as it is delivered.
type binary struct {
	path   string
	engine *client.Client
	slots  chan struct{} // stacks that may run at once
}

// build builds the program and connects to the engine that its processes use.
func build(t *testing.T) *binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seatrial")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput()
	require.NoError(t, err, string(output))
	engine, err := image.Connect(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { engine.Close() })
	return &binary{path: path, engine: engine, slots: make(chan struct{}, 2)}
}

// slot waits until one more stack may run; it may until the test ends.
func (b *binary) slot(t *testing.T) {
	t.Helper()
	select {
	case b.slots <- struct{}{}:
		t.Cleanup(func() { <-b.slots })
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	}
}

// process is one call of the binary.
type process struct {
	binary         *binary
	cmd            *exec.Cmd
	stdout, stderr *lockedBuffer
	done           chan struct{} // closed when it has ended
	id             string        // of its stack, once known
}

// start starts the binary with more variables in its environment. What it
// leaves is removed when the test ends, whatever the test found.
func (b *binary) start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return b.startFrom(t, nil, env, args...)
}

// startFrom starts it with something to read from; nil: nothing.
func (b *binary) startFrom(t *testing.T, stdin *os.File, env []string, args ...string) *process {
	t.Helper()
	p := &process{binary: b, cmd: exec.Command(b.path, args...), stdout: &lockedBuffer{}, stderr: &lockedBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the exit code says it
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // most have ended
		<-p.done
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if left, err := p.look(ctx); err == nil && left.id != "" {
			_ = harness.Clean(ctx, left.id)
		}
	})
	return p
}

// String is what there is to know when a test fails.
func (p *process) String() string {
	return fmt.Sprintf("seatrial %s\nstdout:\n%s\nstderr:\n%s", strings.Join(p.cmd.Args[1:], " "), p.stdout, p.stderr)
}

// wait returns the exit code; -1 for a process that was killed.
func (p *process) wait(t *testing.T, within time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		require.FailNow(t, "it does not end", "after %s: %s", within, p)
	}
	return p.cmd.ProcessState.ExitCode()
}

// says waits until text stands on standard error.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	p.until(t, "it says "+strconv.Quote(text), func() bool { return strings.Contains(p.stderr.String(), text) })
}

// until waits until a condition holds, as long as the process lives.
func (p *process) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	over := time.After(startsWithin)
	for !holds() {
		select {
		case <-p.done:
			require.FailNow(t, "it ended before "+what, "%s", p)
		case <-over:
			require.FailNow(t, "it was not seen that "+what, "within %s: %s", startsWithin, p)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// runs decodes the results on standard output.
func (p *process) runs(t *testing.T) []reports.Run {
	t.Helper()
	var runs []reports.Run
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &runs), "%s", p)
	require.NotEmpty(t, runs)
	return runs
}

// onEngine is what stands on the engine of one process's stack.
type onEngine struct {
	id                            string // of the stack
	containers, networks, volumes []string
}

// stack waits until something of the process's stack is on the engine.
func (p *process) stack(t *testing.T) (found onEngine) {
	t.Helper()
	over := time.After(startsWithin)
	for {
		var err error
		found, err = p.look(t.Context())
		require.NoError(t, err)
		if len(found.containers) > 0 {
			p.id = found.id
			return found
		}
		select {
		case <-over:
			require.FailNow(t, "no container of it is seen", "within %s: %s", startsWithin, p)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// nothingLeft requires that the process left nothing on the engine.
func (p *process) nothingLeft(t *testing.T) {
	t.Helper()
	found, err := p.look(t.Context())
	require.NoError(t, err)
	require.Empty(t, found.containers, "containers")
	require.Empty(t, found.networks, "networks")
	require.Empty(t, found.volumes, "volumes")
}

// look asks the engine for what carries the stack's label or, while that is
// not known, the process's.
func (p *process) look(ctx context.Context) (onEngine, error) {
	found := onEngine{id: p.id}
	filter := make(client.Filters).Add("label", stack.LabelPID+"="+strconv.Itoa(p.cmd.Process.Pid))
	if p.id != "" {
		filter = make(client.Filters).Add("label", stack.LabelStack+"="+p.id)
	}
	containers, err := p.binary.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filter})
	if err != nil {
		return found, fmt.Errorf("list containers: %w", err)
	}
	for _, item := range containers.Items {
		found.containers, found.id = append(found.containers, item.ID), item.Labels[stack.LabelStack]
	}
	networks, err := p.binary.engine.NetworkList(ctx, client.NetworkListOptions{Filters: filter})
	if err != nil {
		return found, fmt.Errorf("list networks: %w", err)
	}
	for _, item := range networks.Items {
		found.networks, found.id = append(found.networks, item.ID), item.Labels[stack.LabelStack]
	}
	volumes, err := p.binary.engine.VolumeList(ctx, client.VolumeListOptions{Filters: filter})
	if err != nil {
		return found, fmt.Errorf("list volumes: %w", err)
	}
	for _, item := range volumes.Items {
		found.volumes, found.id = append(found.volumes, item.Name), item.Labels[stack.LabelStack]
	}
	return found, nil
}
