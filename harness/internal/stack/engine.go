package stack

import (
	"context"
	"fmt"

	"github.com/moby/moby/client"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
)

// LeastMemory is how many bytes the engine's machine must have in all. The
// limits of services and roles add up to more; this is what they take together
// while a small workload passes, with something left for the harness.
const LeastMemory = 2 << 30

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
