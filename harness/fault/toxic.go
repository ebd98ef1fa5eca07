package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The toxics of Toxiproxy, each on all connections of the pipeline to a
// service. Stream is Upstream (towards the service) or Downstream. Times count
// in whole milliseconds. A setting with which the toxic would do nothing is
// refused when the fault is prepared.
const (
	Upstream   = "upstream"
	Downstream = "downstream"
)

// Latency delays everything by d, give or take jitter (less than d).
func Latency(service, stream string, d, jitter time.Duration) Fault {
	return toxic{
		kind: "latency", service: service, stream: stream, detail: fmt.Sprintf("%s ± %s", d, jitter),
		attributes: map[string]any{"latency": d.Milliseconds(), "jitter": jitter.Milliseconds()},
		idle:       jitter < 0 || d-jitter < time.Millisecond,
		effect:     slower(d - jitter),
	}.fault()
}

// Bandwidth limits the rate, in kB (1000 bytes) per second.
func Bandwidth(service, stream string, kBPerSecond int) Fault {
	return toxic{
		kind: "bandwidth", service: service, stream: stream, detail: fmt.Sprintf("%d kB/s", kBPerSecond),
		attributes: map[string]any{"rate": kBPerSecond},
		idle:       kBPerSecond < 1,
	}.fault()
}

// SlowClose delays the closing of connections.
func SlowClose(service, stream string, delay time.Duration) Fault {
	return toxic{
		kind: "slow_close", service: service, stream: stream, detail: delay.String(),
		attributes: map[string]any{"delay": delay.Milliseconds()},
		idle:       delay < time.Millisecond,
	}.fault()
}

// Timeout swallows everything and closes the connection after d without any
// bytes; with 0 it stays open until recovery.
func Timeout(service, stream string, d time.Duration) Fault {
	return toxic{
		kind: "timeout", service: service, stream: stream, detail: d.String(),
		attributes: map[string]any{"timeout": d.Milliseconds()},
		idle:       d < 0,
		effect:     broken,
	}.fault()
}

// ResetPeer closes connections after d, once bytes flow; these are lost.
func ResetPeer(service, stream string, d time.Duration) Fault {
	return toxic{
		kind: "reset_peer", service: service, stream: stream, detail: d.String(),
		attributes: map[string]any{"timeout": d.Milliseconds()},
		idle:       d < 0,
		effect:     broken,
	}.fault()
}

// Slicer cuts data into pieces of about size bytes with a delay between them.
func Slicer(service, stream string, size int, delay time.Duration) Fault {
	return toxic{
		kind: "slicer", service: service, stream: stream, detail: fmt.Sprintf("%d bytes every %s", size, delay),
		attributes: map[string]any{"average_size": size, "size_variation": size / 2, "delay": delay.Microseconds()},
		idle:       size < 1 || delay < 0, // Toxiproxy never comes back from slicing into pieces of 0
	}.fault()
}

// LimitData closes a connection after so many bytes; with 0, before any.
func LimitData(service, stream string, bytes int) Fault {
	t := toxic{
		kind: "limit_data", service: service, stream: stream, detail: fmt.Sprintf("%d bytes", bytes),
		attributes: map[string]any{"bytes": bytes},
		idle:       bytes < 0,
	}
	if bytes == 0 {
		t.effect = broken
	}
	return t.fault()
}

// toxic is one setting of one of Toxiproxy's toxics.
type toxic struct {
	kind, service, stream, detail string
	attributes                    map[string]any
	idle                          bool // with these attributes it would do nothing, or harm the proxy itself
	// effect says whether a canary shows what the toxic does; nil where one
	// small exchange does not show it, and only work can.
	effect func(Canary) error
}

func slower(than time.Duration) func(Canary) error {
	return func(c Canary) error {
		if c.Took >= than || c.GaveUp {
			return nil
		}
		return fmt.Errorf("a canary through the proxy: %s; a delay of %s was due", c, than)
	}
}

func broken(c Canary) error {
	if c.Err == "" {
		return fmt.Errorf("a canary through the proxy came back after %s", c.Took.Round(time.Millisecond))
	}
	return nil
}

