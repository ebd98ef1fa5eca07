package image

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/client"
)

// answerWithin is how long an engine may take to answer a ping: one that needs longer cannot run a stack.
const answerWithin = 5 * time.Second

// Connect returns a client of the Docker engine named by DOCKER_HOST, else of the first socket found in its usual places.
// It fails, with what to do, where no engine answers within 5 s. The caller closes the client.
func Connect(ctx context.Context) (*client.Client, error) {
	options := []client.Opt{client.FromEnv}
	if os.Getenv("DOCKER_HOST") == "" {
		if socket := findSocket(); socket != "" {
			options = append(options, client.WithHost("unix://"+socket))
		}
	}
	cli, err := client.New(options...)
	if err != nil {
		return nil, noEngine("DOCKER_HOST=%s is no address of a Docker engine (%w): correct or unset it", os.Getenv("DOCKER_HOST"), err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if _, err := cli.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		host := cli.DaemonHost()
		cli.Close()
		return nil, noEngine("no Docker engine answers at %s (%w): start one (`make setup` in seatrial's own folder does), or point DOCKER_HOST at another", host, err)
	}
	return cli, nil
}

// engineError wraps ErrUnavailable, as all errors here do, without its words: it is not the image that is missing.
type engineError struct{ error }

func (e engineError) Unwrap() []error { return []error{ErrUnavailable, e.error} }

func noEngine(format string, args ...any) error { return engineError{fmt.Errorf(format, args...)} }

// findSocket looks where rootful and rootless engines put their socket; empty leaves it to the client's default.
func findSocket() string {
	home, _ := os.UserHomeDir()
	for _, path := range []string{
		"/var/run/docker.sock",
		filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "docker.sock"),
		fmt.Sprintf("/run/user/%d/docker.sock", os.Getuid()),
		filepath.Join(home, ".docker", "run", "docker.sock"),
	} {
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			return path
		}
	}
	return ""
}
