package reader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// postgresConn reads the Postgres protocol, version 3. Boundaries are messages:
// Query and Execute towards the server; towards the client CommandComplete of
// COMMIT, and ReadyForQuery where it ends a transaction that nobody opened.
// A mark lies before its message.
//
//	type(1) length(4, itself included) │ payload
//
// Only the client's first message has no type. SSLRequest and GSSENCRequest
// are answered "N" in the server's place: most clients then go on in the
// clear, and can be read.
type postgresConn struct {
	sides [2]postgresSide
	session
	mark Mark
}

// postgresSide is where one direction's stream stands.
type postgresSide struct {
	offset   int64 // of the next byte
	start    int64 // of the message's first byte
	head     [8]byte
	have     int // bytes of head
	opened   bool
	kind     byte
	size     int  // of the payload
	seen     int  // of the payload; size: between messages
	body     bool // head is complete
	want     int  // bytes of payload to gather
	kept     bool // what is gathered must not go on yet
	judged   bool
	gathered []byte
}

const (
	postgresHeadSize = 5
	longestMessage   = 1 << 30

	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSSENC = 80877104

	// mostSQL is how much of a statement is read to see what it does.
	mostSQL = 8 << 10
	mostTag = 64
)

func newPostgres(keys *Keys) *postgresConn {
	return &postgresConn{session: session{keys: keys, prepared: map[string][]statement{}, portals: map[string]portal{}}}
}

func (g *postgresConn) keep(d Direction) int {
	s := &g.sides[d]
	if !s.body || !s.judged && s.kept {
		return int(s.offset - s.start)
	}
	return 0
}

// heartbeat: the protocol has none, and needs none.
func (g *postgresConn) heartbeat(Direction) ([]byte, time.Duration) { return nil, 0 }

func (*postgresConn) close() {}

func (g *postgresConn) read(d Direction, p []byte) (n int, mark *Mark, err error) {
	s := &g.sides[d]
	for n < len(p) && mark == nil && err == nil {
		took := 0
		switch {
		case !s.body && d == Up && !s.opened:
			took, mark, err = g.open(p[n:])
		case !s.body:
			took = copy(s.head[s.have:postgresHeadSize], p[n:])
			if s.have += took; s.have == postgresHeadSize {
				mark, err = g.begin(d)
			}
		default:
			took, mark, err = g.payload(d, p[n:])
		}
		n += took
		s.offset += int64(took)
		if mark != nil {
			mark.At = s.start
		}
		if s.body && s.seen == s.size {
			s.body, s.have = false, 0
		}
		if !s.body && s.have == 0 {
			s.start = s.offset
		}
	}
	return n, mark, err
}

var errTLS = errors.New("the client speaks TLS")

// open reads what a connection begins with: requests for encryption, which
// are answered, then a start-up message or a request to cancel.
func (g *postgresConn) open(p []byte) (took int, mark *Mark, err error) {
	s := &g.sides[Up]
	if first := p[0]; s.have == 0 && first != 0 {
		if first == 0x16 {
			return 1, nil, errTLS
		}
		return 1, nil, fmt.Errorf("not Postgres: it begins with 0x%02x", first)
	}
	took = copy(s.head[s.have:], p)
	s.have += took
	if s.have < len(s.head) {
		return took, nil, nil
	}
	size, code := int(binary.BigEndian.Uint32(s.head[:])), binary.BigEndian.Uint32(s.head[4:])
	if size < 8 || size > 1<<20 {
		return took, nil, fmt.Errorf("a first message of %d bytes", size)
	}
	switch {
	case code == codeSSL, code == codeGSSENC:
		if size != 8 {
			return took, nil, fmt.Errorf("a request for encryption of %d bytes", size)
		}
		s.have = 0
		what := "TLS"
		if code == codeGSSENC {
			what = "GSS encryption"
		}
		g.mark = Mark{Swallow: 8, Answer: []byte{'N'}, Events: []boundary.Event{{
			Kind: boundary.Noted, Note: "the client asked for " + what + " and was told that there is none: where it insists, it leaves",
		}}}
		return took, &g.mark, nil
	case code == codeCancel:
		g.mark = Mark{Events: []boundary.Event{{Kind: boundary.Closed, Note: "the client asks for a statement to be cancelled"}}}
		mark = &g.mark
	case code>>16 == 3:
	default:
		return took, nil, fmt.Errorf("a first message of protocol %d.%d", code>>16, code&0xffff)
	}
	s.opened, s.body, s.judged = true, true, true
	s.size, s.seen = size-8, 0
	return took, mark, nil
}

// begin looks at a message's head and decides how much of the payload it
// takes to judge the message.
func (g *postgresConn) begin(d Direction) (*Mark, error) {
	s := &g.sides[d]
	s.kind = s.head[0]
	length := int(binary.BigEndian.Uint32(s.head[1:]))
	if length < 4 || length > longestMessage {
		return nil, fmt.Errorf("a message %q of %d bytes", s.kind, length)
	}
	s.size, s.seen, s.body, s.want = length-4, 0, true, 0
	s.gathered = s.gathered[:0]
	s.kept = false
	if d == Up {
		s.want, s.kept = wantUp(s.kind, s.size)
		g.content(s.kind)
	} else {
		s.want, s.kept = wantDown(s.kind, s.size)
		if !knownDown(s.kind) {
			return nil, fmt.Errorf("an answer of type 0x%02x", s.kind)
		}
	}
	s.judged = s.want < 0
	if s.want == 0 {
		return g.judge(d)
	}
	return nil, nil
}

// wantUp returns how much to gather of a client's message, -1: it says nothing.
func wantUp(kind byte, size int) (want int, kept bool) {
	switch kind {
	case 'Q', 'E', 'F':
		return min(size, mostSQL), true
	case 'P', 'B', 'C':
		return min(size, mostSQL), false
	case 'S':
		return 0, false
	}
	return -1, false
}

func wantDown(kind byte, size int) (want int, kept bool) {
	switch kind {
	case 'C':
		return min(size, mostTag), true
	case 'Z':
		return min(size, 1), true
	case 'E':
		return min(size, 1024), true
	case 's', 'I':
		return 0, false
	}
	return -1, false
}

func knownDown(kind byte) bool {
	return bytes.IndexByte([]byte("123ACDEGHIKNRSTVWZcdnstv"), kind) >= 0
}

// payload takes what there is of a message's payload.
func (g *postgresConn) payload(d Direction, p []byte) (took int, mark *Mark, err error) {
	s := &g.sides[d]
	if s.judged {
		took = min(len(p), s.size-s.seen)
		if d == Up {
			g.more(s.kind, p[:took])
		}
		s.seen += took
		return took, nil, nil
	}
	took = min(len(p), s.want-s.seen)
	s.gathered = append(s.gathered, p[:took]...)
	s.seen += took
	if s.seen == s.want {
		mark, err = g.judge(d)
	}
	return took, mark, err
}

func (g *postgresConn) judge(d Direction) (*Mark, error) {
	s := &g.sides[d]
	s.judged = true
	var events []boundary.Event
	var err error
	if d == Up {
		events, err = g.request(s.kind, s.gathered)
	} else {
		events, err = g.answer(s.kind, s.gathered)
	}
	if err != nil {
		return nil, err
	}
	return g.mark.with(events), nil
}
