package fault

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Kill sends SIGKILL to the main process. Recovery starts the same container.
func Kill(target string) Fault {
	return Fault{Name: "kill", Target: target, Disconnects: true, prepare: down(func(ctx context.Context, c Container) error { return c.Kill(ctx) }, func(state State) error {
		if state.ExitCode != 137 {
			return fmt.Errorf("exit code is %d, a killed process has 137", state.ExitCode)
		}
		return nil
	})}
}

// Stop sends SIGTERM and, after grace (whole seconds, rounded up), SIGKILL.
// Recovery starts the same container.
func Stop(target string, grace time.Duration) Fault {
	return Fault{Name: "stop", Target: target, Disconnects: true, Detail: "grace " + grace.String(),
		prepare: down(func(ctx context.Context, c Container) error { return c.Stop(ctx, grace) }, nil)}
}

// down is the life of a fault that ends the main process.
func down(end func(context.Context, Container) error, proof func(State) error) func(context.Context, World, string) (Injection, error) {
	return func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		return Injection{
			Undo:   undoEach(containers, UndoStart),
			Inject: func(ctx context.Context) error { return each(ctx, containers, end) },
			Bites: func(ctx context.Context) (string, error) {
				return eachState(ctx, containers, func(state State) (string, error) {
					if state.Running {
						return "", fmt.Errorf("still runs")
					}
					if proof != nil {
						if err := proof(state); err != nil {
							return "", err
						}
					}
					return fmt.Sprintf("%s, exit code %d", state.Status, state.ExitCode), nil
				})
			},
			Healed: ready(containers),
		}, nil
	}
}

// Restart stops and starts the container in one go. It bites if the process is
// another one afterwards; there is nothing to take back.
func Restart(target string, grace time.Duration) Fault {
	return Fault{Name: "restart", Target: target, Disconnects: true, Detail: "grace " + grace.String(),
		prepare: func(ctx context.Context, world World, target string) (Injection, error) {
			containers, err := running(ctx, world, target)
			if err != nil {
				return Injection{}, err
			}
			before := map[string]time.Time{}
			for _, c := range containers {
				state, err := c.State(ctx)
				if err != nil {
					return Injection{}, err
				}
				before[c.Part()] = state.StartedAt
			}
			return Injection{
				Undo: undoEach(containers, UndoStart),
				Inject: func(ctx context.Context) error {
					return each(ctx, containers, func(ctx context.Context, c Container) error {
						if err := c.Stop(ctx, grace); err != nil {
							return err
						}
						return c.Start(ctx)
					})
				},
				Bites: func(ctx context.Context) (string, error) {
					var seen []string
					for _, c := range containers {
						state, err := c.State(ctx)
						if err != nil {
							return "", err
						}
						if !state.StartedAt.After(before[c.Part()]) {
							return "", fmt.Errorf("%s runs since %s, as before", c.Part(), state.StartedAt)
						}
						seen = append(seen, fmt.Sprintf("%s: started %s, before that %s", c.Part(), clock(state.StartedAt), clock(before[c.Part()])))
					}
					return strings.Join(seen, "; "), nil
				},
				Healed: ready(containers),
			}, nil
		}}
}

// Pause freezes all processes of the container; connections stay open and
// nobody answers. Recovery lets them go on.
func Pause(target string) Fault {
	return Fault{Name: "pause", Target: target, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		return Injection{
			Undo: undoEach(containers, UndoUnpause),
			Inject: func(ctx context.Context) error {
				return each(ctx, containers, func(ctx context.Context, c Container) error { return c.Pause(ctx) })
			},
			Bites: func(ctx context.Context) (string, error) {
				return eachState(ctx, containers, func(state State) (string, error) {
					if !state.Paused {
						return "", fmt.Errorf("is %s", state.Status)
					}
					return "paused", nil
				})
			},
			Healed: ready(containers),
		}, nil
	}}
}

// running returns the target's containers and an error if one does not run: a
// fault that finds its target down already would prove nothing.
func running(ctx context.Context, world World, target string) ([]Container, error) {
	containers, err := world.Containers(target)
	if err != nil {
		return nil, err
	}
	for _, c := range containers {
		state, err := c.State(ctx)
		if err != nil {
			return nil, err
		}
		if !state.Running || state.Paused {
			return nil, fmt.Errorf("%s is %s before the fault: there is nothing to break", c.Part(), state.Status)
		}
	}
	return containers, nil
}

func undoEach(containers []Container, do string) []Undo {
	var undo []Undo
	for _, c := range containers {
		undo = append(undo, Undo{Do: do, Target: c.Part()})
	}
	return undo
}

func each(ctx context.Context, containers []Container, do func(context.Context, Container) error) error {
	for _, c := range containers {
		if err := do(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func eachState(ctx context.Context, containers []Container, judge func(State) (string, error)) (string, error) {
	var seen []string
	for _, c := range containers {
		state, err := c.State(ctx)
		if err != nil {
			return "", err
		}
		text, err := judge(state)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.Part(), err)
		}
		seen = append(seen, c.Part()+": "+text)
	}
	return strings.Join(seen, "; "), nil
}

func ready(containers []Container) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		var seen []string
		for _, c := range containers {
			proof, err := c.Ready(ctx)
			if err != nil {
				return "", err
			}
			seen = append(seen, c.Part()+": "+proof)
		}
		return strings.Join(seen, "; "), nil
	}
}

// clock is how moments are written in evidence.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }
