package fault

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// leastReceived is how many bytes a container must have been sent before it is
// said to take part: services have answered it and sent it work.
const leastReceived = 8 << 10

// ReplicasDoubled starts a second container beside each of a role's, while the
// run goes on: somebody scaled up, or a deployment left the old one running.
// It bites when the engine has them running and work has come to each.
// Recovery removes them.
func ReplicasDoubled(role string) Fault {
	return Fault{Name: "replicas-doubled", Target: role, Lasting: true, prepare: func(ctx context.Context, world World, role string) (Injection, error) {
		containers, err := running(ctx, world, role)
		if err != nil {
			return Injection{}, err
		}
		names := world.Doubles(role)
		if len(names) == 0 {
			return Injection{}, fmt.Errorf("%s is no role of the pipeline: a service is not doubled", role)
		}
		var undo []Undo
		for _, name := range names {
			undo = append(undo, Undo{Do: UndoRemove, Target: name})
		}
		var added []Container
		return Injection{
			Undo: undo,
			Inject: func(ctx context.Context) (err error) {
				added, err = world.Double(ctx, role)
				return err
			},
			Bites: func(ctx context.Context) (string, error) {
				var seen []string
				for _, c := range added {
					text, err := takesPart(ctx, c)
					if err != nil {
						return "", err
					}
					seen = append(seen, c.Part()+": "+text)
				}
				return strings.Join(seen, "; "), nil
			},
			Healed: func(ctx context.Context) (string, error) {
				for _, c := range added {
					state, err := c.State(ctx)
					if err != nil {
						return "", err
					}
					if state.ID != "" {
						return "", fmt.Errorf("%s is still there (%s)", c.Part(), state.Status)
					}
				}
				proof, err := ready(containers)(ctx)
				return proof + "; the engine knows no second one any more", err
			},
		}, nil
	}}
}

// takesPart waits until a container has been sent more than its connecting brings.
func takesPart(ctx context.Context, c Container) (string, error) {
	for {
		state, err := c.State(ctx)
		if err != nil {
			return "", err
		}
		if !state.Running {
			return "", fmt.Errorf("%s is %s, exit code %d", c.Part(), state.Status, state.ExitCode)
		}
		received, err := c.Received(ctx)
		if err != nil {
			return "", err
		}
		if received >= leastReceived {
			return fmt.Sprintf("runs since %s and has been sent %d kB", clock(state.StartedAt), received/1000), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no work came to %s, only %d bytes: %w", c.Part(), received, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
