package workload

import (
	"bufio"
	"io"
	"strings"
)

// longestRow is how many bytes a row may have. What a quote that never ends
// swallows must not fill the memory.
const longestRow = 4 << 20

// input is a file as the row readers read it: it counts lines and the bytes of the
// row under way, and looks ahead to tell the end.
type input struct {
	*bufio.Reader
	line int // under way, from 1
	left int // bytes that the row may still have
}

// ahead is how far an end (a trailer, a footer) can be told.
const ahead = 16 << 10

func newInput(r io.Reader) *input {
	in := &input{Reader: bufio.NewReaderSize(r, 4*ahead), line: 1}
	in.allow()
	return in
}

// allow begins a new row.
func (in *input) allow() { in.left = longestRow }

// ReadByte returns the next byte, or an *Unreadable once the row is too long.
func (in *input) ReadByte() (byte, error) {
	c, err := in.Reader.ReadByte()
	if err != nil {
		return c, err
	}
	if c == '\n' {
		in.line++
	}
	if in.left--; in.left < 0 {
		return 0, in.tooLong()
	}
	return c, nil
}

func (in *input) tooLong() error {
	return &Unreadable{Line: in.line, Why: "a row has more than 4 MiB", Rest: true}
}

// Read is for what reads to the end of a file that is not long.
func (in *input) Read(p []byte) (int, error) {
	c, err := in.ReadByte()
	if err != nil || len(p) == 0 {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// skip takes text, if it comes next.
func (in *input) skip(text string) bool {
	next, _ := in.Peek(len(text))
	if string(next) != text {
		return false
	}
	in.Discard(len(text))
	in.line += strings.Count(text, "\n")
	return true
}

// rest returns what is left of the file, if that is little enough to be its end.
func (in *input) rest() (string, bool, error) {
	next, err := in.Peek(ahead)
	if err == io.EOF {
		return string(next), true, nil
	}
	return "", false, err
}

// end reports whether a trailer, and nothing else, is left of the file, and what
// it says of the rows.
func (in *input) end(f *Format) (rows string, found bool, err error) {
	// Most of the way it is enough to look at one byte.
	before, behind, counted := f.trailer()
	if next, _ := in.Peek(1); len(next) == 1 && before != "" && next[0] != before[0] {
		return "", false, nil
	}
	rest, last, err := in.rest()
	if err != nil || !last {
		return "", false, err
	}
	rows, found = trailerIn(rest, before, behind, counted)
	return rows, found, nil
}

// trailerIn reads the trailer that a text is.
func trailerIn(text, before, behind string, counted bool) (rows string, found bool) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	text, front := strings.CutPrefix(text, before)
	text, back := strings.CutSuffix(text, behind)
	if !front || !back {
		return "", false
	}
	if !counted {
		return "", text == ""
	}
	return text, text != "" && strings.Trim(text, "0123456789") == ""
}

// readLine returns the next line without its end; io.EOF where none is left.
func (in *input) readLine() (text []byte, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(text)+len(part) > longestRow {
			return nil, in.tooLong()
		}
		text = append(text, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && (err != io.EOF || len(text) == 0) {
			return nil, err
		}
		break
	}
	if n := len(text); n > 0 && text[n-1] == '\n' {
		in.line++
		text = text[:n-1]
	}
	if n := len(text); n > 0 && text[n-1] == '\r' {
		text = text[:n-1]
	}
	return text, nil
}
