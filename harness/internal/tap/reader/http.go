package reader

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// httpConn reads HTTP/1.0 and 1.1. Boundaries are the heads of requests that
// write, and of the answers to them; what the bodies say is a sign at their
// end. A mark of a boundary lies before the head, one of a sign before the
// body's last byte.
type httpConn struct {
	sides   [2]httpSide
	pending []*exchange // asked, not answered
	mark    Mark
	keys    *Keys
}

type httpState uint8

const (
	httpHead httpState = iota
	httpLength
	httpChunkSize
	httpChunk
	httpChunkEnd
	httpTrailer
	httpUntilClose
)

// httpSide is where one direction's stream stands.
type httpSide struct {
	state  httpState
	offset int64 // of the next byte
	start  int64 // of the head's first byte
	head   []byte
	line   int    // where the head's last line begins
	left   uint64 // bytes of the body or of the chunk
	digits int    // of the chunk's size; -1: behind them
	empty  bool   // the line of the trailer that goes by
	body   sink   // nil: nobody wants it
	of     *exchange
}

// exchange is a request and its answer.
type exchange struct {
	method string
	writes boundary.Kind // IndexRequested, or "" where nothing is written
	target string
	ids    items
}

const (
	mostExchanges = 1 << 12
	mostChunk     = 1 << 62
)

var errUpgrade = errors.New("the connection changes to another protocol")

func newHTTP(keys *Keys) *httpConn { return &httpConn{keys: keys} }

func (h *httpConn) keep(d Direction) int {
	s := &h.sides[d]
	if s.state == httpHead {
		return int(s.offset - s.start)
	}
	return 0
}

// heartbeat: nothing can be said in the middle of an exchange.
func (h *httpConn) heartbeat(Direction) ([]byte, time.Duration) { return nil, 0 }

func (h *httpConn) close() {
	for d := range h.sides {
		if body := h.sides[d].body; body != nil {
			body.end()
		}
	}
}

func (h *httpConn) read(d Direction, p []byte) (n int, mark *Mark, err error) {
	s := &h.sides[d]
	for n < len(p) && mark == nil && err == nil {
		took, done := 1, false
		switch s.state {
		case httpHead:
			if done, err = s.take(d, p[n]); done && err == nil {
				mark, err = h.begin(d)
				done = false
			}
		case httpLength:
			took = s.content(p[n:])
			done = s.left == 0
		case httpUntilClose:
			s.left = uint64(len(p) - n)
			took = s.content(p[n:])
		case httpChunkSize:
			err = s.size(p[n])
		case httpChunk:
			if took = s.content(p[n:]); s.left == 0 {
				s.state = httpChunkEnd
			}
		case httpChunkEnd:
			if p[n] == '\n' {
				s.state, s.digits = httpChunkSize, 0
			} else if p[n] != '\r' {
				err = fmt.Errorf("a chunk ends with 0x%02x", p[n])
			}
		case httpTrailer:
			done = s.trailer(p[n])
		}
		if done {
			mark = h.finish(d)
			if mark != nil {
				mark.At = s.offset + int64(took) - 1
			}
			s.state = httpHead
		}
		n += took
		s.offset += int64(took)
		if s.state == httpHead && len(s.head) == 0 {
			s.start = s.offset
		}
	}
	return n, mark, err
}

// content takes bytes of a body.
func (s *httpSide) content(p []byte) int {
	took := int(min(uint64(len(p)), s.left))
	s.left -= uint64(took)
	if s.body != nil {
		s.body.write(p[:took])
	}
	return took
}

// size takes a byte of the line that tells a chunk's size.
func (s *httpSide) size(c byte) error {
	digit := bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c)
	if digit > 15 {
		digit -= 6
	}
	switch {
	case c == '\n':
		if s.digits == 0 {
			return errors.New("a chunk without a size")
		}
		s.state, s.empty = httpChunk, true
		if s.left == 0 {
			s.state = httpTrailer
		}
	case c == '\r' || s.digits < 0:
	case digit >= 0:
		if s.digits == 0 {
			s.left = 0
		}
		if s.left >= mostChunk>>4 {
			return errors.New("a chunk that never ends")
		}
		s.left = s.left<<4 | uint64(digit)
		s.digits++
	case s.digits > 0 && (c == ';' || c == ' ' || c == '\t'):
		s.digits = -1
	default:
		return fmt.Errorf("a chunk's size with 0x%02x", c)
	}
	return nil
}

// trailer is true at the end of the empty line that ends a chunked body.
func (s *httpSide) trailer(c byte) bool {
	switch c {
	case '\n':
		if s.empty {
			return true
		}
		s.empty = true
	case '\r':
	default:
		s.empty = false
	}
	return false
}

// take gathers a head; true at its end. What is no HTTP is known at once, so
// that it is not kept waiting.
func (s *httpSide) take(d Direction, c byte) (done bool, err error) {
	if d == Up && len(s.head) == 0 && (c == '\r' || c == '\n') {
		s.start = s.offset + 1 // empty lines before a request are allowed
		return false, nil
	}
	if len(s.head) >= MostKept-1 {
		return false, fmt.Errorf("a head of more than %d bytes", MostKept)
	}
	s.head = append(s.head, c)
	if s.line == 0 {
		if err := s.plausible(d); err != nil {
			return false, err
		}
	}
	if c != '\n' {
		return false, nil
	}
	line := bytes.TrimRight(s.head[s.line:], "\r\n")
	if s.line == 0 {
		if d == Up && !requestLine(line) || d == Down && !statusLine(line) {
			return false, fmt.Errorf("not HTTP/1: it begins with %q", line[:min(len(line), 40)])
		}
	} else if len(line) == 0 {
		return true, nil
	}
	s.line = len(s.head)
	return false, nil
}

