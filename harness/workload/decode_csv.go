package workload

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// csvReader reads RFC 4180 byte for byte. (Package encoding/csv makes LF of a
// CRLF inside a field, which would not be what was sent.)
type csvReader struct {
	format *Format
	in     *input
	at     []int // field of a line, by column; nil: the first line was not read
	width  int   // fields of a line
	rows   int

	buffer []byte
	ends   []int // in the buffer, of each field
}

func (c *csvReader) next(into []Value) (line int, err error) {
	if c.at == nil {
		if err := c.begin(); err != nil {
			return 0, err
		}
	}
	for {
		if c.format.Trailer != "" {
			if said, found, err := c.in.end(c.format); err != nil {
				return 0, err
			} else if found {
				return 0, complete(said, c.rows, c.in.line)
			}
		}
		line = c.in.line
		c.in.allow()
		err = c.record()
		if err == io.EOF && c.format.Trailer != "" {
			return 0, &Unreadable{Line: c.in.line, Why: cutOff, Rest: true}
		}
		if err == io.EOF {
			return 0, err
		}
		if err == nil && len(c.ends) == 1 && c.ends[0] == 0 && c.width > 1 {
			continue // an empty line
		}
		break
	}
	c.rows++
	if err != nil {
		return 0, err
	}
	if len(c.ends) != c.width {
		return 0, &Unreadable{Line: line, Why: fmt.Sprintf("it has %d fields where %d are due", len(c.ends), c.width)}
	}
	text := string(c.buffer)
	for i, at := range c.at {
		begin := 0
		if at > 0 {
			begin = c.ends[at-1]
		}
		into[i] = Value{text[begin:c.ends[at]], true}
	}
	return line, nil
}

// begin reads the names of the columns, or takes them for those of the format.
func (c *csvReader) begin() error {
	columns := c.format.Columns
	c.at, c.width = make([]int, len(columns)), len(columns)
	for i := range c.at {
		c.at[i] = i
	}
	if c.format.NoHeader {
		return nil
	}
	err := c.record()
	if err == io.EOF {
		return &Unreadable{Line: 1, Why: "it has no line with the names of the columns: it may have been cut off", Rest: true}
	}
	if u := new(Unreadable); errors.As(err, &u) {
		u.Rest = true
	}
	if err != nil {
		return err
	}
	var names []string
	begin := 0
	for _, end := range c.ends {
		names = append(names, string(c.buffer[begin:end]))
		begin = end
	}
	c.width = len(names)
	for i, column := range columns {
		c.at[i] = slices.Index(names, column.Name)
		if c.at[i] < 0 && column.Holds != "" {
			return &Unreadable{Line: 1, Why: fmt.Sprintf("no column is called %q", column.Name), Rest: true}
		}
		c.at[i] = max(c.at[i], 0) // of a constant, which nobody looks at
	}
	return nil
}

// record reads the fields of the next record into the buffer.
func (c *csvReader) record() error {
	c.buffer, c.ends = c.buffer[:0], c.ends[:0]
	delimiter := c.format.delimiter()
	for {
		next, err := c.in.ReadByte()
		if err == io.EOF && len(c.ends) == 0 {
			return io.EOF
		}
		if err == nil && next == '"' {
			next, err = c.quoted()
		} else {
			next, err = c.plain(next, err, delimiter)
		}
		c.ends = append(c.ends, len(c.buffer))
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case next == '\n':
			return nil
		case next != delimiter:
			return c.bad("something stands behind a quoted field")
		}
	}
}

// plain reads a field without quotes and returns what ended it.
func (c *csvReader) plain(next byte, err error, delimiter byte) (byte, error) {
	for ; err == nil; next, err = c.in.ReadByte() {
		switch next {
		case delimiter:
			return next, nil
		case '\n':
			if n := len(c.buffer); n > c.begun() && c.buffer[n-1] == '\r' {
				c.buffer = c.buffer[:n-1]
			}
			return next, nil
		case '"':
			return 0, c.bad("a quote stands in a field without quotes")
		}
		c.buffer = append(c.buffer, next)
	}
	if n := len(c.buffer); err == io.EOF && n > c.begun() && c.buffer[n-1] == '\r' {
		c.buffer = c.buffer[:n-1]
	}
	return 0, err
}

// begun is where the field under way begins in the buffer.
func (c *csvReader) begun() int {
	if len(c.ends) == 0 {
		return 0
	}
	return c.ends[len(c.ends)-1]
}

// quoted reads a field behind its first quote and returns what follows it.
func (c *csvReader) quoted() (byte, error) {
	line := c.in.line
	for {
		next, err := c.in.ReadByte()
		if err == io.EOF {
			return 0, &Unreadable{Line: line, Why: "a quoted field does not end: the file may have been cut off", Rest: true}
		}
		if err != nil {
			return 0, err
		}
		if next != '"' {
			c.buffer = append(c.buffer, next)
			continue
		}
		next, err = c.in.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case next == '"':
			c.buffer = append(c.buffer, next)
		case next == '\r':
			if next, err = c.in.ReadByte(); err == nil && next != '\n' {
				return '\r', nil // refused by record
			}
			return next, err
		default:
			return next, nil
		}
	}
}

// bad goes on to the next line.
func (c *csvReader) bad(why string) error {
	line := c.in.line
	for {
		next, err := c.in.ReadByte()
		if err == io.EOF || err == nil && next == '\n' {
			return &Unreadable{Line: line, Why: why}
		}
		if err != nil {
			return err
		}
	}
}
