package stack

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Request says what a container of a stack is. The same request makes it
// again after its disk was wiped.
type Request struct {
	Part        string // label; also the end of the container's name
	Hostname    string // empty: Part
	AnyHostname bool   // its hostname is one that the engine makes up
	Placed      bool   // it has a place on the network that outlives it
	Image       string
	User        string   // empty: the image's
	WorkingDir  string   // empty: the image's
	Entrypoint  []string // nil: the image's
	Command     []string
	Restart     string // the engine's policy: "always", "on-failure" or "unless-stopped"; empty: none
	Env         map[string]string
	Files       []testcontainers.ContainerFile
	Volumes     map[string]string // name, without the stack's prefix → path
	Tmpfs       map[string]int64  // path → size in bytes of a small disk in memory, empty after every start
	Networks    map[string][]string
	Published   map[string]int // "5672/tcp" → port on 127.0.0.1
	MemoryBytes int64
	CPUShares   int64             // weight while the processors are contended; 0: Docker's 1024
	Labels      map[string]string // beside those of the stack
	// Probe proves, by its protocol, that what runs inside does its work. Nil:
	// running is all that can be seen.
	Probe func(ctx context.Context) (string, error)
	// Proof is the same for what looks at the container itself.
	Proof func(ctx context.Context, c *Container) (string, error)
}

// Container is one container of a stack, whatever is done to it.
type Container struct {
	stack   *Stack
	request Request
	id      string
	removed atomic.Bool // by Remove, and not made again
}

// State is what Docker says of a container.
type State struct {
	ID        string
	Status    string // running, paused, exited, …; "removed" where there is none
	Running   bool
	Paused    bool
	OOMKilled bool
	ExitCode  int
	StartedAt time.Time
	EndedAt   time.Time // the last time that it did; the zero time or one before any: never
	IP        string
}

// Start creates and starts a container in the stack. It does not wait until
// the container is ready.
func (s *Stack) Start(ctx context.Context, request Request) (*Container, error) {
	c := &Container{stack: s, request: request}
	if err := c.create(ctx); err != nil {
		if c.id != "" {
			err = errors.Join(err, c.Remove(context.WithoutCancel(ctx)))
		}
		return nil, err
	}
	return c, nil
}

// createWithin bounds the making of a container, its start included.
const createWithin = time.Minute

// create is not cut short by ctx: the engine would go on with a request that
// nobody waits for, and what it makes then would be missed by cleaning up.
func (c *Container) create(asked context.Context) error {
	if err := asked.Err(); err != nil {
		return fmt.Errorf("start container %s: %w", c.request.Part, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(asked), createWithin)
	defer cancel()
	request := c.request
	for _, file := range request.Files {
		// Read when the container was made before.
		if again, ok := file.Reader.(io.Seeker); ok {
			if _, err := again.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("rewind %s for %s: %w", file.ContainerFilePath, request.Part, err)
			}
		}
	}
	var mounts []mount.Mount
	for name, target := range request.Volumes {
		mounts = append(mounts, mount.Mount{
			Type: mount.TypeVolume, Source: c.stack.prefix + name, Target: target,
			VolumeOptions: &mount.VolumeOptions{Labels: c.stack.labels(name)},
		})
	}
	labels := c.stack.labels(request.Part)
	maps.Copy(labels, request.Labels)
	var exposed, networks []string
	for port := range request.Published {
		exposed = append(exposed, port)
	}
	aliases := map[string][]string{}
	for name, names := range request.Networks {
		networks = append(networks, name)
		aliases[name] = names
	}
	// The one that ports are published through comes first.
	if i := slices.Index(networks, c.stack.back); i > 0 {
		networks[0], networks[i] = networks[i], networks[0]
	}
	if request.Placed {
		if err := c.stack.placeOf(ctx, request); err != nil {
			return fmt.Errorf("start container %s: %w", request.Part, err)
		}
		networks, aliases = nil, nil
	}
	defer c.join()()
	made, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		Started: true,
		Logger:  quiet{},
		ContainerRequest: testcontainers.ContainerRequest{
			Image:          request.Image,
			Name:           c.Name(),
			Entrypoint:     request.Entrypoint,
			Cmd:            request.Command,
			Env:            request.Env,
			Files:          request.Files,
			Labels:         labels,
			Networks:       networks,
			NetworkAliases: aliases,
			ExposedPorts:   exposed,
			ConfigModifier: func(config *container.Config) {
				if !request.AnyHostname && !request.Placed {
					config.Hostname = cmp.Or(request.Hostname, request.Part)
				}
				config.User, config.WorkingDir = request.User, request.WorkingDir
			},
			HostConfigModifier: func(host *container.HostConfig) {
				host.PortBindings = bindings(request.Published)
				host.Mounts = mounts
				host.Tmpfs = tmpfs(request.Tmpfs)
				host.Memory = request.MemoryBytes
				host.MemorySwap = request.MemoryBytes // no swap: the limit is a limit
				host.CPUShares = request.CPUShares
				host.SecurityOpt = []string{"no-new-privileges"}
				host.RestartPolicy.Name = container.RestartPolicyMode(request.Restart)
				switch {
				case request.Placed:
					host.NetworkMode = container.NetworkMode("container:" + c.onNetwork())
				case !c.stack.options.Open: // no name leaves for a resolver outside
					host.DNS = nameserver
				}
			},
		},
	})
	if made != nil {
		c.id = made.GetContainerID()
		c.removed.Store(false)
	}
	if err != nil {
		return fmt.Errorf("start container %s from image %s: %w", request.Part, request.Image, err)
	}
	if err := asked.Err(); err != nil {
		return fmt.Errorf("start container %s: %w", request.Part, err)
	}
	return nil
}

