package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/internal/tap/reader"
)

// conn is one connection of the pipeline to a service.
type conn struct {
	tap     *Tap
	id      int64
	service string
	address string // the client's, without its port
	name    string // what the network calls that address

	mu     sync.Mutex // the reader, and the order of events of both directions
	reader reader.Reader

	ends   [2]io.ReadWriteCloser // by the direction that reads from it: client, service
	ended  [2]atomic.Bool        // the direction's source has said all
	shut   [2]atomic.Bool        // and all of it has gone on
	failed [2]atomic.Bool        // nothing arrives in this direction any more
	// What was handed to the toxics, and what has come out of them; bytes.
	handed, arrived [2]atomic.Int64
	closed          atomic.Bool
	// dropped at a breakpoint: whatever the connection is part of ends with it.
	dropped atomic.Bool
	over    chan struct{}
}

func newConn(t *Tap, service string, client net.Addr, r reader.Reader, ends [2]io.ReadWriteCloser) *conn {
	return &conn{tap: t, id: t.conns.Add(1), service: service, address: host(client), reader: r, ends: ends, over: make(chan struct{})}
}

func host(address net.Addr) string {
	if address == nil {
		return ""
	}
	name, _, err := net.SplitHostPort(address.String())
	if err != nil {
		return address.String()
	}
	return name
}

// role returns whose connection it is, as far as it is known by now.
func (c *conn) role() string { return c.tap.roles.of(c.address, c.name) }

// close ends both directions.
func (c *conn) close() {
	if c.closed.Swap(true) {
		return
	}
	for _, end := range c.ends {
		end.Close()
	}
	close(c.over)
	// A reader may be at work on a body that never ends now.
	c.mu.Lock()
	c.reader.Close()
	c.mu.Unlock()
	c.tap.forget(c)
}

// flow is one direction: it reads from its source, and what it writes has
// passed the reader.
//
//	source ──▶ reader ──event──▶ hub ──breakpoint?──▶ hold ──▶ destination
type flow struct {
	c *conn
	d reader.Direction

	buffer []byte
	kept   int   // bytes at the buffer's beginning that have not gone on
	base   int64 // offset in the stream of the buffer's first byte
}

const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

// errDropped: a breakpoint was released by dropping.
var errDropped = errors.New("dropped at a breakpoint")

// Read is there because an io.Reader has it; copying uses WriteTo.
func (f *flow) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// WriteTo passes bytes on until the source ends. It implements io.WriterTo.
func (f *flow) WriteTo(to io.Writer) (int64, error) {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	f.buffer = *b
	from := f.c.ends[f.d]
	for {
		n, err := from.Read(f.buffer[f.kept:])
		if n > 0 {
			if err := f.pass(to, f.kept+n); err != nil {
				f.c.close()
				return f.base, err
			}
		}
		if err == nil {
			continue
		}
		// A connection that breaks is for its two ends to notice: what came before
		// still goes its way, and what looked like the beginning of something, too.
		if err == io.EOF {
			f.c.ended[f.d].Store(true)
		}
		return f.base, f.send(to, f.kept)
	}
}

// mostAtOnce bounds what is handed on at once: a toxic that delays holds up to
// a thousand of these.
const mostAtOnce = 16 << 10

