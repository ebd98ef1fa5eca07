package fault

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// log is what a container prints from some moment on.
type log struct {
	of    Container
	lines int // that were there before
}

// logOf marks how far a container's log is. Lines are counted: clocks differ,
// and one moment may hold several lines.
func logOf(ctx context.Context, c Container) (*log, error) {
	said, err := c.Said(ctx)
	if err != nil {
		return nil, err
	}
	return &log{of: c, lines: strings.Count(said, "\n")}, nil
}

// says waits for a new line that is meant, and returns it; meant is shown the
// line and those after it.
func (l *log) says(ctx context.Context, meant func(lines []string) bool) (string, error) {
	for {
		said, err := l.of.Said(ctx)
		if err != nil {
			return "", err
		}
		lines := strings.Split(said, "\n")
		for i := min(l.lines, len(lines)); i < len(lines); i++ {
			if meant(lines[i:]) {
				return strings.TrimSpace(lines[i]), nil
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the log of %s has no such line: %w", l.of.Part(), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
