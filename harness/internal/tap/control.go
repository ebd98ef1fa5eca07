package tap

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

// ControlPort is the port of the proxy's control interface, in its container.
const ControlPort = "8474"

// Attached is the role, in events and for breakpoints, of a pipeline that runs
// on this machine and not in containers: its programs cannot be told apart.
const Attached = "attached"

// Control is the harness's side of the proxy's control interface.
type Control struct {
	base   string // URL, token included
	client *toxiproxy.Client
}

// NewControl returns a control for the proxy whose control port is published
// at address (host:port).
func NewControl(address, token string) *Control {
	base := "http://" + address + "/" + token
	return &Control{base: base, client: toxiproxy.NewClient(base)}
}

// Ready waits until the proxy answers.
func (c *Control) Ready(ctx context.Context) error {
	for {
		_, err := c.client.Proxies()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("proxy does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// AddToxic puts a toxic of Toxiproxy's on a service's connections. Stream is
// "upstream" (towards the service) or "downstream".
func (c *Control) AddToxic(service, name, kind, stream string, attributes map[string]any) error {
	_, err := c.client.AddToxic(&toxiproxy.ToxicOptions{
		ProxyName: service, ToxicName: name, ToxicType: kind, Stream: stream, Toxicity: 1, Attributes: attributes,
	})
	if err != nil {
		return fmt.Errorf("put toxic %s on %s: %w", name, service, err)
	}
	return nil
}

// RemoveToxic takes a toxic off again. A toxic that is not there is no error.
func (c *Control) RemoveToxic(service, name string) error {
	has, err := c.HasToxic(service, name)
	if err != nil || !has {
		return err
	}
	if err := c.client.RemoveToxic(&toxiproxy.ToxicOptions{ProxyName: service, ToxicName: name}); err != nil {
		return fmt.Errorf("take toxic %s off %s: %w", name, service, err)
	}
	return nil
}

// HasToxic says whether a toxic of that name is on the service's connections.
func (c *Control) HasToxic(service, name string) (bool, error) {
	proxy, err := c.client.Proxy(service)
	if err != nil {
		return false, fmt.Errorf("ask the proxy for %s: %w", service, err)
	}
	for _, toxic := range proxy.ActiveToxics {
		if toxic.Name == name {
			return true, nil
		}
	}
	return false, nil
}

// Open reports whether the pipeline's connections to a service are taken.
func (c *Control) Open(service string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answersWithin)
	defer cancel()
	var closed bool
	if err := c.ask(ctx, http.MethodGet, "/closed/"+service, nil, &closed); err != nil {
		return false, err
	}
	return !closed, nil
}

// SetOpen has the pipeline's connections to a service taken, or ends all of
// them at once, with what the proxy holds of them, and refuses new ones.
func (c *Control) SetOpen(service string, open bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), answersWithin)
	defer cancel()
	// Toxiproxy's own listener is behind the gateway, and holds what its toxics do.
	steps := []func() error{
		func() error { return c.tell(ctx, http.MethodPut, "/closed/"+service, !open) },
		func() error { return c.enable(service, open) },
	}
	if open {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Control) enable(service string, open bool) error {
	proxy, err := c.client.Proxy(service)
	if err != nil {
		return fmt.Errorf("ask the proxy for %s: %w", service, err)
	}
	if proxy.Enabled == open {
		return nil
	}
	proxy.Enabled = open
	if err := proxy.Save(); err != nil {
		return fmt.Errorf("open (%t) the proxy's listener for %s: %w", open, service, err)
	}
	return nil
}

// answersWithin bounds what the tap is asked and told at once.
const answersWithin = 10 * time.Second

// Reset takes all toxics off, has all connections taken, lets go of all breakpoints
// and lets ordinals begin at 1.
func (c *Control) Reset() error {
	if err := c.client.ResetState(); err != nil {
		return fmt.Errorf("reset the proxy: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), answersWithin)
	defer cancel()
	return c.ResetWire(ctx)
}
