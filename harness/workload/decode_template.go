package workload

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template/parse"
)

// templateReader reads back what a template has printed: it matches the
// template's own text and takes what stands between for the fields.
type templateReader struct {
	format              *Format
	in                  *input
	header, row, footer []piece
	column              map[string]int // by name
	begun               bool
	said                string // the number of rows, as the header says
	rows                int
}

// piece of a template is a text of its own, or a field.
type piece struct {
	text   string
	field  string // name, or "Rows", "Name", "Number"; empty: it is text
	escape string // "csv", "json", "xml"; empty: printed as it is
}

func newTemplateReader(f *Format, in *input) (*templateReader, error) {
	parsed, err := f.templates()
	if err != nil {
		return nil, err
	}
	t := &templateReader{format: f, in: in, column: map[string]int{}}
	for i, c := range f.Columns {
		t.column[c.Name] = i
	}
	for i, into := range []*[]piece{&t.header, &t.row, &t.footer} {
		name := [...]string{"header", "row", "footer"}[i]
		if parsed[i] == nil {
			continue
		}
		if *into, err = pieces(parsed[i].Tree.Root.Nodes); err != nil {
			return nil, fmt.Errorf("format: template: %s: %w", name, err)
		}
	}
	if len(t.row) == 0 || t.row[len(t.row)-1].open() {
		return nil, errors.New("format: template: row: nothing says where a record ends: end it with a line break")
	}
	if n := len(t.header); n > 0 && t.header[n-1].open() {
		return nil, errors.New("format: template: header: nothing says where it ends: end it with a line break")
	}
	return t, nil
}

// open says that only what comes next can end the piece.
func (p piece) open() bool { return p.field != "" && (p.escape == "" || p.escape == "xml") }

func pieces(nodes []parse.Node) (list []piece, err error) {
	for _, node := range nodes {
		var next piece
		switch node := node.(type) {
		case *parse.TextNode:
			next.text = string(node.Text)
		case *parse.CommentNode:
			continue
		case *parse.ActionNode:
			if next, err = printed(node.Pipe); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("%s can be written and not be read back: only {{.field}} and {{json .field}} (csv, xml) can", node)
		}
		if n := len(list); n > 0 && list[n-1].open() && next.field != "" {
			return nil, fmt.Errorf("nothing stands between %s and %s: nobody could tell them apart", list[n-1].field, next.field)
		}
		list = append(list, next)
	}
	return list, nil
}

// printed reads {{.field}}, {{escape .field}} and {{.field | escape}}.
func printed(pipe *parse.PipeNode) (p piece, err error) {
	var words []parse.Node
	for _, command := range pipe.Cmds {
		words = append(words, command.Args...)
	}
	for _, word := range words {
		switch word := word.(type) {
		case *parse.FieldNode:
			if len(word.Ident) == 1 && p.field == "" {
				p.field = word.Ident[0]
				continue
			}
		case *parse.IdentifierNode:
			if _, known := escapes[word.Ident]; known && p.escape == "" {
				p.escape = word.Ident
				continue
			}
		}
		return p, fmt.Errorf("{{%s}} can be written and not be read back: only {{.field}} and {{json .field}} (csv, xml) can", pipe)
	}
	if p.field == "" || len(pipe.Decl) > 0 {
		return p, fmt.Errorf("{{%s}} can be written and not be read back: only {{.field}} and {{json .field}} (csv, xml) can", pipe)
	}
	return p, nil
}

func (t *templateReader) next(into []Value) (line int, err error) {
	if !t.begun {
		t.begun = true
		err := t.match(t.header, func(field, text string) {
			if field == "Rows" {
				t.said = text
			}
		})
		if err != nil {
			return 0, err
		}
	}
	rest, last, err := t.in.rest()
	if err != nil {
		return 0, err
	}
	if last {
		if said, found := t.end(rest); found {
			if err := complete(t.said, t.rows, t.in.line); err != io.EOF {
				return 0, err
			}
			return 0, complete(said, t.rows, t.in.line)
		}
		if rest == "" {
			return 0, &Unreadable{Line: t.in.line, Why: cutOff, Rest: true}
		}
	}
	line = t.in.line
	t.rows++
	return line, t.match(t.row, func(field, text string) { into[t.column[field]] = Value{text, true} })
}

