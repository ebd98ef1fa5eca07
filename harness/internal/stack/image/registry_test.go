package image

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
)

// localRegistry is Debian's docker-registry, on a free port of 127.0.0.1, which engines trust without certificates.
type localRegistry struct{ address string }

func startRegistry(t *testing.T) localRegistry {
	t.Helper()
	program := findRegistry(t)
	directory := t.TempDir()
	address := freeAddress(t)
	config := filepath.Join(directory, "config.yml")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil,
		"version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: %s}\nhttp: {addr: %s}\n", directory, address), 0o600))

	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, "serve", config)
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	t.Cleanup(func() { cancel(); <-ended })
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + address + "/v2/")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond, "%s does not answer on %s", program, address)
	return localRegistry{address}
}

// findRegistry takes the program from PATH or from Debian's package, unpacked into the cache: installing it would start it
// on every address.
func findRegistry(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("docker-registry"); err == nil {
		return program
	}
	cache, err := cacheDirectory("registry")
	require.NoError(t, err)
	program := filepath.Join(cache, "usr", "bin", "docker-registry")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	system, _ := os.ReadFile("/etc/os-release")
	if !strings.Contains(string(system), "ID=debian") || os.Getuid() != 0 {
		t.Skip("explained, not tested: a registry is had from Debian's package docker-registry only, and as root only; put docker-registry on PATH to run this")
	}
	fetch := func() (string, error) {
		command := exec.Command("sh", "-c", "rm -f *.deb && apt-get download -qq docker-registry && dpkg-deb -x docker-registry_*.deb .")
		command.Dir = cache
		output, err := command.CombinedOutput()
		return string(output), err
	}
	output, err := fetch()
	if err != nil { // lists may be old or missing
		_ = exec.Command("apt-get", "update", "-qq").Run()
		output, err = fetch()
	}
	require.NoError(t, err, "Debian's docker-registry cannot be fetched, so pulling cannot be tested: %s", output)
	return program
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// push makes a small image of two layers, pushes it under ref, and removes it from the engine again.
func (g localRegistry) push(ctx context.Context, t *testing.T, cli *client.Client, ref string) {
	t.Helper()
	archive := newBuildContext()
	require.NoError(t, archive.add("Dockerfile", 0o644, []byte("FROM scratch\nCOPY first /\nCOPY second /\nENV RABBITMQ_VERSION=3.10.8\n")))
	require.NoError(t, archive.add("first", 0o644, []byte("first of "+t.Name())))
	require.NoError(t, archive.add("second", 0o644, []byte("second of "+t.Name())))
	buffer, err := archive.close()
	require.NoError(t, err)
	_, err = newResolver(cli, nil).dockerBuild(ctx, buffer, client.ImageBuildOptions{Tags: []string{ref}})
	require.NoError(t, err)
	pushed, err := cli.ImagePush(ctx, ref, client.ImagePushOptions{RegistryAuth: "e30="})
	require.NoError(t, err)
	require.NoError(t, pushed.Wait(ctx))
	removeImage(t, cli, ref)
}

// removeImage also forgets the layers, so that the next pull has something to fetch.
func removeImage(t *testing.T, cli *client.Client, ref string) {
	t.Helper()
	_, err := cli.ImageRemove(context.Background(), ref, client.ImageRemoveOptions{PruneChildren: true})
	require.NoError(t, err)
}

func engine(t *testing.T) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Docker")
	}
	cli, err := Connect(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { cli.Close() })
	return cli
}

