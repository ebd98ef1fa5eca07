package stack

import (
	"context"
	"fmt"
	"os"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// LeastMemory is how many bytes the engine's machine must have in all. The
// limits of services and roles add up to more; this is what they take together
// while a small workload passes, with something left for the harness.
const LeastMemory = 2 << 30

// engine returns a client of the engine that images are looked for on.
// Testcontainers looks further: past a DOCKER_HOST that does not answer it
// takes whatever engine it finds. Nothing may be started on, or removed from,
// an engine that nobody named.
func engine(ctx context.Context) (*testcontainers.DockerClient, error) {
	log.SetDefault(quiet{})
	// The reaper's image is one more thing to have; labels and locks do its work.
	// It is asked for when the first client is made, and never again.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, err
	}
	named, err := image.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer named.Close()
	if os.Getenv("DOCKER_HOST") == "" {
		if err := os.Setenv("DOCKER_HOST", named.DaemonHost()); err != nil {
			return nil, err
		}
	}
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the Docker engine at %s: %w", named.DaemonHost(), err)
	}
	if docker.DaemonHost() != named.DaemonHost() {
		docker.Close()
		return nil, fmt.Errorf("two Docker engines are named, %s and (testcontainers) %s: make tc.host in ~/.testcontainers.properties and DOCKER_HOST agree",
			named.DaemonHost(), docker.DaemonHost())
	}
	return docker, nil
}

// CheckEngine returns an error, cause and remedy in one sentence, where no
// engine answers within seconds or where it cannot carry a stack.
func CheckEngine(ctx context.Context) error {
	docker, err := image.Connect(ctx)
	if err != nil {
		return err
	}
	defer docker.Close()
	got, err := docker.Info(ctx, client.InfoOptions{})
	if err != nil {
		return fmt.Errorf("ask the Docker engine at %s what it has: %w", docker.DaemonHost(), err)
	}
	return enoughMemory(got.Info.MemTotal)
}

// enoughMemory judges the memory of an engine's machine, in bytes. One that
// does not say (0) is given the benefit of the doubt.
func enoughMemory(total int64) error {
	if total <= 0 || total >= LeastMemory {
		return nil
	}
	const gib = 1 << 30
	return fmt.Errorf("the Docker engine's machine has %.1f GiB of memory and the services need %.1f GiB: give it more, or point DOCKER_HOST at another",
		float64(total)/gib, float64(LeastMemory)/gib)
}
