package reader

import (
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// Direction of bytes on a connection.
type Direction uint8

const (
	Up   Direction = iota // towards the service
	Down                  // towards the client
)

func (d Direction) String() string { return [...]string{"up", "down"}[d] }

// Mark is a place in one direction's stream.
type Mark struct {
	At     int64 // offset of the first byte that a hold keeps back
	Events []boundary.Event
	// Swallow bytes from At on do not go on: the tap answers for the service
	// with Answer.
	Swallow int
	Answer  []byte
}

// with makes a mark of events, whose place is set by who calls; nil: there are none.
func (m *Mark) with(events []boundary.Event) *Mark {
	if len(events) == 0 {
		return nil
	}
	*m = Mark{Events: events}
	return m
}

// Reader reads one connection. It is not safe for concurrent use: the two
// directions of a connection take turns.
type Reader interface {
	// Read takes the next bytes of a direction. It stops after the byte at which
	// it knows of a mark; n is how many bytes it took. Without a mark it took
	// them all. The mark is valid until the next call.
	Read(d Direction, p []byte) (n int, mark *Mark)
	// Keep returns how many of the bytes taken last must not go on yet, because
	// a mark may turn out to lie before them. At most MostKept.
	Keep(d Direction) int
	// Heartbeat returns what keeps the receiver of a held direction from giving
	// up, and how often it has to be sent; nil where nothing can be sent.
	Heartbeat(d Direction) (frame []byte, every time.Duration)
	// Close ends the reading: the connection is over.
	Close()
}

// MostKept is how many bytes a reader may keep back, at most.
const MostKept = 16 << 10

// protocol is what the readers implement: as Reader, but with an error where
// the bytes are not what they should be. It is not called again then.
type protocol interface {
	read(d Direction, p []byte) (n int, mark *Mark, err error)
	keep(d Direction) int
	heartbeat(d Direction) ([]byte, time.Duration)
	close()
}

// guard makes a protocol safe: once it cannot go on it steps aside, says so
// once, and passes bytes.
type guard struct {
	protocol
	offset [2]int64
	aside  bool
}

// New returns the reader for a service's protocol: "amqp", "postgres",
// "http" or "sftp". keys may be nil.
func New(name string, keys *Keys) (Reader, error) {
	switch name {
	case "amqp":
		return &guard{protocol: newAMQP(keys)}, nil
	case "postgres":
		return &guard{protocol: newPostgres(keys)}, nil
	case "http":
		return &guard{protocol: newHTTP(keys)}, nil
	case "sftp":
		return &guard{protocol: newSFTP(keys)}, nil
	}
	return nil, fmt.Errorf("no reader for protocol %q: want amqp, postgres, http or sftp", name)
}

func (g *guard) Read(d Direction, p []byte) (n int, mark *Mark) {
	if g.aside {
		g.offset[d] += int64(len(p))
		return len(p), nil
	}
	n, mark, err := g.try(d, p)
	if err == nil && (n < 0 || n > len(p) || mark == nil && n < len(p) || mark != nil && n == 0) {
		err = fmt.Errorf("the reader took %d of %d bytes", n, len(p))
	}
	if err == nil && mark != nil && (mark.At > g.offset[d]+int64(n) || mark.At+int64(mark.Swallow) > g.offset[d]+int64(n)) {
		err = fmt.Errorf("a mark at %d lies ahead of %d", mark.At, g.offset[d]+int64(n))
	}
	if err != nil {
		// Known at the first byte that was not taken, so that it is the same for
		// any split of the bytes.
		n = min(max(n, 0), len(p))
		g.aside = true
		g.close()
		mark = &Mark{At: g.offset[d] + int64(n), Events: []boundary.Event{{
			Kind: boundary.Unreadable, Note: fmt.Sprintf("%s: %v", d, err),
		}}}
	}
	g.offset[d] += int64(n)
	return n, mark
}

func (g *guard) try(d Direction, p []byte) (n int, mark *Mark, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			n, mark, err = 0, nil, fmt.Errorf("the reader broke: %v", problem)
		}
	}()
	return g.read(d, p)
}

func (g *guard) Keep(d Direction) int {
	if g.aside {
		return 0
	}
	return g.keep(d)
}

func (g *guard) Heartbeat(d Direction) ([]byte, time.Duration) {
	if g.aside {
		return nil, 0
	}
	return g.heartbeat(d)
}

func (g *guard) Close() {
	if !g.aside {
		g.aside = true
		g.close()
	}
}
