package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/pkg/sftp"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"
)

// The contract that the rest of the harness relies on, tried on whatever image a run would take: official or built.

// readyWithin is far above what an image needs alone: tests share the cores.
const readyWithin = 90 * time.Second

// subject is a container of the image under test.
type subject struct {
	cli *client.Client
	id  string
	t   *testing.T
}

type file struct {
	name    string
	mode    int64
	content []byte
}

func create(t *testing.T, kind Kind, config container.Config, port string, files ...file) *subject {
	t.Helper()
	cli := engine(t)
	ctx, cancel := context.WithTimeout(t.Context(), buildWithin)
	defer cancel()
	images, err := Resolve(ctx, func(line string) { t.Log(line) }, kind)
	require.NoError(t, err)
	t.Logf("%s (%s)", images[kind].Version, images[kind].Origin)

	config.Image = images[kind].Ref
	exposed := network.MustParsePort(port + "/tcp")
	config.ExposedPorts = network.PortSet{exposed: struct{}{}}
	made, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &config,
		HostConfig: &container.HostConfig{PortBindings: network.PortMap{
			exposed: {{HostIP: netip.MustParseAddr("127.0.0.1")}},
		}},
	})
	require.NoError(t, err)
	s := &subject{cli, made.ID, t}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.logs())
		}
		_, err := cli.ContainerRemove(context.Background(), s.id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		require.NoError(t, err)
	})
	for _, f := range files {
		var buffer bytes.Buffer
		archive := tar.NewWriter(&buffer)
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content))}))
		_, err := archive.Write(f.content)
		require.NoError(t, err)
		require.NoError(t, archive.Close())
		_, err = cli.CopyToContainer(ctx, s.id, client.CopyToContainerOptions{DestinationPath: "/", Content: &buffer})
		require.NoError(t, err)
	}
	return s
}

// start starts the container and waits until probe succeeds on the address of port, which it returns.
func (s *subject) start(port string, probe func(ctx context.Context, address string) error) string {
	s.t.Helper()
	began := time.Now()
	_, err := s.cli.ContainerStart(s.t.Context(), s.id, client.ContainerStartOptions{})
	require.NoError(s.t, err)
	got, err := s.cli.ContainerInspect(s.t.Context(), s.id, client.ContainerInspectOptions{})
	require.NoError(s.t, err)
	bindings := got.Container.NetworkSettings.Ports[network.MustParsePort(port+"/tcp")]
	require.NotEmpty(s.t, bindings, "the container ended at once: %s", s.logs())
	address := "127.0.0.1:" + bindings[0].HostPort

	ctx, cancel := context.WithTimeout(s.t.Context(), readyWithin)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for err := probe(ctx, address); err != nil; err = probe(ctx, address) {
		select {
		case <-poll.C:
		case <-ctx.Done():
			s.t.Fatalf("not ready %v after its start: %v", readyWithin, err)
		}
	}
	s.t.Logf("ready %.2f s after its start", time.Since(began).Seconds())
	return address
}

func (s *subject) exec(command ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	made, err := s.cli.ExecCreate(ctx, s.id, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	require.NoError(s.t, err)
	attached, err := s.cli.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	require.NoError(s.t, err)
	defer attached.Close()
	var output bytes.Buffer
	_, err = stdcopy.StdCopy(&output, &output, attached.Reader)
	require.NoError(s.t, err)
	got, err := s.cli.ExecInspect(ctx, made.ID, client.ExecInspectOptions{})
	require.NoError(s.t, err)
	require.Zero(s.t, got.ExitCode, "%v: %s", command, output.String())
	return strings.TrimSpace(output.String())
}

// stop asks nicely and returns how long that took; the container must not need to be killed.
func (s *subject) stop() {
	s.t.Helper()
	patience, began := 30, time.Now()
	_, err := s.cli.ContainerStop(s.t.Context(), s.id, client.ContainerStopOptions{Timeout: &patience})
	require.NoError(s.t, err)
	got, err := s.cli.ContainerInspect(s.t.Context(), s.id, client.ContainerInspectOptions{})
	require.NoError(s.t, err)
	require.NotEqual(s.t, 137, got.Container.State.ExitCode, "it had to be killed")
	s.t.Logf("stopped in %.2f s with exit code %d", time.Since(began).Seconds(), got.Container.State.ExitCode)
}

func (s *subject) logs() string {
	reader, err := s.cli.ContainerLogs(context.Background(), s.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "60"})
	if err != nil {
		return err.Error()
	}
	defer reader.Close()
	var output bytes.Buffer
	_, _ = stdcopy.StdCopy(&output, &output, reader)
	return output.String()
}

