package fault

import (
	"context"
	"fmt"
	"strings"
)

// Recreate removes the container with its own disk; recovery creates it anew
// from its image. Named volumes survive, as they do when an orchestrator
// replaces a container.
func Recreate(target string) Fault { return recreate("recreate", target, false) }

// RecreateWiped is Recreate, named volumes included: everything that the
// container ever stored is gone.
func RecreateWiped(target string) Fault {
	fault := recreate("recreate-wiped", target, true)
	fault.Destroys = "everything stored by " + target
	return fault
}

func recreate(name, target string, volumes bool) Fault {
	return Fault{Name: name, Target: target, Disconnects: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		before := map[string]string{}
		for _, c := range containers {
			state, err := c.State(ctx)
			if err != nil {
				return Injection{}, err
			}
			before[c.Part()] = state.ID
		}
		return Injection{
			Undo: undoEach(containers, UndoCreate),
			Inject: func(ctx context.Context) error {
				return each(ctx, containers, func(ctx context.Context, c Container) error { return c.Remove(ctx, volumes) })
			},
			Bites: func(ctx context.Context) (string, error) {
				return eachState(ctx, containers, func(state State) (string, error) {
					if state.ID != "" {
						return "", fmt.Errorf("container %.12s is still there (%s)", state.ID, state.Status)
					}
					return "the engine knows no such container any more, its disk is gone", nil
				})
			},
			Healed: func(ctx context.Context) (string, error) {
				proof, err := ready(containers)(ctx)
				if err != nil {
					return "", err
				}
				seen := []string{proof}
				for _, c := range containers {
					state, err := c.State(ctx)
					if err != nil {
						return "", err
					}
					if state.ID == before[c.Part()] {
						return "", fmt.Errorf("%s is the same container as before", c.Part())
					}
					seen = append(seen, fmt.Sprintf("%s: container %.12s in place of %.12s", c.Part(), state.ID, before[c.Part()]))
				}
				return strings.Join(seen, "; "), nil
			},
		}, nil
	}}
}
