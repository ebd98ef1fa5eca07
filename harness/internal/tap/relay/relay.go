package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seatrial/seatrial/harness/internal/tap/reader"
)

// Link starts toxics between source and dest. It returns at once.
type Link func(name string, source io.Reader, dest io.WriteCloser)

// Route is one service.
type Route struct {
	Service  string
	Protocol string // amqp, postgres, http, or "" for bytes that nobody reads
	Upstream string // host:port, looked up for every connection
	// Client is the name of whoever connects, as of a container; empty: the
	// network is asked for it.
	Client string
	// Up and Down are the toxics of either direction; nil: there never are any.
	Up, Down Link
	// Reset says whether connections are to end abruptly, as it stands when one
	// begins; nil: never.
	Reset func() bool
	// Gateway takes connections instead of a reader: it ends one protocol that
	// cannot be read from outside, and begins it anew. Nil: none.
	Gateway *Gateway
}

// GarbagePercent is what a process with a tap in it gives debug.SetGCPercent:
// much is read and little kept, so that collecting garbage less often is worth
// the memory.
const GarbagePercent = 400

// Tap is all routes with one numbering of events.
type Tap struct {
	hub    *hub
	roles  roles
	keys   reader.Keys
	conns  atomic.Int64
	lookup func(ctx context.Context, address string) string

	mu     sync.Mutex
	open   map[int64]*conn
	direct map[string]bool // services without toxics
	closed map[string]bool // services to which no connections are taken
	// clients are the pipeline's ends of all connections, by service.
	clients map[net.Conn]string
}

// New returns a tap without routes. Where it was not told whose connection one
// is, the role is the container's name without prefix.
func New(prefix string) *Tap {
	return &Tap{hub: newHub(), roles: roles{prefix: prefix}, lookup: named, open: map[int64]*conn{}, direct: map[string]bool{}, closed: map[string]bool{}, clients: map[net.Conn]string{}}
}

const (
	// dialWithin bounds the connection to a service.
	dialWithin = 5 * time.Second
	// acceptAgain is how long no connections are taken where there is no room for one.
	acceptAgain = 50 * time.Millisecond
)

// Serve takes connections for a route until the listener is closed.
func (t *Tap) Serve(ctx context.Context, listener net.Listener, route Route) error {
	if route.Gateway == nil && route.Protocol != "" {
		if _, err := reader.New(route.Protocol, nil); err != nil {
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	for {
		client, err := listener.Accept()
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED) {
			select {
			case <-ctx.Done(): // the listener is closed: Accept says so
			case <-time.After(acceptAgain):
			}
			continue
		}
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("take connections for %s: %w", route.Service, err)
		}
		go t.serve(ctx, client, route)
	}
}

func (t *Tap) serve(ctx context.Context, client net.Conn, route Route) {
	if !t.enter(client, route.Service) {
		abort(client)
		return
	}
	// The network takes its time to say who it is: the service is dialled meanwhile.
	named := make(chan string, 1)
	if address := host(client.RemoteAddr()); route.Client != "" {
		named <- route.Client
	} else if t.roles.knows(address) {
		named <- ""
	} else {
		go func() { named <- t.lookup(ctx, address) }()
	}
	if route.Gateway != nil {
		defer t.leave(client)
		route.Gateway.serve(ctx, t, client, <-named, route)
		return
	}
	upstream, err := dial(ctx, route.Upstream)
	if err != nil {
		client.Close() // as a proxy in front of a dead service does: connected, then the end
		t.leave(client)
		return
	}
	t.join(client, upstream, <-named, route)
}

func dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// join lets a client and a service talk.
func (t *Tap) join(client, upstream net.Conn, name string, route Route) {
	var r reader.Reader = blind{}
	if route.Protocol != "" {
		r, _ = reader.New(route.Protocol, &t.keys) // tried in Serve
	}
	c := newConn(t, route.Service, client.RemoteAddr(), r, [2]io.ReadWriteCloser{client, upstream})
	c.name = name
	t.remember(c)
	if route.Reset != nil && route.Reset() {
		abruptly(client)
		abruptly(upstream)
	}
	label := fmt.Sprintf("%s-%d", route.Service, c.id)
	up, down := route.Up, route.Down
	if t.isDirect(route.Service) {
		up, down = nil, nil
	}
	through(up, label+"-up", &flow{c: c, d: reader.Up}, &outlet{c, reader.Up})
	through(down, label+"-down", &flow{c: c, d: reader.Down}, &outlet{c, reader.Down})
}

func through(link Link, name string, from *flow, to *outlet) {
	if link != nil {
		link(name, from, to)
		return
	}
	go func() {
		from.WriteTo(to) // ends of connections are no errors
		to.Close()
	}()
}

// blind reads nothing.
type blind struct{}

func (blind) Read(_ reader.Direction, p []byte) (int, *reader.Mark)      { return len(p), nil }
func (blind) Keep(reader.Direction) int                                  { return 0 }
func (blind) Heartbeat(reader.Direction) (frame []byte, d time.Duration) { return nil, 0 }
func (blind) Close()                                                     {}

func (t *Tap) remember(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[c.id] = c
}

func (t *Tap) forget(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c.id)
	if client, ok := c.ends[reader.Up].(net.Conn); ok {
		delete(t.clients, client)
	}
}

// enter notes a connection of the pipeline; false: none is taken.
func (t *Tap) enter(client net.Conn, service string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed[service] {
		return false
	}
	t.clients[client] = service
	return true
}

func (t *Tap) leave(client net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.clients, client)
}

// setClosed ends all connections to a service at once, with what is under way
// in the toxics, and takes no more of them; or takes them again.
func (t *Tap) setClosed(service string, closed bool) {
	t.mu.Lock()
	t.closed[service] = closed
	var ending []net.Conn
	var joined []*conn
	for client, of := range t.clients {
		if closed && of == service {
			ending = append(ending, client)
		}
	}
	for _, c := range t.open {
		if closed && c.service == service {
			joined = append(joined, c)
		}
	}
	t.mu.Unlock()
	for _, client := range ending {
		abort(client)
	}
	for _, c := range joined { // whoever waits to hand something on does so in vain
		c.close()
	}
}

// openAll takes connections to every service.
func (t *Tap) openAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.closed)
}

// abruptly has a connection end with a reset, whenever it is closed.
func abruptly(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) // an error means that it is gone already
	}
}

// abort ends a connection at once, as where nobody listens.
func abort(conn net.Conn) {
	abruptly(conn)
	conn.Close()
}

// Closed says whether connections to a service are refused now.
func (t *Tap) Closed(service string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed[service]
}

func (t *Tap) isDirect(service string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.direct[service] || t.direct["*"]
}