// end reports whether what is left of a file is what stands behind the rows, and
// what it says of their number.
func (t *templateReader) end(rest string) (rows string, found bool) {
	if t.format.Trailer != "" {
		line, behind, _ := strings.Cut(rest, "\n")
		before, after, counted := t.format.trailer()
		if rows, found = trailerIn(line, before, after, counted); !found {
			return "", false
		}
		rest = behind
	}
	in := newInput(strings.NewReader(rest))
	footer := &templateReader{in: in}
	err := footer.match(t.footer, func(field, text string) {
		if field == "Rows" {
			rows = text
		}
	})
	if err != nil {
		return "", false
	}
	_, err = in.ReadByte()
	return rows, err == io.EOF
}

// match reads what a template prints.
func (t *templateReader) match(list []piece, field func(name, text string)) error {
	for i, p := range list {
		if p.field == "" {
			if i == 0 || !list[i-1].open() { // else it has been read as what ends the field
				if err := t.literal(p.text); err != nil {
					return err
				}
			}
			continue
		}
		end := ""
		if p.open() && i+1 < len(list) {
			end = list[i+1].text
		}
		text, err := t.text(p.escape, end)
		if err != nil {
			return err
		}
		field(p.field, text)
	}
	return nil
}

func (t *templateReader) literal(text string) error {
	line := t.in.line
	for i := range len(text) {
		c, err := t.in.ReadByte()
		if err == io.EOF {
			return &Unreadable{Line: line, Why: cutOff, Rest: true}
		}
		if err != nil {
			return err
		}
		if c != text[i] {
			return &Unreadable{Line: line, Why: "it does not look as the template says", Rest: true}
		}
	}
	return nil
}

// text reads a field. One that is not in quotes goes on until end stands there,
// and that is read, too; an empty end is that of the file.
func (t *templateReader) text(escape, end string) (string, error) {
	line := t.in.line
	bad := func(why string) (string, error) { return "", &Unreadable{Line: line, Why: why, Rest: true} }
	var out []byte
	quotes := escape == "json" || escape == "csv"
	if quotes {
		if err := t.literal(`"`); err != nil {
			return "", err
		}
		out = append(out, '"')
	}
	for !quotes && end != "" || quotes {
		c, err := t.in.ReadByte()
		if err == io.EOF {
			return bad(cutOff)
		}
		if err != nil {
			return "", err
		}
		out = append(out, c)
		switch {
		case escape == "json" && c == '\\':
			if c, err = t.in.ReadByte(); err != nil {
				return bad(cutOff)
			}
			out = append(out, c)
		case escape == "json" && c == '"':
			var text string
			if json.Unmarshal(out, &text) != nil {
				return bad("a text is no JSON")
			}
			return text, nil
		case escape == "csv" && c == '"':
			if next, _ := t.in.Peek(1); len(next) == 1 && next[0] == '"' {
				t.in.Discard(1)
				continue
			}
			return string(out[1 : len(out)-1]), nil
		case !quotes && len(out) >= len(end) && string(out[len(out)-len(end):]) == end:
			return unescaped(escape, string(out[:len(out)-len(end)]), line)
		}
	}
	rest, err := io.ReadAll(t.in)
	if err != nil {
		return "", err
	}
	return unescaped(escape, string(rest), line)
}

func unescaped(escape, text string, line int) (string, error) {
	if escape != "xml" {
		return text, nil
	}
	var element struct {
		Text string `xml:",chardata"`
	}
	if strings.ContainsRune(text, '<') || xml.Unmarshal([]byte("<t>"+text+"</t>"), &element) != nil {
		return "", &Unreadable{Line: line, Why: "a text is no XML", Rest: true}
	}
	return element.Text, nil
}
