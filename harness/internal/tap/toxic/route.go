// Package toxic is Toxiproxy behind the tap: the links that its toxics sit on,
// and those of its toxics that had to be made anew.
package toxic

import (
	"fmt"
	"io"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/seatrial/seatrial/harness/internal/tap/relay"
)

// NewServer returns a Toxiproxy without proxies, of which nobody collects metrics.
func NewServer(log zerolog.Logger) *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), log)
}

// protocols by service; bytes of any other are passed unread.
var protocols = map[string]string{
	"rabbitmq":      "amqp",
	"rabbitmq-next": "amqp",
	"postgres":      "postgres",
	"elasticsearch": "http",
}

// Route returns the tap's route to the service at upstream (host:port) with
// Toxiproxy's links in both directions. What is put on the proxy, which bears
// the service's name in server, acts on the route's connections, too; the proxy
// itself listens on the loopback interface, past the tap.
func Route(server *toxiproxy.ApiServer, service, upstream string) (relay.Route, *toxiproxy.Proxy, error) {
	proxy := toxiproxy.NewProxy(server, service, "127.0.0.1:0", upstream)
	if err := server.Collection.Add(proxy, true); err != nil {
		return relay.Route{}, nil, fmt.Errorf("have Toxiproxy listen for %s: %w", service, err)
	}
	link := func(direction stream.Direction) relay.Link {
		return func(name string, source io.Reader, dest io.WriteCloser) {
			proxy.Toxics.StartLink(server, name, source, dest, direction)
		}
	}
	return relay.Route{
		Service: service, Protocol: protocols[service], Upstream: upstream,
		Up: link(stream.Upstream), Down: link(stream.Downstream),
		Reset: func() bool { return resets(proxy) },
	}, proxy, nil
}
