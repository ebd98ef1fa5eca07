package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// hogPath is where the program that takes memory is put in a container.
const hogPath = "/seatrial-hog"

// OOMKill has the kernel's out-of-memory killer end the main process: memory
// is taken inside the container until its limit is reached, with process 1
// marked as the first choice. It bites if the engine reports OOMKilled and
// exit code 137. Recovery starts the same container.
func OOMKill(target string) Fault {
	return Fault{Name: "oom-kill", Target: target, Disconnects: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		for _, c := range containers {
			if c.MemoryLimit() == 0 {
				return Injection{}, fmt.Errorf("%s has no memory limit: an OOM kill would hit the machine; give it one", c.Part())
			}
		}
		hog, err := world.Hog(ctx)
		if err != nil {
			return Injection{}, err
		}
		return Injection{
			Undo: undoEach(containers, UndoStart),
			Inject: func(ctx context.Context) error {
				return each(ctx, containers, func(ctx context.Context, c Container) error {
					if err := c.StayDown(ctx); err != nil {
						return err
					}
					return fill(ctx, c, hog)
				})
			},
			Bites: func(ctx context.Context) (string, error) {
				return eachState(ctx, containers, func(state State) (string, error) {
					if state.Running || !state.OOMKilled || state.ExitCode != 137 {
						return "", fmt.Errorf("is %s, OOMKilled=%t, exit code %d", state.Status, state.OOMKilled, state.ExitCode)
					}
					return "OOMKilled=true, exit code 137", nil
				})
			},
			Healed: ready(containers),
		}, nil
	}}
}

// fill takes memory in the container until it is down.
func fill(ctx context.Context, c Container, hog []byte) error {
	if err := c.CopyIn(ctx, hogPath, 0o755, hog); err != nil {
		return err
	}
	most := c.MemoryLimit() + c.MemoryLimit()/4
	// The program dies with the container: how the exec ends says nothing.
	output, execErr := c.Exec(ctx, "0:0", hogPath, strconv.FormatInt(most, 10))
	deadline, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		state, err := c.State(deadline)
		if err != nil {
			return errors.Join(err, execErr)
		}
		if !state.Running {
			return nil
		}
		select {
		case <-deadline.Done():
			return fmt.Errorf("%s outlived its memory being taken (%s): %w", c.Part(), output, errors.Join(execErr, deadline.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}
