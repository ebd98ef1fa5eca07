package reader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
)

// sftpConn reads SFTP, version 3, as it goes by inside of an SSH channel.
// Boundaries are packets; a mark lies before its packet.
//
//	length(4) │ type(1) request(4) …
type sftpConn struct {
	sides   [2]sftpSide
	files   map[string]*openFile // by handle
	asked   map[uint32]sftpRequest
	written map[string]bool // paths that this session wrote
	mark    Mark
}

// sftpSide is where one direction's stream stands.
type sftpSide struct {
	offset   int64
	start    int64 // of the packet's first byte
	head     [5]byte
	have     int
	body     bool // the head is complete
	kind     byte
	size     int // behind the type
	seen     int
	want     int
	judged   bool
	gathered []byte
}

// openFile is what was done with a file since it was opened.
type openFile struct {
	path      string
	writes    bool
	got       uint64 // bytes read
	reach     uint64 // end of the furthest read
	end       bool   // the server said so
	size      uint64 // 0: not known
	sizeKnown bool
}

// whole: it was read to its end, without a hole.
func (f *openFile) whole() bool {
	return !f.writes && (f.end && f.got >= f.reach || f.sizeKnown && f.got >= f.size && f.got > 0)
}

type sftpRequest struct {
	kind   byte
	path   string // or the handle
	to     string
	offset uint64
	writes bool
	file   *openFile
}

const (
	sftpInit, sftpVersion                       = 1, 2
	sftpOpen, sftpClose, sftpRead, sftpWrite    = 3, 4, 5, 6
	sftpFstat, sftpRemove, sftpRename           = 8, 13, 18
	sftpStatus, sftpHandle, sftpData, sftpAttrs = 101, 102, 103, 105
	sftpExtended                                = 200

	sftpOK, sftpEOF = 0, 1

	longestPacket = 64 << 20
	mostFiles     = 1 << 12
	mostPackets   = 1 << 16 // without an answer
)

func newSFTP(*Keys) *sftpConn {
	return &sftpConn{files: map[string]*openFile{}, asked: map[uint32]sftpRequest{}, written: map[string]bool{}}
}

func (f *sftpConn) keep(d Direction) int {
	s := &f.sides[d]
	if !s.body || !s.judged {
		return int(s.offset - s.start)
	}
	return 0
}

func (*sftpConn) heartbeat(Direction) ([]byte, time.Duration) { return nil, 0 }
func (*sftpConn) close()                                      {}

