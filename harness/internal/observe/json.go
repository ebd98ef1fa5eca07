package observe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// scanner walks through a JSON text without building anything: a light read
// of documents is made twice a second, on processors that others need.
//
// Where the text is no JSON it stops at err; what it does not look into it
// takes for valid.
type scanner struct {
	text []byte
	at   int
	err  error
}

var errNoJSON = errors.New("no JSON where some is due")

func (s *scanner) fail() {
	if s.err == nil {
		s.err = fmt.Errorf("%w, at byte %d", errNoJSON, s.at)
	}
	s.at = len(s.text)
}

// next returns the first byte of the next token, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\n', '\r', '\t', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// object calls visit for each member of the object that comes next; visit
// takes its value.
func (s *scanner) object(visit func(name []byte)) { s.group('{', '}', func() { visit(s.string()) }) }

// array calls visit for each element of the array that comes next; visit takes it.
func (s *scanner) array(visit func()) { s.group('[', ']', visit) }

func (s *scanner) group(open, end byte, visit func()) {
	if s.next() != open {
		s.fail()
		return
	}
	s.at++
	for s.err == nil {
		switch s.next() {
		case end:
			s.at++
			return
		case 0, '}', ']':
			s.fail()
		default:
			at := s.at
			visit()
			if s.at == at {
				s.fail() // nothing was taken
			}
		}
	}
}

// string returns the string that comes next, valid as long as the text.
func (s *scanner) string() []byte {
	if s.next() != '"' {
		s.fail()
		return nil
	}
	start := s.at
	for i := s.at + 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '"':
			s.at = i + 1
			raw := s.text[start:s.at]
			if bytes.IndexByte(raw, '\\') < 0 {
				return raw[1 : len(raw)-1]
			}
			var text string
			if json.Unmarshal(raw, &text) != nil {
				s.fail()
			}
			return []byte(text)
		}
	}
	s.fail()
	return nil
}

// scalar returns the text of the string, number or word that comes next.
func (s *scanner) scalar() []byte {
	switch s.next() {
	case '"':
		return s.string()
	case '{', '[', '}', ']', 0:
		s.fail()
		return nil
	}
	start := s.at
	for s.at < len(s.text) && !bytes.ContainsRune([]byte(" \n\r\t,:]}[{\""), rune(s.text[s.at])) {
		s.at++
	}
	return s.text[start:s.at]
}

// skip takes whatever value comes next.
func (s *scanner) skip() {
	switch s.next() {
	case '{':
		s.object(func([]byte) { s.skip() })
	case '[':
		s.array(s.skip)
	default:
		s.scalar()
	}
}
