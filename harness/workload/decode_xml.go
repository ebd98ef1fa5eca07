package workload

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// xmlReader reads an element a record.
type xmlReader struct {
	format *Format
	in     *input
	tokens *xml.Decoder
	inside bool // the root element has begun
	rows   int
}

func newXMLReader(f *Format, in *input) *xmlReader {
	// The decoder takes one byte at a time of an io.ByteReader: what stands behind
	// the root element is left.
	return &xmlReader{format: f, in: in, tokens: xml.NewDecoder(in)}
}

func (x *xmlReader) next(into []Value) (line int, err error) {
	for {
		token, err := x.tokens.Token()
		if err != nil {
			return 0, x.failed(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			line, _ = x.tokens.InputPos()
			switch {
			case !x.inside && token.Name.Local != x.format.Root:
				return 0, x.bad(fmt.Sprintf("the element of the file is not called %q", x.format.Root))
			case !x.inside:
				x.inside = true
			case token.Name.Local != x.format.Element:
				return 0, x.bad(fmt.Sprintf("an element beside the records is not called %q", x.format.Element))
			default:
				x.rows++
				return line, x.record(token, into)
			}
		case xml.EndElement:
			return 0, x.end()
		case xml.CharData:
			if x.inside && strings.TrimSpace(string(token)) != "" {
				return 0, x.bad("text stands between the records")
			}
		}
	}
}

// record reads what is in one element.
func (x *xmlReader) record(begin xml.StartElement, into []Value) error {
	for i, column := range x.format.Columns {
		if name, attribute := strings.CutPrefix(column.Name, "@"); attribute {
			for _, found := range begin.Attr {
				if found.Name.Local == name {
					into[i] = Value{found.Value, true}
				}
			}
		}
	}
	for {
		token, err := x.tokens.Token()
		if err != nil {
			return x.failed(err)
		}
		switch token := token.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			text, null, err := x.text(token)
			if err != nil {
				return err
			}
			for i, column := range x.format.Columns {
				if column.Name == token.Name.Local && !null {
					into[i] = Value{text, true}
				}
			}
		}
	}
}

// text reads an element's text, elements in it left out.
func (x *xmlReader) text(begin xml.StartElement) (text string, null bool, err error) {
	for _, attribute := range begin.Attr {
		if attribute.Name.Local == "nil" && attribute.Name.Space == "http://www.w3.org/2001/XMLSchema-instance" {
			null = attribute.Value == "true" || attribute.Value == "1"
		}
	}
	var out strings.Builder
	for depth := 1; ; {
		token, err := x.tokens.Token()
		if err != nil {
			return "", null, x.failed(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			if depth--; depth == 0 {
				return out.String(), null, nil
			}
		case xml.CharData:
			if depth == 1 {
				out.Write(token)
			}
		}
	}
}

// end reads what stands behind the root element.
func (x *xmlReader) end() error {
	x.in.skip("\r\n")
	x.in.skip("\n")
	rest, last, err := x.in.rest()
	if err != nil {
		return err
	}
	if x.format.Trailer == "" {
		if !last || strings.TrimSpace(rest) != "" {
			return x.bad("something stands behind the element of the file")
		}
		return io.EOF
	}
	before, behind, counted := x.format.trailer()
	said, found := trailerIn(rest, before, behind, counted)
	if !last || !found {
		return x.bad(cutOff)
	}
	return complete(said, x.rows, x.in.line)
}

// failed tells what is no XML from what could not be read.
func (x *xmlReader) failed(err error) error {
	var syntax *xml.SyntaxError
	var unreadable *Unreadable
	switch {
	case errors.As(err, &unreadable):
		return unreadable
	case errors.Is(err, io.EOF):
		return x.bad(cutOff)
	case errors.As(err, &syntax):
		if strings.Contains(syntax.Msg, "EOF") {
			return x.bad(cutOff)
		}
		return x.bad("it is no XML")
	case strings.HasPrefix(err.Error(), "xml:"):
		return x.bad("it is XML in an encoding other than UTF-8")
	}
	return err
}

func (x *xmlReader) bad(why string) error {
	line, _ := x.tokens.InputPos()
	return &Unreadable{Line: line, Why: why, Rest: true}
}
