package fault

import (
	"context"
	"fmt"
	"time"
)

// The toxics of Toxiproxy, each on all connections of the pipeline to a
// service. Stream is Upstream (towards the service) or Downstream.
const (
	Upstream   = "upstream"
	Downstream = "downstream"
)

// Latency delays everything by d, give or take jitter.
func Latency(service, stream string, d, jitter time.Duration) Fault {
	return toxic("latency", service, stream, fmt.Sprintf("%s ± %s", d, jitter), map[string]any{"latency": d.Milliseconds(), "jitter": jitter.Milliseconds()}, slower(d-jitter))
}

// Bandwidth limits the rate, in KiB per second.
func Bandwidth(service, stream string, kibPerSecond int) Fault {
	return toxic("bandwidth", service, stream, fmt.Sprintf("%d KiB/s", kibPerSecond), map[string]any{"rate": kibPerSecond}, nil)
}

// SlowClose delays the closing of connections.
func SlowClose(service, stream string, delay time.Duration) Fault {
	return toxic("slow_close", service, stream, delay.String(), map[string]any{"delay": delay.Milliseconds()}, nil)
}

// Timeout swallows everything and closes the connection after d; with 0 it
// stays open until recovery.
func Timeout(service, stream string, d time.Duration) Fault {
	return toxic("timeout", service, stream, d.String(), map[string]any{"timeout": d.Milliseconds()}, broken)
}

// ResetPeer closes connections after d, once bytes flow.
func ResetPeer(service, stream string, d time.Duration) Fault {
	return toxic("reset_peer", service, stream, d.String(), map[string]any{"timeout": d.Milliseconds()}, broken)
}

// Slicer cuts data into pieces of about size bytes with a delay between them.
func Slicer(service, stream string, size int, delay time.Duration) Fault {
	return toxic("slicer", service, stream, fmt.Sprintf("%d bytes every %s", size, delay),
		map[string]any{"average_size": size, "size_variation": size / 2, "delay": delay.Microseconds()}, nil)
}

// LimitData closes a connection after so many bytes.
func LimitData(service, stream string, bytes int) Fault {
	return toxic("limit_data", service, stream, fmt.Sprintf("%d bytes", bytes), map[string]any{"bytes": bytes}, nil)
}

// felt says whether a canary shows what a toxic does: nil for toxics that one
// small exchange does not show.
type felt func(Canary) error

func slower(than time.Duration) felt {
	return func(c Canary) error {
		if c.Err == "" && c.Took < than {
			return fmt.Errorf("a canary through the proxy took %s, %s were due", c.Took.Round(time.Millisecond), than)
		}
		return nil
	}
}

func broken(c Canary) error {
	if c.Err == "" {
		return fmt.Errorf("a canary through the proxy came back after %s", c.Took.Round(time.Millisecond))
	}
	return nil
}

func toxic(kind, service, stream, detail string, attributes map[string]any, effect felt) Fault {
	name := "seatrial-" + kind + "-" + stream
	return Fault{Name: kind, Target: service, Detail: stream + ", " + detail, Lasting: true,
		prepare: func(ctx context.Context, world World, service string) (Injection, error) {
			connections, err := world.Connections(service)
			if err != nil {
				return Injection{}, err
			}
			if has, err := connections.HasToxic(name); err != nil {
				return Injection{}, err
			} else if has {
				return Injection{}, fmt.Errorf("toxic %s is on %s already", name, service)
			}
			return Injection{
				Undo:   []Undo{{Do: UndoRemoveToxic, Target: service, Args: map[string]string{"name": name}}},
				Inject: func(ctx context.Context) error { return connections.AddToxic(name, kind, stream, attributes) },
				Bites: func(ctx context.Context) (string, error) {
					has, err := connections.HasToxic(name)
					if err != nil {
						return "", err
					}
					if !has {
						return "", fmt.Errorf("the proxy knows no toxic %s on %s", name, service)
					}
					canary, err := connections.Canary(ctx)
					if err != nil {
						return "", err
					}
					if effect != nil {
						if err := effect(canary); err != nil {
							return "", err
						}
					}
					return fmt.Sprintf("the proxy has it on %s; a canary through it: %s", service, canary), nil
				},
				Healed: func(ctx context.Context) (string, error) {
					has, err := connections.HasToxic(name)
					if err != nil {
						return "", err
					}
					if has {
						return "", fmt.Errorf("toxic %s is still on %s", name, service)
					}
					return "the proxy has no such toxic any more", nil
				},
			}, nil
		}}
}