func (f *sftpConn) read(d Direction, p []byte) (n int, mark *Mark, err error) {
	s := &f.sides[d]
	for n < len(p) && mark == nil && err == nil {
		took := 0
		switch {
		case !s.body:
			took = copy(s.head[s.have:], p[n:])
			if s.have += took; s.have == len(s.head) {
				err = f.begin(d)
			}
		case s.judged:
			took = min(len(p)-n, s.size-s.seen)
			s.seen += took
		default:
			took = min(len(p)-n, s.want-s.seen)
			s.gathered = append(s.gathered, p[n:n+took]...)
			s.seen += took
			if s.seen == s.want {
				s.judged = true
				mark, err = f.judge(d)
			}
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

// begin decides how much of a packet it takes to judge it.
func (f *sftpConn) begin(d Direction) error {
	s := &f.sides[d]
	length := int(binary.BigEndian.Uint32(s.head[:]))
	s.kind = s.head[4]
	if length < 1 || length > longestPacket {
		return fmt.Errorf("a packet of %d bytes", length)
	}
	s.size, s.seen, s.body = length-1, 0, true
	s.gathered = s.gathered[:0]
	s.want = 0
	switch s.kind {
	case sftpOpen, sftpClose, sftpRead, sftpFstat, sftpRemove, sftpRename, sftpExtended:
		if d == Up {
			s.want = min(s.size, 8<<10)
		}
	case sftpStatus, sftpData:
		if d == Down {
			s.want = min(s.size, 8)
		}
	case sftpAttrs:
		if d == Down {
			s.want = min(s.size, 16)
		}
	case sftpHandle:
		if d == Down {
			s.want = min(s.size, 4+4+256)
		}
	}
	s.judged = s.want == 0
	return nil
}

// fields takes a packet apart.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) number(size int) uint64 {
	if f.bad || len(f.p) < size {
		f.bad = true
		return 0
	}
	var n uint64
	for _, c := range f.p[:size] {
		n = n<<8 | uint64(c)
	}
	f.p = f.p[size:]
	return n
}

func (f *fields) text() string {
	n := f.number(4)
	if f.bad || uint64(len(f.p)) < n {
		f.bad = true
		return ""
	}
	text := string(f.p[:n])
	f.p = f.p[n:]
	return text
}

var errPacket = errors.New("a packet that is cut off")

func (f *sftpConn) judge(d Direction) (*Mark, error) {
	s := &f.sides[d]
	in := fields{p: s.gathered}
	id := uint32(in.number(4))
	var events []boundary.Event
	if d == Up {
		events = f.request(id, s.kind, &in)
	} else {
		events = f.answer(id, s.kind, &in)
	}
	if in.bad {
		return nil, fmt.Errorf("%w: type %d, %d bytes", errPacket, s.kind, s.size)
	}
	if len(f.asked) > mostPackets {
		return nil, errors.New("more requests without an answer than can be followed")
	}
	return f.mark.with(events), nil
}

// request handles a client's packet.
func (f *sftpConn) request(id uint32, kind byte, in *fields) []boundary.Event {
	r := sftpRequest{kind: kind, path: in.text()}
	switch kind {
	case sftpOpen:
		r.writes = in.number(4)&0b10 != 0
	case sftpRead:
		r.offset = in.number(8)
		r.file = f.files[r.path]
	case sftpFstat:
		r.file = f.files[r.path]
	case sftpClose:
		r.file = f.files[r.path]
		delete(f.files, r.path)
	case sftpRename:
		r.to = in.text()
	case sftpExtended:
		if r.path != "posix-rename@openssh.com" {
			return nil
		}
		r.kind, r.path, r.to = sftpRename, in.text(), in.text()
	}
	if in.bad {
		return nil
	}
	f.asked[id] = r
	switch {
	case r.kind == sftpClose && r.file != nil && r.file.whole():
		return named(boundary.FileFetched, r.file.path, 0)
	case r.kind == sftpClose && r.file != nil && r.file.writes:
		return named(boundary.WriteRequested, r.file.path, 0)
	case r.kind == sftpRename && f.written[r.path]:
		return named(boundary.WriteRequested, r.to, 0)
	case r.kind == sftpRename, r.kind == sftpRemove && !f.written[r.path]:
		return named(boundary.MarkRequested, r.path, 0)
	}
	return nil
}

// answer handles a server's packet.
func (f *sftpConn) answer(id uint32, kind byte, in *fields) []boundary.Event {
	r, ok := f.asked[id]
	if !ok {
		return nil
	}
	delete(f.asked, id)
	switch kind {
	case sftpHandle:
		if handle := in.text(); r.kind == sftpOpen && len(f.files) < mostFiles {
			f.files[handle] = &openFile{path: r.path, writes: r.writes}
			if r.writes && len(f.written) < mostFiles {
				f.written[r.path] = true
			}
		}
	case sftpData:
		if n := in.number(4); r.kind == sftpRead && r.file != nil {
			r.file.got += n
			r.file.reach = max(r.file.reach, r.offset+n)
		}
	case sftpAttrs:
		if flags := in.number(4); r.kind == sftpFstat && r.file != nil && flags&1 != 0 {
			r.file.size, r.file.sizeKnown = in.number(8), true
		}
	case sftpStatus:
		return f.status(r, int(in.number(4)))
	}
	return nil
}

// status ends what has no other answer.
func (f *sftpConn) status(r sftpRequest, code int) []boundary.Event {
	if r.kind == sftpRead && code == sftpEOF && r.file != nil {
		r.file.end = true
	}
	var about string
	kind := boundary.FileMarked
	switch r.kind {
	case sftpClose:
		if r.file == nil || !r.file.writes {
			return nil
		}
		about, kind = r.file.path, boundary.ConfirmationWritten
		if temporary(about) {
			kind = boundary.FileWritten
		}
	case sftpRename:
		about = r.path
		if f.written[r.path] {
			about, kind = r.to, boundary.ConfirmationWritten
			if code == sftpOK {
				delete(f.written, r.path)
				f.written[r.to] = true
			}
		}
	case sftpRemove:
		about = r.path
		if f.written[r.path] {
			delete(f.written, r.path)
			return nil
		}
	default:
		return nil
	}
	if code != sftpOK {
		kind = boundary.FileFailed
	}
	return named(kind, about, code)
}

// named is an event about a file.
func named(kind boundary.Kind, name string, code int) []boundary.Event {
	return []boundary.Event{{Kind: kind, Target: path.Dir(name), Count: 1, Messages: []string{path.Base(name)}, Code: code}}
}

// temporary says whether a name looks like one that will be changed.
func temporary(name string) bool {
	base := strings.ToLower(path.Base(name))
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "~") {
		return true
	}
	for _, end := range []string{".part", ".partial", ".filepart", ".tmp", ".temp", ".uploading", ".writing", ".lck", ".inprogress"} {
		if strings.HasSuffix(base, end) {
			return true
		}
	}
	return false
}
