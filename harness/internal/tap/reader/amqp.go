package reader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// amqpConn reads AMQP 0-9-1. Boundaries are frames: the last body frame of a
// message (the header frame of an empty one), and the frames of confirms,
// acks and the like. A mark lies before its frame, so that heartbeats can be
// sent while the frame is held.
//
//	type(1) channel(2) size(4) │ payload(size) │ 0xCE
type amqpConn struct {
	sides    [2]amqpSide
	channels map[uint16]*amqpChannel
	silence  time.Duration
	keys     *Keys
	mark     Mark
}

type amqpState uint8

const (
	amqpGreeting amqpState = iota // the protocol header, 8 bytes, from the client only
	amqpHead                      // a frame's first 7 bytes
	amqpPayload
	amqpEnd // 0xCE
)

// amqpSide is where one direction's stream stands.
type amqpSide struct {
	state    amqpState
	offset   int64 // of the next byte
	start    int64 // of the frame's first byte
	head     [8]byte
	have     int // bytes of head
	kind     byte
	channel  uint16
	size     int // of the payload
	seen     int // of the payload
	want     int // bytes of payload to gather before the frame is judged
	gathered []byte
	judged   bool
}

const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE

	frameHeadSize = 7
	// mostGathered of a frame; with the head and the end within MostKept.
	mostGathered = MostKept - frameHeadSize - 1
	// longestFrame is far above what brokers agree to (131,072 by default).
	longestFrame = 64 << 20
)

func newAMQP(keys *Keys) *amqpConn {
	a := &amqpConn{channels: map[uint16]*amqpChannel{}, keys: keys}
	a.sides[Down].state = amqpHead
	return a
}

func (a *amqpConn) keep(d Direction) int {
	s := &a.sides[d]
	if s.state == amqpHead || s.state == amqpPayload && !s.judged {
		return int(s.offset - s.start)
	}
	return 0
}

// heartbeat: brokers and clients give up after two to three silent intervals.
func (a *amqpConn) heartbeat(Direction) ([]byte, time.Duration) {
	if a.silence == 0 {
		return nil, 0
	}
	return []byte{frameHeartbeat, 0, 0, 0, 0, 0, 0, frameEnd}, a.silence / 2
}

func (*amqpConn) close() {}

func (a *amqpConn) read(d Direction, p []byte) (n int, mark *Mark, err error) {
	s := &a.sides[d]
	for n < len(p) && mark == nil && err == nil {
		took := 0
		switch s.state {
		case amqpGreeting:
			took, err = s.greeting(p[n:])
		case amqpHead:
			took = s.fill(p[n:], frameHeadSize)
			if s.have == frameHeadSize {
				mark, err = a.begin(d)
			}
		case amqpPayload:
			took, mark, err = a.payload(d, p[n:])
		case amqpEnd:
			took = 1
			if p[n] != frameEnd {
				return n, nil, fmt.Errorf("a frame ends with 0x%02x", p[n])
			}
			s.state = amqpHead
		}
		n += took
		s.offset += int64(took)
		if s.state == amqpHead && s.have == 0 {
			s.start = s.offset
		}
		if mark != nil {
			mark.At = s.start
		}
	}
	return n, mark, err
}

// fill gathers the next bytes of the head, up to want.
func (s *amqpSide) fill(p []byte, want int) int {
	took := copy(s.head[s.have:want], p)
	s.have += took
	return took
}

var errNoAMQP = errors.New("not AMQP 0-9-1")

func (s *amqpSide) greeting(p []byte) (int, error) {
	took := s.fill(p, 8)
	if s.have < 8 {
		return took, nil
	}
	if string(s.head[:8]) != "AMQP\x00\x00\x09\x01" {
		return took, fmt.Errorf("%w: it begins with %q", errNoAMQP, s.head[:8])
	}
	s.have, s.state = 0, amqpHead
	return took, nil
}

// begin looks at a frame's head and decides how much of the payload it takes
// to judge the frame.
func (a *amqpConn) begin(d Direction) (*Mark, error) {
	s := &a.sides[d]
	s.kind = s.head[0]
	s.channel = binary.BigEndian.Uint16(s.head[1:])
	s.size = int(binary.BigEndian.Uint32(s.head[3:]))
	s.have, s.seen, s.want, s.judged = 0, 0, 0, true
	s.gathered = s.gathered[:0]
	if s.size > longestFrame {
		return nil, fmt.Errorf("a frame of %d bytes", s.size)
	}
	s.state = amqpPayload
	if s.size == 0 {
		s.state = amqpEnd
	}
	switch s.kind {
	case frameMethod:
		if s.size < 4 {
			return nil, fmt.Errorf("a method of %d bytes", s.size)
		}
		s.want, s.judged = 4, false
	case frameHeader:
		if s.size < 14 {
			return nil, fmt.Errorf("a content header of %d bytes", s.size)
		}
		s.want, s.judged = min(s.size, mostGathered), false
	case frameBody:
		return a.beginBody(d)
	case frameHeartbeat:
	default:
		if string(s.head[:4]) == "AMQP" {
			return nil, fmt.Errorf("%w: the broker wants another version", errNoAMQP)
		}
		return nil, fmt.Errorf("a frame of type %d", s.kind)
	}
	return nil, nil
}

func (a *amqpConn) beginBody(d Direction) (*Mark, error) {
	s := &a.sides[d]
	content := a.channel(s.channel).content[d]
	if content == nil || content.left < uint64(s.size) {
		return nil, errors.New("a body frame that belongs to no message")
	}
	content.left -= uint64(s.size)
	if content.left > 0 || s.size == 0 {
		return nil, nil
	}
	if !a.keys.active() {
		return a.arrive(d), nil
	}
	// The key is looked for before the event goes out: in as much of the last
	// frame as may be kept.
	s.want, s.judged = min(s.size, mostGathered), false
	return nil, nil
}

// payload takes what there is of a frame's payload.
func (a *amqpConn) payload(d Direction, p []byte) (took int, mark *Mark, err error) {
	s := &a.sides[d]
	if s.judged {
		took = min(len(p), s.size-s.seen)
		if content := a.channels[s.channel]; s.kind == frameBody && a.keys.active() && content != nil && content.content[d] != nil {
			content.content[d].keys.write(p[:took])
		}
	} else {
		took = min(len(p), s.want-s.seen)
		s.gathered = append(s.gathered, p[:took]...)
	}
	s.seen += took
	if !s.judged && s.seen == s.want {
		mark, err = a.judge(d)
	}
	if s.seen == s.size {
		s.state = amqpEnd
	}
	return took, mark, err
}

// judge looks at what was gathered of a frame.
func (a *amqpConn) judge(d Direction) (*Mark, error) {
	s := &a.sides[d]
	s.judged = true
	switch s.kind {
	case frameHeader:
		return a.header(d, s.gathered)
	case frameBody:
		a.channel(s.channel).content[d].keys.write(s.gathered)
		return a.arrive(d), nil
	}
	id := method(binary.BigEndian.Uint32(s.gathered))
	if s.want == 4 && s.size > 4 && id.interests() {
		s.want, s.judged = min(s.size, mostGathered), false
		return nil, nil
	}
	return a.method(d, id, s.gathered[4:])
}
