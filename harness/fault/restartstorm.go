package fault

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// RestartStorm stops and starts the containers so many times in a row, as an
// orchestrator does that is told "apply" again and again; nobody waits until
// they are ready. It bites if the engine showed another start each time; there
// is nothing to take back.
func RestartStorm(target string, times int) Fault {
	return Fault{Name: "restart-storm", Target: target, Disconnects: true, Detail: fmt.Sprintf("%d restarts", times),
		prepare: func(ctx context.Context, world World, target string) (Injection, error) {
			if times < 2 {
				return Injection{}, fmt.Errorf("%d restarts of %s are no storm: take 2 or more", times, target)
			}
			containers, err := running(ctx, world, target)
			if err != nil {
				return Injection{}, err
			}
			starts := map[string][]time.Time{}
			return Injection{
				Undo: undoEach(containers, UndoStart),
				Inject: func(ctx context.Context) error {
					for range times {
						err := each(ctx, containers, func(ctx context.Context, c Container) error {
							started, err := restart(ctx, c)
							starts[c.Part()] = append(starts[c.Part()], started)
							return err
						})
						if err != nil {
							return err
						}
					}
					return nil
				},
				Bites: func(context.Context) (string, error) {
					var seen []string
					for _, c := range containers {
						text, err := storm(starts[c.Part()], times)
						if err != nil {
							return "", fmt.Errorf("%s: %w", c.Part(), err)
						}
						seen = append(seen, c.Part()+": "+text)
					}
					return strings.Join(seen, "; "), nil
				},
				Healed: ready(containers),
			}, nil
		}}
}

// restart returns when the engine says that the container was started.
func restart(ctx context.Context, c Container) (time.Time, error) {
	if err := c.Stop(ctx, time.Second); err != nil {
		return time.Time{}, err
	}
	if err := c.Start(ctx); err != nil {
		return time.Time{}, err
	}
	state, err := c.State(ctx)
	return state.StartedAt, err
}

func storm(starts []time.Time, times int) (string, error) {
	var texts []string
	for i, start := range starts {
		if i > 0 && !start.After(starts[i-1]) {
			return "", fmt.Errorf("restart %d changed nothing: it runs since %s", i+1, clock(start))
		}
		texts = append(texts, clock(start))
	}
	if len(starts) < times {
		return "", fmt.Errorf("restarted %d times of %d", len(starts), times)
	}
	return "started " + strings.Join(texts, ", "), nil
}
