package trial

import (
	"context"
	"testing"

	"github.com/seatrial/seatrial/harness"
)

// world is what the package's own tests put something else in the place of.
var world = struct {
	short func() bool
	open  func(ctx context.Context, options harness.Options) (stack, error)
}{
	short: testing.Short,
	open: func(ctx context.Context, options harness.Options) (stack, error) {
		h, err := harness.Open(ctx, options)
		if err != nil {
			return nil, err
		}
		return h, nil
	},
}
