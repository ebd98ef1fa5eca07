package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

const (
	dropWithin   = 30 * time.Second
	longestReply = 1 << 16 // of a reply that is read, in bytes
)

// proof returns how a container of the role proves that it is ready; nil where
// that it runs is all that can be seen.
func (r *Ready) proof(env map[string]string) func(context.Context, *stack.Container) (string, error) {
	if r == nil || r.Exits {
		return nil
	}
	fill := func(text string) string {
		return filled(text, func(name string) (string, bool) { value, ok := env[name]; return value, ok })
	}
	switch {
	case r.HTTP != nil:
		return func(ctx context.Context, c *stack.Container) (string, error) {
			_, err := r.HTTP.send(ctx, c, fill)
			return fmt.Sprintf("%s %s answers", r.HTTP.Method, r.HTTP.Path), err
		}
	case r.Log != "":
		return r.logged
	}
	return func(ctx context.Context, c *stack.Container) (string, error) {
		_, err := c.Exec(ctx, "", r.Command...)
		return strings.Join(r.Command, " ") + " ended with 0", err
	}
}

// logged looks at what was printed since the latest start only: what was said
// before it proves nothing.
func (r *Ready) logged(ctx context.Context, c *stack.Container) (string, error) {
	wanted, err := regexp.Compile(r.Log)
	if err != nil {
		return "", fmt.Errorf("the line that says that %s is ready: %w", c.Part(), err)
	}
	said, err := c.SaidSinceStart(ctx)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(said) {
		if wanted.MatchString(line) {
			return fmt.Sprintf("it says %q", strings.TrimSpace(line)), nil
		}
	}
	return "", fmt.Errorf("%s has printed no line that matches %q since it started", c.Part(), r.Log)
}

// send sends the request to a container and returns the reply's body.
func (q *Request) send(ctx context.Context, c *stack.Container, fill func(string) string) (reply string, err error) {
	host, err := c.Address(ctx)
	if err != nil {
		return "", err
	}
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(q.Port)) + fill(q.Path)
	request, err := http.NewRequestWithContext(ctx, q.Method, url, strings.NewReader(fill(q.Body)))
	if err != nil {
		return "", fmt.Errorf("%s %s of %s: %w", q.Method, q.Path, c.Part(), err)
	}
	for name, value := range q.Headers {
		request.Header.Set(name, fill(value))
	}
	answer, err := direct.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s %s of %s: %w", q.Method, q.Path, c.Part(), err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, longestReply))
	if answer.StatusCode != q.Status && (q.Status != 0 || answer.StatusCode/100 != 2) {
		return "", errors.Join(fmt.Errorf("%s %s of %s: status %d: %.300s", q.Method, q.Path, c.Part(), answer.StatusCode, body), err)
	}
	return string(body), err
}

// direct asks containers: no proxy of this machine is in between, and no
// connection outlives an answer.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
