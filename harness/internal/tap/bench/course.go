package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/internal/tap/relay"
	"github.com/seatrial/seatrial/harness/internal/tap/toxic"
)

// course is all ways to one service, open.
type course struct {
	urls    map[Way]string
	ctx     context.Context // ends, with the cause, when anything on a way breaks
	cancel  context.CancelFunc
	serving *errgroup.Group
	toxics  []*toxiproxy.ApiServer
}

// open opens all ways. The caller must close them.
func open(ctx context.Context, work Work) (*course, error) {
	service, err := url.Parse(work.URL)
	if err != nil {
		return nil, fmt.Errorf("the address for %s is no URL", work.Name) // err would show the password
	}
	c := &course{urls: map[Way]string{}}
	ctx, c.cancel = context.WithCancel(ctx)
	c.serving, c.ctx = errgroup.WithContext(ctx)
	if err := c.open(work.Service, *service); err != nil {
		return nil, errors.Join(fmt.Errorf("open the ways to %s: %w", work.Service, err), c.close())
	}
	return c, nil
}

func (c *course) open(service string, at url.URL) error {
	upstream := at.Host
	to := func(way Way, address string) {
		at.Host = address
		c.urls[way] = at.String()
	}
	to(Direct, upstream)
	plain, err := c.plain(service, upstream)
	if err != nil {
		return err
	}
	to(Toxiproxy, plain)
	address, _, err := c.tap(service, upstream)
	if err != nil {
		return err
	}
	to(TapToxiproxy, address)
	address, control, err := c.tap(service, upstream)
	if err != nil {
		return err
	}
	to(Tap, address)
	return control.Direct(c.ctx, service)
}

// plain opens Toxiproxy's own way, and returns its address.
func (c *course) plain(service, upstream string) (string, error) {
	server := toxic.NewServer(zerolog.Nop())
	c.toxics = append(c.toxics, server)
	proxy := toxiproxy.NewProxy(server, service, "127.0.0.1:0", upstream)
	if err := server.Collection.Add(proxy, true); err != nil {
		return "", fmt.Errorf("have Toxiproxy listen: %w", err)
	}
	return proxy.Listen, nil
}

// tap opens a way as the proxy of a stack does, with a control interface and a
// reader of its events, and returns its address.
func (c *course) tap(service, upstream string) (string, *tap.Control, error) {
	server := toxic.NewServer(zerolog.Nop())
	c.toxics = append(c.toxics, server)
	route, _, err := toxic.Route(server, service, upstream)
	if err != nil {
		return "", nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("have the tap listen: %w", err)
	}
	wire := relay.New("")
	c.serving.Go(func() error { return wire.Serve(c.ctx, listener, route) })
	control, err := c.control(wire)
	if err != nil {
		return "", nil, err
	}
	// Else the network is asked who 127.0.0.1 is, at every connection.
	if err := control.Roles(c.ctx, map[string]string{"127.0.0.1": "bench"}); err != nil {
		return "", nil, err
	}
	// As in a run: the tap looks for records.
	if err := control.Keys(c.ctx, boundary.KeyPattern{Prefix: keyPrefix, Length: len(key)}); err != nil {
		return "", nil, err
	}
	c.serving.Go(func() error {
		for _, err := range control.Events(c.ctx, 0) {
			if c.ctx.Err() != nil {
				return nil
			}
			// Of a Gap, too: a tap whose events nobody reads is not what is measured.
			if err != nil {
				return err
			}
		}
		return nil
	})
	return listener.Addr().String(), control, nil
}

// control serves a tap's control interface on a port of its own.
func (c *course) control(wire *relay.Tap) (*tap.Control, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("have the tap's control interface listen: %w", err)
	}
	token := rand.Text()
	answers := http.NewServeMux()
	answers.Handle("/"+token+tap.WirePath+"/", http.StripPrefix("/"+token+tap.WirePath, wire.Control()))
	server := &http.Server{Handler: answers, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(c.ctx, func() { server.Close() })
	c.serving.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve the tap's control interface: %w", err)
		}
		return nil
	})
	return tap.NewControl(listener.Addr().String(), token), nil
}

// close closes all ways and returns what broke on one, if that was before.
func (c *course) close() error {
	c.cancel()
	err := c.serving.Wait()
	for _, server := range c.toxics {
		if ending := server.Collection.Clear(); ending != nil {
			err = errors.Join(err, fmt.Errorf("end Toxiproxy: %w", ending))
		}
	}
	return err
}
