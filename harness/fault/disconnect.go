package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Disconnect takes the containers off their networks: a silent partition.
// Connections stay open and nothing comes through any more. It bites when the
// engine has them on no network and, for a service, a canary through the proxy
// is not answered. Recovery puts them back under their names.
func Disconnect(target string) Fault {
	return Fault{Name: "disconnect", Target: target, Disconnects: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		before := map[string][]string{}
		for _, c := range containers {
			if before[c.Part()], err = c.Networks(ctx); err != nil {
				return Injection{}, err
			}
			if len(before[c.Part()]) == 0 {
				return Injection{}, fmt.Errorf("%s is on no network before the fault: there is nothing to cut", c.Part())
			}
		}
		connections, err := world.Connections(target)
		if err != nil {
			connections = nil // a role: nobody connects to it
		}
		return Injection{
			Undo: undoEach(containers, UndoConnect),
			Inject: func(ctx context.Context) error {
				return each(ctx, containers, func(ctx context.Context, c Container) error { return c.Disconnect(ctx) })
			},
			Bites: func(ctx context.Context) (string, error) {
				seen, err := eachNetworks(ctx, containers, func(_ Container, on []string) error {
					if len(on) > 0 {
						return fmt.Errorf("is still on %s", strings.Join(on, ", "))
					}
					return nil
				})
				if err != nil || connections == nil {
					return seen, err
				}
				canary, err := connections.Canary(ctx)
				if err != nil {
					return "", err
				}
				if canary.Err == "" {
					return "", fmt.Errorf("%s, but a canary to %s %s", seen, target, canary)
				}
				return fmt.Sprintf("%s; a canary through the proxy: %s", seen, canary), nil
			},
			Healed: func(ctx context.Context) (string, error) {
				back, err := eachNetworks(ctx, containers, func(c Container, on []string) error {
					if !slices.Equal(on, before[c.Part()]) {
						return fmt.Errorf("is on %s, before that on %s", strings.Join(on, ", "), strings.Join(before[c.Part()], ", "))
					}
					return nil
				})
				if err != nil {
					return "", err
				}
				proof, err := ready(containers)(ctx)
				if err != nil || connections == nil {
					return proof + "; " + back, err
				}
				canary, err := answered(ctx, connections)
				return fmt.Sprintf("%s; %s; a canary through the proxy: %s", proof, back, canary), err
			},
		}, nil
	}}
}

// eachNetworks asks the engine which networks each container is on.
func eachNetworks(ctx context.Context, containers []Container, judge func(Container, []string) error) (string, error) {
	var seen []string
	for _, c := range containers {
		on, err := c.Networks(ctx)
		if err != nil {
			return "", err
		}
		if err := judge(c, on); err != nil {
			return "", fmt.Errorf("%s: %w", c.Part(), err)
		}
		text := "on no network"
		if len(on) > 0 {
			text = fmt.Sprintf("on %d of its networks", len(on))
		}
		seen = append(seen, c.Part()+": "+text)
	}
	return strings.Join(seen, "; "), nil
}

// answered waits until a canary is.
func answered(ctx context.Context, connections Connections) (Canary, error) {
	for {
		canary, err := connections.Canary(ctx)
		if err == nil && canary.Err == "" {
			return canary, nil
		}
		select {
		case <-ctx.Done():
			return canary, fmt.Errorf("a canary is not answered: %s: %w", canary, errors.Join(ctx.Err(), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
