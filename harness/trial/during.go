package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

// leftToClean is how long before go test's own timeout, which kills, a run is
// ended: to put back what it broke, to write its report, to remove the services.
const leftToClean = 30 * time.Second

var (
	errInterrupted = errors.New("interrupted by a signal")
	errTimeout     = fmt.Errorf("the -timeout of go test came within %s: give it more, as in go test -timeout 30m", leftToClean)
)

// interrupts ends with the first Ctrl-C; the second one kills, as always.
var interrupts = sync.OnceValue(func() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
})

// during returns the context of what is done for a test. It ends with the test,
// with Ctrl-C and shortly before go test's timeout; its cause says which.
func during(t testing.TB) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(t.Context())
	signalled := interrupts()
	if signalled.Err() != nil {
		cancel(errInterrupted)
	}
	forget := context.AfterFunc(signalled, func() { cancel(errInterrupted) })
	stop := func() { forget(); cancel(nil) }
	limited, ok := t.(interface{ Deadline() (time.Time, bool) })
	if !ok {
		return ctx, stop
	}
	deadline, ok := limited.Deadline()
	if !ok {
		return ctx, stop
	}
	ctx, release := context.WithDeadlineCause(ctx, deadline.Add(-leftToClean), errTimeout)
	return ctx, func() { release(); stop() }
}