func TestSFTPContract(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	require.NoError(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	require.NoError(t, err)
	s := create(t, SFTP, container.Config{Cmd: []string{"user:pass'w$rd:1001:100:inbox,archive,confirmations"}}, "22",
		file{"etc/ssh/ssh_host_ed25519_key", 0o644, pem.EncodeToMemory(block)}) // too open: the image must put that right

	login := func(ctx context.Context, address string) error {
		connection, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
			User: "user", Auth: []ssh.AuthMethod{ssh.Password("pass'w$rd")}, Timeout: 5 * time.Second,
			HostKeyCallback: ssh.FixedHostKey(signer.PublicKey()), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		})
		if err != nil {
			return err
		}
		defer connection.Close()
		files, err := sftp.NewClient(connection)
		if err != nil {
			return err
		}
		defer files.Close()
		return useSFTP(files)
	}
	s.start("22", login)
	require.Equal(t, "sshd", s.exec("cat", "/proc/1/comm"))
	require.Equal(t, "1001:100", s.exec("stat", "-c", "%u:%g", "/home/user/inbox"))
	require.Contains(t, s.exec("ls", "/etc/ssh"), "ssh_host_rsa_key.pub", "a missing key is generated")
	s.stop()
	s.start("22", login) // and once more with its user there
}

func useSFTP(files *sftp.Client) error {
	entries, err := files.ReadDir("/")
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	slices.Sort(names)
	if got := strings.Join(names, ","); got != "archive,confirmations,inbox" {
		return fmt.Errorf("/ holds %s: not the chroot", got)
	}
	written, err := files.Create("/inbox/.a.part")
	if err != nil {
		return err
	}
	if _, err := written.Write([]byte("row\n")); err != nil {
		return err
	}
	if err := written.Close(); err != nil {
		return err
	}
	if err := files.PosixRename("/inbox/.a.part", "/inbox/a.csv"); err != nil {
		return err
	}
	if _, err := files.Create("/outside"); err == nil {
		return fmt.Errorf("the chroot itself can be written to")
	}
	return files.Remove("/inbox/a.csv")
}

func TestRabbitMQContract(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	s := create(t, RabbitMQ, container.Config{
		Hostname: "rabbitmq",
		Env:      []string{"RABBITMQ_DEFAULT_USER=mate", "RABBITMQ_DEFAULT_PASS=p@ss", "RABBITMQ_DEFAULT_VHOST=imports"},
	}, "5672", file{"etc/rabbitmq/conf.d/90-extra.conf", 0o644, []byte("heartbeat = 7\n")})
	publish := func(_ context.Context, address string) error {
		connection, err := amqp.Dial("amqp://mate:p%40ss@" + address + "/imports")
		if err != nil {
			return err
		}
		defer connection.Close()
		channel, err := connection.Channel()
		if err != nil {
			return err
		}
		if err := channel.Confirm(false); err != nil {
			return err
		}
		if _, err := channel.QueueDeclare("kept", true, false, false, false, nil); err != nil {
			return err
		}
		confirmation, err := channel.PublishWithDeferredConfirm("", "kept", true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte("1")})
		if err != nil {
			return err
		}
		if !confirmation.Wait() {
			return fmt.Errorf("a message was refused")
		}
		if connection.Config.Heartbeat != 7*time.Second {
			return fmt.Errorf("heartbeat is %v: conf.d was not read", connection.Config.Heartbeat)
		}
		return nil
	}
	s.start("5672", publish)
	require.Contains(t, s.exec("rabbitmqctl", "--quiet", "eval", "node()."), "rabbit@rabbitmq", "the node's name must follow the host's")
	require.Contains(t, s.exec("rabbitmqctl", "--quiet", "list_queues", "-p", "imports", "name", "messages"), "kept\t1")
	require.Contains(t, s.exec("sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '"), "rabbit")
	require.Contains(t, s.exec("rabbitmqctl", "--quiet", "eval", "rabbit_networking:active_listeners()."), "15672", "the management plugin listens")
	require.Contains(t, s.logs(), "Server startup complete", "the log goes to standard output")

	_, err := s.cli.ContainerKill(t.Context(), s.id, client.ContainerKillOptions{Signal: "KILL"})
	require.NoError(t, err)
	s.start("5672", publish)
	require.Contains(t, s.exec("rabbitmqctl", "--quiet", "list_queues", "-p", "imports", "name", "messages"), "kept\t2", "confirmed messages outlive a kill")
	s.stop()
}

