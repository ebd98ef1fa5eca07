package gameday

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// ControlFile says, in the folder of a run, where its game day takes commands
// beside the terminal, while it goes on.
const ControlFile = "control.json"

// Control is how another process of the same user, the page of seatrial serve,
// takes part in a game day: what it may say is what can be said at the desk.
type Control struct {
	Address string `json:"address"` // 127.0.0.1:PORT
	Token   string `json:"token"`   // whoever has it may say everything
}

const (
	controlBytes = 4 << 10 // of the file, and of a line
	answerBytes  = 1 << 20
	answerWithin = 10 * time.Second // to a command: it is on disk then
)

// ErrUnattended says that no game day listens: it is over, or its process died.
var ErrUnattended = errors.New("no game day listens")

// Refused is what the desk says to a command that it does not carry out.
type Refused struct{ Why string }

func (r *Refused) Error() string { return r.Why }

// Standing is what those at the desk see and the timeline does not tell.
type Standing struct {
	Asked  string  `json:"asked"`  // the question that is open; empty: none
	Probes []Probe `json:"probes"` // what conditions last saw
}

// Probe is what a condition last saw.
type Probe struct {
	Kind   Kind   `json:"kind"` // Probed or Alerted
	Name   string `json:"name"` // the condition
	Status string `json:"status"`
	Seen   string `json:"seen"`
}

// ReadControl reads an opened ControlFile. An error wraps ErrUnattended where the
// process that wrote it is gone: it held a lock on the file, so that nobody is asked
// whom a stale one, or one from elsewhere, names.
func ReadControl(file *os.File) (Control, error) {
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		return Control{}, fmt.Errorf("%w: nobody holds %s", ErrUnattended, ControlFile)
	}
	raw, err := io.ReadAll(io.LimitReader(file, controlBytes))
	if err != nil {
		return Control{}, fmt.Errorf("read %s: %w", ControlFile, err)
	}
	var c Control
	if err := json.Unmarshal(raw, &c); err != nil {
		return Control{}, fmt.Errorf("read %s: %w", ControlFile, err)
	}
	at, err := netip.ParseAddrPort(c.Address)
	if err != nil || at.Addr() != netip.AddrFrom4([4]byte{127, 0, 0, 1}) || at.Port() == 0 {
		return Control{}, fmt.Errorf("%s names %q: only 127.0.0.1 is ever asked", ControlFile, c.Address)
	}
	if c.Token == "" {
		return Control{}, fmt.Errorf("%s has no token", ControlFile)
	}
	return c, nil
}

// controlClient asks this machine only: by no proxy, and wherever an answer points.
var controlClient = &http.Client{
	Timeout:       answerWithin,
	Transport:     &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{}).DialContext},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// reply is what the desk says to a line.
type reply struct {
	Answer string `json:"answer"`
	Error  string `json:"error"`
}

// Say says a line as it would be said at the desk, and returns its answer. The error
// is a *Refused where the desk heard it and does not carry it out.
func (c Control) Say(ctx context.Context, line string) (answer string, err error) {
	var r reply
	if err := c.ask(ctx, http.MethodPost, "/say", line, &r); err != nil {
		return "", err
	}
	if r.Error != "" {
		return "", &Refused{r.Error}
	}
	return r.Answer, nil
}

// Standing returns what the desk sees now.
func (c Control) Standing(ctx context.Context) (Standing, error) {
	var s Standing
	return s, c.ask(ctx, http.MethodGet, "/standing", "", &s)
}

func (c Control) ask(ctx context.Context, method, path, body string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return fmt.Errorf("ask the game day: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Token)
	answer, err := controlClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask the game day: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the game day: it answers %s", answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, answerBytes)).Decode(into); err != nil {
		return fmt.Errorf("ask the game day: its answer: %w", err)
	}
	return nil
}
