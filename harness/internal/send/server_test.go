package send

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/workload"
)

// sftpd is one real SFTP server for the tests of this package.
var sftpd struct {
	once      sync.Once
	container testcontainers.Container
	endpoints stack.Endpoints
	err       error
}

func server(t *testing.T) (stack.Endpoints, testcontainers.Container) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Docker")
	}
	sftpd.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		sftpd.endpoints, sftpd.container, sftpd.err = startServer(ctx)
	})
	require.NoError(t, sftpd.err)
	return sftpd.endpoints, sftpd.container
}

func TestMain(m *testing.M) {
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	code := m.Run()
	if sftpd.container != nil {
		if err := sftpd.container.Terminate(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

func startServer(ctx context.Context) (e stack.Endpoints, made testcontainers.Container, err error) {
	images, err := image.Resolve(ctx, nil, image.SFTP)
	if err != nil {
		return e, nil, err
	}
	made, err = testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		Started: true,
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        images[image.SFTP].Ref,
			Name:         fmt.Sprintf("send-test-%d", os.Getpid()),
			Cmd:          []string{"importer:secret:1001:100:inbox,archive,confirmations"},
			ExposedPorts: []string{"22/tcp"},
			HostConfigModifier: func(host *container.HostConfig) {
				host.PortBindings = network.PortMap{
					network.MustParsePort("22/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1")}},
				}
			},
		},
	})
	if err != nil {
		return e, made, err
	}
	port, err := made.MappedPort(ctx, "22/tcp")
	if err != nil {
		return e, made, err
	}
	e = stack.Endpoints{SFTPAddr: fmt.Sprintf("127.0.0.1:%d", port.Num()), SFTPUser: "importer", SFTPPassword: "secret"}
	for {
		if key, err := made.CopyFileFromContainer(ctx, "/etc/ssh/ssh_host_ed25519_key.pub"); err == nil {
			text, _ := io.ReadAll(key)
			key.Close()
			e.SFTPHostKey = strings.TrimSpace(string(text))
			session, err := stack.DialSFTP(ctx, e)
			if err == nil {
				session.Close()
				return e, made, nil
			}
		}
		if err := until(ctx, time.Now().Add(50*time.Millisecond)); err != nil {
			return e, made, fmt.Errorf("the SFTP server did not get ready: %w", err)
		}
	}
}

func pause(t *testing.T, c testcontainers.Container) (unpause func()) {
	docker, err := testcontainers.NewDockerClientWithOpts(t.Context())
	require.NoError(t, err)
	_, err = docker.ContainerPause(t.Context(), c.GetContainerID(), client.ContainerPauseOptions{})
	require.NoError(t, err)
	var once sync.Once
	unpause = func() {
		once.Do(func() {
			_, err := docker.ContainerUnpause(context.Background(), c.GetContainerID(), client.ContainerUnpauseOptions{})
			require.NoError(t, err)
			docker.Close()
		})
	}
	t.Cleanup(unpause)
	return unpause
}

// wire is a TCP proxy whose connections can be made deaf and cut.
type wire struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	deaf     bool // what the server says is not passed on
	conns    []net.Conn
}

func newWire(t *testing.T, target string) *wire {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{listener: listener, target: target}
	t.Cleanup(func() { listener.Close(); w.cut() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, client, upstream)
			w.mu.Unlock()
			go io.Copy(upstream, client)
			go func() {
				defer client.Close()
				buffer := make([]byte, 32<<10)
				for {
					n, err := upstream.Read(buffer)
					if err != nil {
						return
					}
					w.mu.Lock()
					deaf := w.deaf
					w.mu.Unlock()
					if !deaf {
						client.Write(buffer[:n])
					}
				}
			}()
		}
	}()
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

func (w *wire) deafen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = true
}

// cut ends all connections; new ones hear again.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.conns {
		conn.Close()
	}
	w.conns, w.deaf = nil, false
}

// trial is what a test of the sender needs, with an inbox of its own.
type trial struct {
	t         *testing.T
	endpoints stack.Endpoints
	direct    *stack.SFTPSession
	inbox     string
	dir       string
	wl        *workload.Workload
	history   *history.Writer
}

func newTrial(t *testing.T, change func(*workload.Config)) *trial {
	e, _ := server(t)
	config := workload.Default(7, workload.NewTag())
	config.Files, config.RecordsPerFile = 4, 50
	if change != nil {
		change(&config)
	}
	wl, err := workload.New(config)
	require.NoError(t, err)
	dir := t.TempDir()
	w, err := history.Create(dir, history.Header{Generator: config.Generator, Tag: config.Tag})
	require.NoError(t, err)
	direct, err := stack.DialSFTP(t.Context(), e)
	require.NoError(t, err)
	t.Cleanup(direct.Close)
	inbox := "inbox/" + config.Tag
	require.NoError(t, direct.Mkdir(inbox))
	return &trial{t: t, endpoints: e, direct: direct, inbox: inbox, dir: dir, wl: wl, history: w}
}

func (tr *trial) sender() *Sender {
	s := New(tr.endpoints, tr.inbox, tr.history, filepath.Join(tr.dir, "input"))
	tr.t.Cleanup(s.Close)
	return s
}

func (tr *trial) names() (names []string) {
	infos, err := tr.direct.ReadDir(tr.inbox)
	require.NoError(tr.t, err)
	for _, info := range infos {
		names = append(names, info.Name())
	}
	return names
}

func (tr *trial) content(name string) string {
	file, err := tr.direct.Open(tr.inbox + "/" + name)
	require.NoError(tr.t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	require.NoError(tr.t, err)
	return string(content)
}

// events closes the history and returns the sends in it.
func (tr *trial) events() (events []history.Event) {
	require.NoError(tr.t, tr.history.Close())
	run, err := history.Load(tr.dir)
	require.NoError(tr.t, err)
	require.Empty(tr.t, run.Problem)
	for _, event := range run.Events {
		require.Equal(tr.t, history.Send, event.Act)
		events = append(events, event)
	}
	return events
}
