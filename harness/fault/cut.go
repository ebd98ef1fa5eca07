package fault

import (
	"context"
	"fmt"
	"time"
)

// UndoCut takes connections to service (target) again.
const UndoCut = "take-connections"

// Cut closes all of the pipeline's connections to a service at once, with what
// is under way in the proxy at that moment, and refuses new ones until it is
// taken back. A reply that a Latency downstream still holds never arrives: its
// effect is there, and the pipeline does not know.
func Cut(service string) Fault {
	return Fault{Name: "cut", Target: service, Disconnects: true, prepare: func(ctx context.Context, world World, service string) (Injection, error) {
		connections, err := world.Connections(service)
		if err != nil {
			return Injection{}, err
		}
		if open, err := connections.Open(); err != nil {
			return Injection{}, err
		} else if !open {
			return Injection{}, fmt.Errorf("connections to %s are cut already: there is nothing to break", service)
		}
		return Injection{
			Undo:   []Undo{{Do: UndoCut, Target: service}},
			Inject: func(context.Context) error { return connections.SetOpen(false) },
			Bites: func(ctx context.Context) (string, error) {
				canary, err := connections.Canary(ctx)
				if err != nil {
					return "", err
				}
				if err := broken(canary); err != nil {
					return "", err
				}
				return "the proxy closed every connection to " + service + "; a canary: " + canary.String(), nil
			},
			Healed: func(ctx context.Context) (string, error) {
				for {
					canary, err := connections.Canary(ctx)
					if err == nil && canary.Err == "" {
						return "connections to " + service + " are taken again; a canary: " + canary.String(), nil
					}
					select {
					case <-ctx.Done():
						return "", fmt.Errorf("a canary to %s: %s: %w", service, canary, ctx.Err())
					case <-time.After(50 * time.Millisecond):
					}
				}
			},
		}, nil
	}}
}
