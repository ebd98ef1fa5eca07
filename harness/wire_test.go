package harness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What could not be written is not waited for until the deadline.
func TestCatchUpEndsWithTheWriting(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), caughtUpWithin)
	defer cancel()
	c := &crossing{done: make(chan struct{}), last: 3}
	c.catchUp(ctx, 3)
	close(c.done)
	c.catchUp(ctx, 4)
	require.NoError(t, ctx.Err())

	late, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	(&crossing{done: make(chan struct{})}).catchUp(late, 1)
	require.Error(t, late.Err())
}