func tmpfs(sizes map[string]int64) map[string]string {
	options := map[string]string{}
	for path, size := range sizes {
		options[path] = fmt.Sprintf("size=%d", size)
	}
	return options
}

// Name returns the container's name on the engine.
func (c *Container) Name() string { return c.stack.prefix + c.request.Part }

// NameOf returns the name of the container of a part, whether there is one or not.
func (s *Stack) NameOf(part string) string { return s.prefix + part }

// Part returns what the container is in its stack.
func (c *Container) Part() string { return c.request.Part }

// MemoryLimit returns the container's memory limit in bytes; 0: none.
func (c *Container) MemoryLimit() int64 { return c.request.MemoryBytes }

// Inspect asks the engine for the container's state.
func (c *Container) Inspect(ctx context.Context) (State, error) {
	result, err := c.stack.docker.ContainerInspect(ctx, c.Name(), client.ContainerInspectOptions{})
	if errdefs.IsNotFound(err) {
		return State{Status: "removed"}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("inspect %s: %w", c.Part(), err)
	}
	in := result.Container
	state := State{ID: in.ID, Status: string(in.State.Status), Running: in.State.Running, Paused: in.State.Paused,
		OOMKilled: in.State.OOMKilled, ExitCode: in.State.ExitCode}
	state.StartedAt, _ = time.Parse(time.RFC3339Nano, in.State.StartedAt)
	state.EndedAt, _ = time.Parse(time.RFC3339Nano, in.State.FinishedAt)
	if end := in.NetworkSettings.Networks[c.stack.back]; end != nil {
		state.IP = end.IPAddress.String()
	}
	return state, nil
}

// Kill sends SIGKILL to the main process and waits until the container is down.
func (c *Container) Kill(ctx context.Context) error {
	defer c.leave()()
	_, err := c.stack.docker.ContainerKill(ctx, c.Name(), client.ContainerKillOptions{Signal: "SIGKILL"})
	if err != nil {
		return fmt.Errorf("kill %s: %w", c.Part(), err)
	}
	_, err = c.Down(ctx)
	return err
}