func (t toxic) fault() Fault {
	return Fault{Name: t.kind, Target: t.service, Detail: t.stream + ", " + t.detail, Lasting: true, Toxic: true,
		Disconnects: slices.Contains([]string{"timeout", "reset_peer", "limit_data"}, t.kind), prepare: t.prepare}
}

func (t toxic) name() string { return "seatrial-" + t.kind + "-" + t.stream }

func (t toxic) prepare(ctx context.Context, world World, service string) (Injection, error) {
	if t.idle || (t.stream != Upstream && t.stream != Downstream) {
		return Injection{}, fmt.Errorf("toxic %s on %s (%s, %s) would have no effect: change its settings", t.kind, service, t.stream, t.detail)
	}
	connections, err := world.Connections(service)
	if err != nil {
		return Injection{}, err
	}
	if has, err := connections.HasToxic(t.name()); err != nil {
		return Injection{}, err
	} else if has {
		return Injection{}, fmt.Errorf("toxic %s is on %s already", t.name(), service)
	}
	if t.effect != nil {
		// What is wrong before the fault must not be taken for its effect; of many
		// canaries on a busy machine one will be in time.
		canary, err := fastest(ctx, connections, 25, t.effect)
		if err != nil {
			return Injection{}, err
		}
		if t.effect(canary) == nil || canary.Err != "" {
			return Injection{}, fmt.Errorf("a canary to %s before the fault: %s: %s could not be told from that", service, canary, t.kind)
		}
	}
	return Injection{
		Undo:   []Undo{{Do: UndoRemoveToxic, Target: service, Args: map[string]string{"name": t.name()}}},
		Inject: func(context.Context) error { return connections.AddToxic(t.name(), t.kind, t.stream, t.attributes) },
		Bites:  func(ctx context.Context) (string, error) { return t.bites(ctx, connections) },
		Healed: func(ctx context.Context) (string, error) { return t.healed(ctx, connections) },
	}, nil
}

func (t toxic) bites(ctx context.Context, connections Connections) (string, error) {
	has, err := connections.HasToxic(t.name())
	if err != nil {
		return "", err
	}
	if !has {
		return "", fmt.Errorf("the proxy knows no toxic %s on %s", t.name(), t.service)
	}
	flights := 1
	if t.kind == "latency" {
		flights = 3 // one may be late for want of a processor: what all of them need is the delay
	}
	canary, err := fastest(ctx, connections, flights, t.effect)
	if err != nil {
		return "", err
	}
	if t.effect != nil {
		if err := t.effect(canary); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("the proxy has it on %s; a canary through it: %s", t.service, canary), nil
}

// fastest flies canaries one after the other, at most so many, until one is
// answered without showing the effect, and returns the one that took least:
// on a busy machine any of them may be late, none is early.
func fastest(ctx context.Context, connections Connections, flights int, effect func(Canary) error) (Canary, error) {
	var best Canary
	for i := range flights {
		canary, err := connections.Canary(ctx)
		if err != nil {
			return Canary{}, err
		}
		if i == 0 || canary.Err == "" && (best.Err != "" || canary.Took < best.Took) {
			best = canary
		}
		if effect != nil && canary.Err == "" && effect(canary) != nil {
			return canary, nil
		}
	}
	return best, nil
}

// healed waits until the toxic is off and a canary is answered: what else was
// done to the service meanwhile must be over too.
func (t toxic) healed(ctx context.Context, connections Connections) (string, error) {
	for {
		has, err := connections.HasToxic(t.name())
		if err != nil {
			return "", err
		}
		if has {
			return "", fmt.Errorf("toxic %s is still on %s", t.name(), t.service)
		}
		canary, err := connections.Canary(ctx)
		if err == nil && canary.Err == "" {
			return fmt.Sprintf("the proxy has no such toxic any more; a canary to %s: %s", t.service, canary), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the toxic is off, a canary to %s is not answered: %s: %w", t.service, canary, errors.Join(ctx.Err(), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