// plausible looks at the first line while it comes.
func (s *httpSide) plausible(d Direction) error {
	const version = "HTTP/1."
	at := len(s.head) - 1
	c := s.head[at]
	bad := false
	if d == Down {
		bad = at < len(version) && c != version[at]
	} else if method := bytes.IndexByte(s.head, ' '); method < 0 {
		bad = (c < 'A' || c > 'Z') && c != '-' || at > 20
	}
	if bad {
		return fmt.Errorf("not HTTP/1: it begins with %q", s.head[:min(len(s.head), 40)])
	}
	return nil
}

func requestLine(line []byte) bool {
	i := bytes.LastIndex(line, []byte(" HTTP/1."))
	return i > 0 && i+9 == len(line) && bytes.IndexByte(line, ' ') < i
}

func statusLine(line []byte) bool {
	if len(line) < 12 || line[8] != ' ' {
		return false
	}
	_, err := strconv.Atoi(string(line[9:12]))
	return err == nil
}

// header returns a header's value, in lower case.
func (s *httpSide) header(name string) string {
	rest := s.head
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if i := bytes.IndexByte(line, ':'); i == len(name) && strings.EqualFold(string(line[:i]), name) {
			return strings.ToLower(strings.TrimSpace(string(line[i+1:])))
		}
	}
	return ""
}

// begin reads a head that is complete.
func (h *httpConn) begin(d Direction) (*Mark, error) {
	s := &h.sides[d]
	line, _, _ := bytes.Cut(s.head, []byte("\n"))
	start := s.start
	var events []boundary.Event
	var bodyless bool
	var err error
	if d == Up {
		events, err = h.request(string(bytes.TrimRight(line, "\r")))
	} else {
		events, bodyless, err = h.response(string(line))
	}
	if err == nil {
		err = h.framing(d, bodyless)
	}
	s.head, s.line = s.head[:0], 0
	if err != nil {
		return nil, err
	}
	if s.state == httpHead { // nothing follows the head
		if mark := h.finish(d); mark != nil {
			events = append(events, mark.Events...)
		}
	}
	mark := h.mark.with(events)
	if mark != nil {
		mark.At = start
	}
	return mark, nil
}

// framing finds out how long the body is.
func (h *httpConn) framing(d Direction, bodyless bool) error {
	s := &h.sides[d]
	length := s.header("content-length")
	switch {
	case bodyless:
		s.state = httpHead
	case strings.Contains(s.header("transfer-encoding"), "chunked"):
		s.state, s.digits, s.left = httpChunkSize, 0, 0
	case length != "":
		n, err := strconv.ParseUint(length, 10, 62)
		if err != nil {
			return fmt.Errorf("a content length of %q", length)
		}
		s.left, s.state = n, httpLength
		if n == 0 {
			s.state = httpHead
		}
	case d == Down:
		s.state = httpUntilClose
	default:
		s.state = httpHead
	}
	return nil
}

// request: a request's head has come.
func (h *httpConn) request(line string) ([]boundary.Event, error) {
	s := &h.sides[Up]
	if len(h.pending) >= mostExchanges {
		return nil, fmt.Errorf("more than %d requests without an answer", mostExchanges)
	}
	method, rest, _ := strings.Cut(line, " ")
	path, _, _ := strings.Cut(rest, " ")
	asked := elastic(method, path)
	s.of = &exchange{method: method, target: asked.target}
	h.pending = append(h.pending, s.of)
	s.body = nil
	if asked.kind == "" {
		return nil, nil
	}
	if asked.kind == boundary.IndexRequested {
		s.of.writes = asked.kind
		s.of.ids.keys = newFinder(h.keys)
		s.of.ids.add(asked.id)
		s.body = decoded(s.header("content-encoding"), requestBody(asked.bulk, &s.of.ids))
	}
	e := boundary.Event{Kind: asked.kind, Target: asked.target, Count: 1}
	if asked.id != "" {
		e.Messages = []string{asked.id}
	}
	return []boundary.Event{e}, nil
}

// response: an answer's head has come.
func (h *httpConn) response(line string) (events []boundary.Event, bodyless bool, err error) {
	s := &h.sides[Down]
	status, _ := strconv.Atoi(line[9:12])
	s.body = nil
	if status == 101 {
		return nil, true, errUpgrade
	}
	if status < 200 {
		return nil, true, nil
	}
	s.of = &exchange{}
	if len(h.pending) > 0 {
		s.of, h.pending = h.pending[0], h.pending[1:]
	}
	if s.of.method == "CONNECT" && status < 300 {
		return nil, true, errUpgrade
	}
	bodyless = s.of.method == "HEAD" || status == 204 || status == 304
	if s.of.writes == "" {
		return nil, bodyless, nil
	}
	ids := &s.of.ids
	if !bodyless {
		s.body = decoded(s.header("content-encoding"), newReply(ids))
	}
	e := ids.event(boundary.Indexed, s.of.target)
	e.Code = status
	return []boundary.Event{e}, bodyless, nil
}

// finish: a body is complete.
func (h *httpConn) finish(d Direction) *Mark {
	s := &h.sides[d]
	if s.body == nil {
		return nil
	}
	problem := s.body.end()
	s.body = nil
	kind := boundary.ItemsRequested
	if d == Down {
		kind = boundary.ItemsAnswered
	}
	e := s.of.ids.event(kind, s.of.target)
	if problem != nil {
		e.Note = "what it says cannot be read: " + problem.Error()
	}
	return h.mark.with([]boundary.Event{e})
}