func TestPostgresContract(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	s := create(t, Postgres, container.Config{
		Env: []string{"POSTGRES_USER=o'mate", "POSTGRES_PASSWORD=p'w\"$", "POSTGRES_DB=imports"},
		Cmd: []string{"postgres", "-c", "max_connections=33", "-c", "log_min_messages=info"},
	}, "5432", file{"docker-entrypoint-initdb.d/1.sql", 0o644, []byte("CREATE TABLE prepared (n int);\n")})
	connect := func(ctx context.Context, address, password string) (*pgx.Conn, error) {
		config, err := pgx.ParseConfig("postgres://" + address + "/imports?sslmode=disable")
		if err != nil {
			return nil, err
		}
		config.User, config.Password = "o'mate", password
		return pgx.ConnectConfig(ctx, config)
	}
	insert := func(ctx context.Context, address string) error {
		connection, err := connect(ctx, address, "p'w\"$")
		if err != nil {
			return err
		}
		defer connection.Close(ctx)
		_, err = connection.Exec(ctx, "INSERT INTO prepared VALUES (1)")
		return err
	}
	address := s.start("5432", insert)

	_, err := connect(t.Context(), address, "wrong")
	require.ErrorContains(t, err, "password authentication failed")
	connection, err := connect(t.Context(), address, "p'w\"$")
	require.NoError(t, err)
	defer connection.Close(context.Background())
	var most, encoding string
	var super bool
	require.NoError(t, connection.QueryRow(t.Context(), "SHOW max_connections").Scan(&most))
	require.Equal(t, "33", most)
	require.NoError(t, connection.QueryRow(t.Context(), "SHOW server_encoding").Scan(&encoding))
	require.Equal(t, "UTF8", encoding)
	require.NoError(t, connection.QueryRow(t.Context(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user").Scan(&super))
	require.True(t, super)
	require.Equal(t, "postgres", s.exec("cat", "/proc/1/comm"))
	require.NoError(t, connection.Close(t.Context()))

	_, err = s.cli.ContainerKill(t.Context(), s.id, client.ContainerKillOptions{Signal: "KILL"})
	require.NoError(t, err)
	address = s.start("5432", insert)
	connection, err = connect(t.Context(), address, "p'w\"$")
	require.NoError(t, err)
	var rows int
	require.NoError(t, connection.QueryRow(t.Context(), "SELECT count(*) FROM prepared").Scan(&rows))
	require.Equal(t, 2, rows, "what was committed outlives a kill")
	s.stop() // with a connection open
}

func TestPostgresRefusesToStartWithoutAPassword(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	s := create(t, Postgres, container.Config{}, "5432")
	waiting := s.cli.ContainerWait(t.Context(), s.id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	_, err := s.cli.ContainerStart(t.Context(), s.id, client.ContainerStartOptions{})
	require.NoError(t, err)
	select {
	case result := <-waiting.Result:
		require.Equal(t, int64(1), result.StatusCode)
	case err := <-waiting.Error:
		require.NoError(t, err)
	case <-time.After(readyWithin):
		t.Fatal("it runs without a password")
	}
	require.Contains(t, s.logs(), "POSTGRES_PASSWORD")
}

func TestElasticsearchContract(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	s := create(t, Elasticsearch, container.Config{
		Env: []string{"discovery.type=single-node", "xpack.security.enabled=false", "cluster.name=sea trial", "ES_JAVA_OPTS=-Xms300m -Xmx300m"},
	}, "9200")
	address := s.start("9200", elasticHealth)

	var root struct {
		Name    string `json:"cluster_name"`
		Version struct{ Number string }
	}
	ctx := t.Context()
	require.NoError(t, elastic(ctx, http.MethodGet, address, "/", "", &root))
	require.Equal(t, "sea trial", root.Name, "a variable with a dot is a setting")
	require.NotEmpty(t, root.Version.Number)
	require.NoError(t, elastic(ctx, http.MethodPost, address, "/_bulk?refresh=true",
		`{"index":{"_index":"people","_id":"1","version":3,"version_type":"external"}}`+"\n"+`{"key":"1"}`+"\n"+
			`{"index":{"_index":"people","_id":"2","version":3,"version_type":"external"}}`+"\n"+`{"key":"2"}`+"\n", nil))
	require.NoError(t, elastic(ctx, http.MethodPost, address, "/people/_delete_by_query", `{"query":{"term":{"key":"1"}}}`, nil))

	// The official image puts tini before it, the built one nothing.
	server := s.exec("sh", "-c", `for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != java ] || { grep ^Uid: $p/status; tr '\0' ' ' < $p/cmdline; }; done`)
	require.NotContains(t, strings.Split(server, "\n")[0], "\t0", "it must not run as root")
	require.Contains(t, server, "-Xmx300m")
	s.stop()

	address = s.start("9200", func(ctx context.Context, address string) error {
		return elastic(ctx, http.MethodGet, address, "/_cluster/health/people?wait_for_status=yellow&timeout=4s", "", nil)
	})
	var found struct {
		Hits struct{ Total struct{ Value int } }
	}
	require.NoError(t, elastic(ctx, http.MethodGet, address, "/people/_search", "", &found))
	require.Equal(t, 1, found.Hits.Total.Value, "one was deleted, one outlived the restart")
}

func TestElasticsearchWithAnotherCollector(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	s := create(t, Elasticsearch, container.Config{
		Env: []string{"discovery.type=single-node", "ES_JAVA_OPTS=-Xmx600m -Xms600m -XX:+UseG1GC"},
	}, "9200")
	s.start("9200", elasticHealth)
}

func elasticHealth(ctx context.Context, address string) error {
	return elastic(ctx, http.MethodGet, address, "/_cluster/health", "", nil)
}

func elastic(ctx context.Context, method, address, path, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, content)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(content, into)
}