func TestPull(t *testing.T) {
	cli := engine(t)
	g := startRegistry(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ref := g.address + "/rabbitmq:3.10.8-management"
	g.push(ctx, t, cli, ref)
	t.Setenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", g.address)

	// What was built here would be taken first: that costs no network.
	r := newResolver(cli, nil)
	pulled, err := r.pullOrBuild(ctx, RabbitMQ)
	require.NoError(t, err)
	t.Cleanup(func() { removeImage(t, cli, ref) })
	require.Equal(t, ref, pulled.Ref)
	require.Equal(t, Registry, pulled.Origin)
	require.Equal(t, "RabbitMQ 3.10.8", pulled.Version)
	require.Contains(t, pulled.Digest, g.address+"/rabbitmq@sha256:")

	images, err := Resolve(ctx, nil, RabbitMQ)
	require.NoError(t, err)
	require.Equal(t, Local, images[RabbitMQ].Origin, "now it is here")
	require.Equal(t, pulled.Digest, images[RabbitMQ].Digest)
}

func TestResolvePullsWhatWasNeverBuilt(t *testing.T) {
	cli := engine(t)
	g := startRegistry(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	pinned := g.address + "/atmoz/sftp:pinned"
	g.push(ctx, t, cli, pinned)
	t.Setenv("SEATRIAL_IMAGE_SFTP", pinned)

	var said []string
	images, err := Resolve(ctx, func(line string) { said = append(said, line) }, SFTP)
	require.NoError(t, err)
	t.Cleanup(func() { removeImage(t, cli, pinned) })
	require.Equal(t, Registry, images[SFTP].Origin)
	require.Equal(t, pinned, images[SFTP].Ref)
	require.NotEmpty(t, said)
}

func TestPinnedIsNeverReplaced(t *testing.T) {
	engine(t)
	refuse := func(t *testing.T, address string) {
		pinned := address + "/rabbitmq:0.0.1"
		t.Setenv("SEATRIAL_IMAGE_RABBITMQ", pinned)
		_, err := Resolve(t.Context(), nil, RabbitMQ)
		require.ErrorIs(t, err, ErrUnavailable)
		require.ErrorContains(t, err, pinned)
		require.ErrorContains(t, err, "SEATRIAL_IMAGE_RABBITMQ")
		require.ErrorContains(t, err, "unset")
	}
	t.Run("no registry", func(t *testing.T) { refuse(t, freeAddress(t)) })
	t.Run("a registry without it", func(t *testing.T) { refuse(t, startRegistry(t).address) })
}

func TestPullThatBreaksOffFallsBack(t *testing.T) {
	cli := engine(t)
	g := startRegistry(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	g.push(ctx, t, cli, g.address+"/atmoz/sftp:debian")

	// The manifest and the image's description are served, the layers are not.
	upstream, err := url.Parse("http://" + g.address)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	blobs := 0
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, "/blobs/") {
			if blobs++; blobs > 1 {
				http.Error(w, "gone", http.StatusNotFound)
				return
			}
		}
		proxy.ServeHTTP(w, request)
	}))
	defer broken.Close()
	t.Setenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", strings.TrimPrefix(broken.URL, "http://"))

	var said strings.Builder
	built, err := newResolver(cli, func(line string) { said.WriteString(line + "\n") }).pullOrBuild(ctx, SFTP)
	require.NoError(t, err)
	require.Greater(t, blobs, 1, "the pull must have been under way")
	require.Equal(t, Built, built.Origin)
	require.Contains(t, said.String(), "cannot be pulled")
	_, here, err := newResolver(cli, nil).inspect(ctx, SFTP, Official(SFTP), Local)
	require.NoError(t, err)
	require.False(t, here, "half an image must not be taken for one")
	require.True(t, strings.HasPrefix(built.Ref, ownNamesWithPrefix), "%s would get the prefix from testcontainers-go", built.Ref)
	t.Cleanup(func() { removeImage(t, cli, built.Ref) })
}

func TestPullGivesUpOnSilence(t *testing.T) {
	cli := engine(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts by its backlog, never answers
	require.NoError(t, err)
	defer listener.Close()
	r := newResolver(cli, nil)
	r.silence = time.Second
	began := time.Now()
	_, err = r.pull(t.Context(), Postgres, listener.Addr().String()+"/postgres:15")
	require.ErrorIs(t, err, errNoAnswer)
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestResolveWithoutAnEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	_, err := Resolve(t.Context(), nil)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "/nonexistent/docker.sock")
	require.ErrorContains(t, err, "make setup")

	t.Setenv("DOCKER_HOST", "nonsense")
	_, err = Resolve(t.Context(), nil)
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "nonsense")
}

func TestResolveRefusesUnknownServices(t *testing.T) {
	_, err := Resolve(t.Context(), nil, Kind("kafka"))
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "kafka")
}

func TestResolveEndsWithItsContext(t *testing.T) {
	engine(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Resolve(ctx, nil)
	require.ErrorIs(t, err, ErrUnavailable)
	require.True(t, errors.Is(err, context.Canceled), "%v", err)
}
