package workload

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Value is what a record says of a field. There is false where it says nothing at
// all: a JSON member or an XML element that is missing or null.
type Value struct {
	Text  string
	There bool
}

// Row is a record, or its deletion, as it stands in a file.
type Row struct {
	Line    int // where it begins, from 1
	Key     string
	Version int64 // -1: records do not say it
	Delete  bool
	// Content is in the order of Fields; dates and instants are brought to ISO 8601,
	// texts cut to what their columns hold at most. Deletions have none. It is
	// valid until the next row is read.
	Content []Value
}

// Unreadable is what cannot be read of a file. It quotes nothing that stands in it.
type Unreadable struct {
	Line int // where, from 1
	Why  string
	// Rest says that nothing after it was read either.
	Rest bool
}

func (u *Unreadable) Error() string { return fmt.Sprintf("line %d: %s", u.Line, u.Why) }

// Decoder reads the rows of a file, one after the other, in memory that does not
// grow with the file.
type Decoder struct {
	format *Format
	in     *input
	rows   rowReader
	values []Value // of the row under way, by column
	row    Row
	read   int
	over   bool
}

// rowReader reads what the columns of the next row say. It ends with io.EOF once
// the file was found to be complete.
type rowReader interface {
	next(into []Value) (line int, err error)
}

// NewDecoder returns a decoder of one file in the format; nil: the reference
// layout. An error says what of the format cannot be read back.
func (f *Format) NewDecoder(r io.Reader) (*Decoder, error) {
	if f == nil {
		f = referenceFormat()
	}
	d := &Decoder{format: f, in: newInput(r), values: make([]Value, len(f.Columns)), row: Row{Content: make([]Value, fieldCount)}}
	d.in.skip(byteOrderMark)
	var err error
	switch f.Kind {
	case CSV:
		d.rows = &csvReader{format: f, in: d.in}
	case JSONLines:
		d.rows = &jsonReader{format: f, in: d.in}
	case XML:
		d.rows = newXMLReader(f, d.in)
	default:
		d.rows, err = newTemplateReader(f, d.in)
	}
	return d, err
}

// referenceFormat describes Header and what stands below it.
func referenceFormat() *Format {
	f := &Format{Kind: CSV, Names: "{number}-delta-{tag}.csv", SnapshotNames: "{number}-full-{tag}.csv", Trailer: "#rows,{rows}"}
	for _, name := range Holdable() {
		f.Columns = append(f.Columns, Column{Name: name, Holds: name})
	}
	f.Columns[2].Name = "op"
	return f
}

// Next returns the next row. The error is io.EOF after the last row of a complete
// file, *Unreadable for what cannot be read (unless it says Rest, the rows after
// it can), or what the reader returned.
func (d *Decoder) Next() (*Row, error) {
	if d.over {
		return nil, io.EOF
	}
	clear(d.values)
	d.in.allow()
	line, err := d.rows.next(d.values)
	if err == nil {
		d.read++
		err = d.understand(line)
	}
	var unreadable *Unreadable
	switch {
	case err == nil:
		return &d.row, nil
	case errors.As(err, &unreadable):
		d.over = unreadable.Rest
	default:
		d.over = true
	}
	return nil, err
}

// understand makes a row of what its columns say.
func (d *Decoder) understand(line int) error {
	row := &d.row
	row.Line, row.Key, row.Version, row.Delete = line, "", -1, false
	clear(row.Content)
	bad := func(why string) error { return &Unreadable{Line: line, Why: why} }
	for i := range d.format.Columns {
		c, value := &d.format.Columns[i], d.values[i]
		if !utf8.ValidString(value.Text) {
			return bad(c.Name + " is not UTF-8")
		}
		switch c.Holds {
		case "":
		case HoldsKey:
			row.Key = value.Text
		case HoldsVersion:
			version, err := strconv.ParseUint(value.Text, 10, 63)
			if err != nil {
				return bad(c.Name + ", the version, is no whole number")
			}
			row.Version = int64(version)
		case HoldsOperation:
			operation := c.operation(value.Text)
			if operation == "" {
				return bad(fmt.Sprintf("%s, the operation, is %s", c.Name, c.neither()))
			}
			row.Delete = operation == Deletion
		default:
			at := fieldNamed(c.Holds)
			row.Content[at] = c.understood(Fields[at].Type, value)
		}
	}
	if row.Key == "" {
		return bad("the key is missing")
	}
	if row.Delete {
		clear(row.Content)
	}
	return nil
}

// understood takes back what laidOut does, and cuts as Format.cut does.
func (c *Column) understood(kind Type, value Value) Value {
	if c.Layout != "" {
		if at, err := time.Parse(c.Layout, value.Text); err == nil {
			value.Text = at.Format(time.DateOnly)
			if kind == Timestamp {
				value.Text = at.UTC().Format(time.RFC3339Nano)
			}
		}
	}
	if c.Longest > 0 && utf8.RuneCountInString(value.Text) > c.Longest {
		value.Text = string([]rune(value.Text)[:c.Longest])
	}
	return value
}

// complete compares what the end of a file says of its rows with what was read.
func complete(said string, read, line int) error {
	if said == "" {
		return io.EOF
	}
	if rows, err := strconv.Atoi(said); err != nil || rows != read {
		return &Unreadable{Line: line, Why: fmt.Sprintf("its end says %s rows, and it has %d: it may have been cut off", said, read), Rest: true}
	}
	return io.EOF
}

const cutOff = "it does not end as its format says: it may have been cut off"

// trailer returns the trailer's text before and behind the number of rows.
func (f *Format) trailer() (before, behind string, counted bool) {
	return strings.Cut(f.Trailer, "{rows}")
}
