package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/seatrial/seatrial/reports"
)

// app is one call of the command.
type app struct {
	world  world
	stdin  io.Reader // of game days alone
	stdout io.Writer
	stderr io.Writer
	live   *reports.Live // progress, on stderr
	// idle says that the command has begun nothing that would have to be put back.
	idle atomic.Bool
}

func newApp(w world, stdout, stderr io.Writer) *app {
	return &app{world: w, stdin: os.Stdin, stdout: stdout, stderr: stderr, live: reports.NewLive(stderr)}
}

// errInterrupted is the cause of a context that a signal cancelled.
var errInterrupted = errors.New("interrupted")

// execute runs the command line args and returns the exit code. The first
// signal cancels the command's context: it undoes what it did and ends. Each
// further one says what is being waited for.
func (a *app) execute(ctx context.Context, signals <-chan os.Signal, args []string) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := make(chan struct{})
	defer close(over)
	go a.heed(signals, over, cancel)

	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	a.live.Close()
	var exit *exitError
	switch {
	case err == nil:
		return reports.ExitValid
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintf(a.stderr, "seatrial: %v\n", exit.err)
		}
		return exit.code
	case interrupted(ctx):
		fmt.Fprintf(a.stderr, "seatrial: interrupted: %v\n", err)
		return reports.ExitInterrupted
	default:
		fmt.Fprintf(a.stderr, "seatrial: %v\n", err)
		return reports.ExitInfra
	}
}

// heed answers signals until the command is over.
func (a *app) heed(signals <-chan os.Signal, over <-chan struct{}, cancel context.CancelCauseFunc) {
	for times := 1; ; times++ {
		select {
		case <-over:
			return
		case <-signals:
		}
		if times == 1 {
			if !a.idle.Load() {
				a.live.Say("interrupted: putting everything back and cleaning up; once more shows what is being waited for")
			}
			cancel(errInterrupted)
			continue
		}
		doing := cmp.Or(a.live.Doing(), "cleaning up")
		a.live.Say("still waiting for: " + doing + " (if this is killed, seatrial clean finishes it)")
	}
}

// interrupted reports whether a signal ended ctx.
func interrupted(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), errInterrupted)
}

// exitError ends the command with an exit code; without err everything has
// been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// exitWith returns nil for 0, else an error that ends the command quietly
// with code.
func exitWith(code int) error {
	if code == reports.ExitValid {
		return nil
	}
	return &exitError{code: code}
}

// usage returns the error for a command line or a file that is wrong: nothing
// has been started.
func usage(format string, args ...any) error {
	return &exitError{code: reports.ExitUsage, err: fmt.Errorf(format, args...)}
}