// Down waits until the container does not run any more.
func (c *Container) Down(ctx context.Context) (State, error) {
	for {
		state, err := c.Inspect(ctx)
		if err != nil {
			return state, err
		}
		if !state.Running {
			return state, nil
		}
		select {
		case <-ctx.Done():
			return state, fmt.Errorf("%s still runs: %w", c.Part(), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// StopGently sends SIGTERM and, after grace, SIGKILL.
func (c *Container) StopGently(ctx context.Context, grace time.Duration) error {
	seconds := int(grace.Seconds())
	if _, err := c.stack.docker.ContainerStop(ctx, c.Name(), client.ContainerStopOptions{Timeout: &seconds}); err != nil {
		return fmt.Errorf("stop %s: %w", c.Part(), err)
	}
	return nil
}

// StartAgain starts the container after it stopped, on the same disk and ports.
func (c *Container) StartAgain(ctx context.Context) error {
	defer c.join()()
	if _, err := c.stack.docker.ContainerStart(ctx, c.Name(), client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start %s: %w", c.Part(), err)
	}
	return c.restarts(ctx, c.request.Restart)
}

// revive starts a container that is down though nobody is to bring it up again:
// a pipeline may have used up the memory of a service. One that was removed is
// for others to make anew.
func (c *Container) revive(ctx context.Context) error {
	state, err := c.Inspect(ctx)
	if err != nil || state.Running || state.Status == "removed" {
		return err
	}
	return c.StartAgain(ctx)
}

// StayDown has the engine leave the container down when it ends, until
// StartAgain: what is to be proved of how it ended would be gone otherwise.
func (c *Container) StayDown(ctx context.Context) error { return c.restarts(ctx, "no") }

func (c *Container) restarts(ctx context.Context, policy string) error {
	if c.request.Restart == "" {
		return nil
	}
	_, err := c.stack.docker.ContainerUpdate(ctx, c.Name(), client.ContainerUpdateOptions{RestartPolicy: &container.RestartPolicy{Name: container.RestartPolicyMode(policy)}})
	if err != nil {
		return fmt.Errorf("say when the engine starts %s again: %w", c.Part(), err)
	}
	return nil
}

// Address returns where the container is reached on the network of pipelines, by
// this machine too: it has the bridge of that network. Only while it runs.
func (c *Container) Address(ctx context.Context) (string, error) {
	result, err := c.stack.docker.ContainerInspect(ctx, c.onNetwork(), client.ContainerInspectOptions{})
	if err != nil {
		return "", fmt.Errorf("inspect %s: %w", c.Part(), err)
	}
	if settings := result.Container.NetworkSettings; settings != nil {
		if end := settings.Networks[c.stack.front]; end != nil && end.IPAddress.IsValid() {
			return end.IPAddress.String(), nil
		}
	}
	return "", fmt.Errorf("%s has no address on the network of the pipeline: it does not run", c.Part())
}

// unfrozen is what the engine answers where a container's processes begin new
// ones faster than it can freeze them, as on a busy machine: it has let all of
// them go on, and may be asked again.
const unfrozen = "unable to freeze"

// Pause freezes all processes of the container.
func (c *Container) Pause(ctx context.Context) error {
	for {
		_, err := c.stack.docker.ContainerPause(ctx, c.Name(), client.ContainerPauseOptions{})
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !strings.Contains(err.Error(), unfrozen):
			return fmt.Errorf("pause %s: %w", c.Part(), err)
		}
	}
}

// resumed says whether the engine answered that the container is not paused.
// Word of a freezing may reach it after it has let the processes go on: for a
// moment it shows a container as paused that is not.
func resumed(err error) bool {
	return strings.Contains(err.Error(), "cannot resume a running process") || strings.Contains(err.Error(), "is not paused")
}

// Unpause lets them go on. One that is not paused is left alone.
func (c *Container) Unpause(ctx context.Context) error {
	for {
		state, err := c.Inspect(ctx)
		if err != nil || !state.Paused {
			return err
		}
		_, err = c.stack.docker.ContainerUnpause(ctx, c.Name(), client.ContainerUnpauseOptions{})
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil || !resumed(err):
			return fmt.Errorf("unpause %s: %w", c.Part(), err)
		}
	}
}

// Remove kills and removes the container, its own disk and its anonymous
// volumes; named volumes stay. One that is gone is no error.
func (c *Container) Remove(ctx context.Context) error {
	defer c.leave()()
	_, err := c.stack.docker.ContainerRemove(ctx, c.Name(), client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove %s: %w", c.Part(), err)
	}
	c.removed.Store(true)
	return nil
}

// RemoveVolumes removes the named volumes of the container, which must be gone.
func (c *Container) RemoveVolumes(ctx context.Context) error {
	var errs []error
	for name := range c.request.Volumes {
		errs = append(errs, c.stack.RemoveVolume(ctx, name))
	}
	return errors.Join(errs...)
}

// CreateAgain makes and starts the container anew from its image, after Remove.
func (c *Container) CreateAgain(ctx context.Context) error { return c.create(ctx) }

// Reconfigure stops the container and makes it anew from its image with
// another environment, as a deployment does. Named volumes stay.
func (c *Container) Reconfigure(ctx context.Context, env map[string]string) error {
	if err := c.Remove(ctx); err != nil {
		return err
	}
	c.request.Env = env
	return c.create(ctx)
}

// Ready waits until the container proves by its protocol that it works, or,
// without a probe, runs. It returns the proof.
func (c *Container) Ready(ctx context.Context) (string, error) {
	var last error
	for {
		state, err := c.Inspect(ctx)
		switch {
		case err != nil:
			last = err
		case state.Status == "exited" || state.Status == "dead":
			return "", fmt.Errorf("%s ended with exit code %d instead of getting ready; its last words: %s", c.Part(), state.ExitCode, c.LastWords(ctx))
		case !state.Running || state.Paused:
			last = fmt.Errorf("%s is %s (exit code %d)", c.Part(), state.Status, state.ExitCode)
		case c.request.Probe == nil && c.request.Proof == nil:
			return "container runs since " + state.StartedAt.UTC().Format(time.RFC3339Nano), nil
		default:
			try, cancel := context.WithTimeout(ctx, 2*time.Second)
			proof, err := c.prove(try)
			cancel()
			if err == nil {
				return proof, nil
			}
			last = err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("%s is not ready: %w (last: %w)", c.Part(), ctx.Err(), last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *Container) prove(ctx context.Context) (string, error) {
	if c.request.Proof != nil {
		return c.request.Proof(ctx, c)
	}
	return c.request.Probe(ctx)
}

// LastWords returns the end of what the container printed.
func (c *Container) LastWords(ctx context.Context) string {
	logs, err := c.stack.docker.ContainerLogs(ctx, c.Name(), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, io.LimitReader(logs, 1<<16)); err != nil && text.Len() == 0 {
		return err.Error()
	}
	words := strings.TrimSpace(text.String())
	return words[max(0, len(words)-600):]
}

// Exec runs a command in the container as user and returns what it printed,
// both streams, and an error for any exit code but 0.
func (c *Container) Exec(ctx context.Context, user string, command ...string) (string, error) {
	made, err := c.stack.docker.ExecCreate(ctx, c.Name(), client.ExecCreateOptions{User: user, Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", fmt.Errorf("run %s in %s: %w", command[0], c.Part(), err)
	}
	attached, err := c.stack.docker.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", fmt.Errorf("run %s in %s: %w", command[0], c.Part(), err)
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, func() { attached.Close() })
	defer stop()
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, attached.Reader); err != nil {
		return stdout.String(), fmt.Errorf("read output of %s in %s: %w", command[0], c.Part(), errors.Join(ctx.Err(), err))
	}
	done, err := c.stack.docker.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	if err != nil {
		return stdout.String(), fmt.Errorf("ask how %s in %s ended: %w", command[0], c.Part(), err)
	}
	if done.ExitCode != 0 {
		return stdout.String(), fmt.Errorf("%s in %s ended with %d: %s", command[0], c.Part(), done.ExitCode, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// CopyIn puts a file into the container.
func (c *Container) CopyIn(ctx context.Context, target string, mode int64, content []byte) error {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	header := &tar.Header{Name: path.Base(target), Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}
	if err := writer.WriteHeader(header); err != nil {
		return fmt.Errorf("pack %s: %w", target, err)
	}
	if _, err := writer.Write(content); err != nil {
		return fmt.Errorf("pack %s: %w", target, err)
	}
	if err := writer.Close(); err != nil {
		return fmt.Errorf("pack %s: %w", target, err)
	}
	_, err := c.stack.docker.CopyToContainer(ctx, c.Name(), client.CopyToContainerOptions{DestinationPath: path.Dir(target), Content: &archive})
	if err != nil {
		return fmt.Errorf("copy %s into %s: %w", target, c.Part(), err)
	}
	return nil
}

// Files lists the regular files below a folder of the container, by their paths
// in it. It needs no program in the container, nor that it runs. A folder that
// does not exist holds none.
func (c *Container) Files(ctx context.Context, folder string) ([]string, error) {
	copied, err := c.stack.docker.CopyFromContainer(ctx, c.Name(), client.CopyFromContainerOptions{SourcePath: folder})
	if errdefs.IsNotFound(err) {
		if state, gone := c.Inspect(ctx); gone != nil || state.ID != "" {
			return nil, gone
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list %s in %s: %w", folder, c.Part(), err)
	}
	defer copied.Content.Close()
	var files []string
	for archive := tar.NewReader(copied.Content); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return files, fmt.Errorf("list %s in %s: %w", folder, c.Part(), err)
		}
		if _, name, below := strings.Cut(header.Name, "/"); below && header.Typeflag == tar.TypeReg {
			files = append(files, name)
		}
	}
}

// longestLog is how many lines of a log are saved, the last ones: a pipeline that
// fails for ever prints half a gigabyte in two minutes.
const longestLog = "100000"

// SaveLogs writes what the container printed since a moment, or the end of that,
// to a file.
func (c *Container) SaveLogs(ctx context.Context, file string, since time.Time) error {
	logs, err := c.stack.docker.ContainerLogs(ctx, c.Name(), client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Timestamps: true, Tail: longestLog, Since: fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond()),
	})
	if err != nil {
		return fmt.Errorf("read logs of %s: %w", c.Part(), err)
	}
	defer logs.Close()
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("save logs of %s: %w", c.Part(), err)
	}
	defer out.Close()
	if _, err := stdcopy.StdCopy(out, out, logs); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("save logs of %s: %w", c.Part(), err)
	}
	return nil
}

// quiet is a testcontainers logger that says nothing: progress is ours to show.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