// write hands bytes on.
func (f *flow) write(to io.Writer, p []byte) error {
	for len(p) > 0 {
		piece := p[:min(len(p), mostAtOnce)]
		p = p[len(piece):]
		f.c.handed[f.d].Add(int64(len(piece)))
		if _, err := to.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// send writes the first n bytes of what is kept and moves the rest up.
func (f *flow) send(to io.Writer, n int) error {
	if n == 0 {
		return nil
	}
	err := f.write(to, f.buffer[:n])
	f.base += int64(n)
	return err
}

// pass lets the reader see what is new in the first end bytes of the buffer,
// and passes on what may go.
func (f *flow) pass(to io.Writer, end int) error {
	begin, parsed := 0, f.kept // what has gone; what the reader has seen
	offset := f.base           // of buffer[0]
	send := func(until int) error {
		if until <= begin {
			return nil
		}
		err := f.write(to, f.buffer[begin:until])
		begin = until
		return err
	}
	keep := 0
	for parsed < end {
		n, mark, stopped, left := f.read(f.buffer[parsed:end])
		parsed += n
		keep = left
		if mark == nil {
			continue
		}
		at := max(begin, int(mark.At-offset))
		whole := mark.At >= offset+int64(begin)
		if stopped != nil {
			if err := send(at); err != nil {
				f.c.tap.hub.wait(stopped, 0, nil)
				f.c.tap.hub.finish(stopped, err)
				return err
			}
			until := parsed - keep
			if mark.Swallow > 0 { // released or not, that does not go on
				until = at
			}
			if err := f.hold(to, stopped, whole, func() error { return send(until) }); err != nil {
				return err
			}
		}
		if mark.Swallow > 0 && whole {
			if err := send(at); err != nil {
				return err
			}
			begin = at + mark.Swallow
			if _, err := f.c.ends[f.d].Write(mark.Answer); err != nil {
				return err
			}
		}
	}
	if err := send(end - keep); err != nil {
		return err
	}
	f.kept = copy(f.buffer, f.buffer[begin:end])
	f.base = offset + int64(begin)
	return nil
}

// read is the reader's turn. Events are out before it returns.
func (f *flow) read(p []byte) (n int, mark *reader.Mark, stopped *trap, keep int) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	n, found := f.c.reader.Read(f.d, p)
	if found != nil {
		stopped = f.c.tap.hub.emit(f.c, found.Events)
		mark = &reader.Mark{At: found.At, Swallow: found.Swallow, Answer: found.Answer}
	}
	return n, mark, stopped, f.c.reader.Keep(f.d)
}

// hold waits at a breakpoint. rest sends what was kept back.
func (f *flow) hold(to io.Writer, stopped *trap, whole bool, rest func() error) error {
	hub := f.c.tap.hub
	f.c.mu.Lock()
	frame, every := f.c.reader.Heartbeat(f.d)
	f.c.mu.Unlock()
	var beat func()
	if frame != nil && whole {
		// An error shows when the rest is sent.
		beat = func() { f.write(to, frame) }
	}
	release := hub.wait(stopped, every, beat)
	if release.Mode == boundary.Drop {
		// What went before has to arrive first: a close can overtake it.
		settled := stopped.event.Time.Add(max(stopped.Settle, boundary.DefaultSettle))
		select {
		case <-time.After(time.Until(settled)):
		case <-f.c.over:
		}
		f.c.arrives(f.d)
		f.c.dropped.Store(true)
		f.c.close()
		hub.finish(stopped, nil)
		return errDropped
	}
	err := rest()
	if err == nil && (f.c.closed.Load() || f.c.failed[f.d].Load()) {
		err = net.ErrClosed
	}
	hub.finish(stopped, err)
	return err
}

// outlet is where a direction's bytes end up.
type outlet struct {
	c *conn
	d reader.Direction
}

func (o *outlet) to() io.ReadWriteCloser { return o.c.ends[1-o.d] }

// Write never fails: whoever hands on what cannot arrive any more must not wait
// for ever with it, nor keep the other direction from what it still has to say.
// That the connection is gone shows where it is read.
func (o *outlet) Write(p []byte) (int, error) {
	if !o.c.failed[o.d].Load() {
		if _, err := o.to().Write(p); err != nil {
			o.c.failed[o.d].Store(true)
			if o.c.shut[1-o.d].Load() { // nobody reads there any more
				o.c.close()
			}
		}
	}
	o.c.arrived[o.d].Add(int64(len(p)))
	return len(p), nil
}

// arrivesWithin bounds the wait for toxics that hold something back.
const arrivesWithin = 5 * time.Second

// arrives waits until the toxics hold nothing back in a direction.
func (c *conn) arrives(d reader.Direction) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(arrivesWithin); c.arrived[d].Load() < c.handed[d].Load() && time.Now().Before(until); {
		select {
		case <-tick.C:
		case <-c.over:
			return
		}
	}
}

// Close passes the source's end on. Where the source has not ended, something
// on the way ends the connection.
func (o *outlet) Close() error {
	if !o.c.ended[o.d].Load() {
		o.c.close()
		return nil
	}
	o.c.shut[o.d].Store(true)
	if half, ok := o.to().(interface{ CloseWrite() error }); ok && !o.c.shut[1-o.d].Load() {
		return half.CloseWrite()
	}
	o.c.close()
	return nil
}
