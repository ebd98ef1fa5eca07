package fault

import (
	"context"
	"fmt"
	"time"
)

// Hold breaks nothing by itself: at a breakpoint, what is held stays held for
// d, at least. With a drop after it, it is a cut.
func Hold(target string, d time.Duration) Fault {
	return Fault{Name: "hold", Target: target, Detail: d.String(), Holds: true, HoldsFor: d, prepare: func(context.Context, World, string) (Injection, error) {
		return Injection{
			Inject: func(context.Context) error { return nil },
			Bites: func(ctx context.Context) (string, error) {
				select {
				case <-ctx.Done():
					return "", ctx.Err()
				case <-time.After(d):
					return fmt.Sprintf("kept back for %s", d), nil
				}
			},
			Healed: func(context.Context) (string, error) { return "nothing to heal", nil },
		}, nil
	}}
}
