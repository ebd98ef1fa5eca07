package workload

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// escapes are the functions of templates.
var escapes = template.FuncMap{
	"csv":  func(text string) string { return string(appendFieldBy(nil, text, true, ',')) },
	"json": func(text string) string { return string(jsonText(text)) },
	"xml":  func(text string) string { return xmlText(text) },
}

// encodeAs is encode in a format of somebody's own.
func (w *Workload) encodeAs(f *Format, file File, mark int) (out []byte, cut int) {
	ending := "\n"
	if f.CRLF || file.CRLF {
		ending = "\r\n"
	}
	if file.BOM {
		out = append(out, byteOrderMark...)
	}
	parsed, err := f.templates()
	if err != nil {
		panic(err) // New has validated it
	}
	about := end{Rows: file.Rows(), Name: file.Name, Number: file.Seq}
	out = f.begin(out, ending, parsed[0], about)
	row := func(i int) {
		at := len(out)
		out = w.appendRowAs(f, out, file.Ops[i], ending, parsed[1])
		if i == mark {
			cut = at + (len(out)-at)/2
		}
	}
	for i := range file.own() {
		row(i)
	}
	own := cut
	for _, i := range file.Copies {
		row(int(i))
	}
	cut = own
	return f.end(out, ending, parsed[2], about), cut
}

func (f *Format) begin(out []byte, ending string, header *template.Template, about end) []byte {
	switch {
	case f.Kind == CSV && !f.NoHeader:
		for i, c := range f.Columns {
			if i > 0 {
				out = append(out, f.delimiter())
			}
			out = appendFieldBy(out, c.Name, f.QuoteAll, f.delimiter())
		}
		return append(out, ending...)
	case f.Kind == XML:
		return append(out, `<?xml version="1.0" encoding="UTF-8"?>`+ending+"<"+f.Root+">"+ending...)
	case header != nil:
		return execute(out, header, about)
	}
	return out
}

func (f *Format) end(out []byte, ending string, footer *template.Template, about end) []byte {
	if f.Kind == XML {
		out = append(out, "</"+f.Root+">"+ending...)
	}
	if f.Trailer != "" {
		out = append(out, strings.ReplaceAll(f.Trailer, "{rows}", strconv.Itoa(about.Rows))+ending...)
	}
	if footer != nil {
		out = execute(out, footer, about)
	}
	return out
}

func (f *Format) delimiter() byte { return cmp.Or(f.Delimiter, ",")[0] }

func execute(out []byte, t *template.Template, data any) []byte {
	buffer := bytes.NewBuffer(out)
	// New has executed it with data of the same shape.
	_ = t.Execute(buffer, data)
	return buffer.Bytes()
}

// cell is what one column of a row says.
type cell struct {
	column  *Column
	text    string
	content bool // it is left out, or empty, where the row is a deletion
}

func (w *Workload) values(f *Format, op Op) []cell {
	record := w.Row(op)
	values := make([]cell, len(f.Columns))
	for i := range f.Columns {
		c := &f.Columns[i]
		v := cell{column: c}
		switch c.Holds {
		case "":
			v.text = c.Constant
		case HoldsKey:
			v.text = w.Key(int(op.Number))
		case HoldsVersion:
			v.text = strconv.Itoa(int(op.Version))
		case HoldsOperation:
			if v.text = cmp.Or(c.Upsert, Upsert); op.Delete {
				v.text = cmp.Or(c.Delete, Deletion)
			}
		default:
			at := fieldNamed(c.Holds)
			v.text, v.content = c.laidOut(Fields[at].Type, record[at]), true
		}
		values[i] = v
	}
	return values
}

// laidOut returns a date or an instant as the column has it. An instant in a
// layout without a zone is in UTC.
func (c *Column) laidOut(kind Type, text string) string {
	if c.Layout == "" {
		return text
	}
	from := time.DateOnly
	if kind == Timestamp {
		from = time.RFC3339Nano
	}
	at, err := time.Parse(from, text)
	if err != nil {
		return text // not known, or to be rejected
	}
	return at.UTC().Format(c.Layout)
}

func (w *Workload) appendRowAs(f *Format, out []byte, op Op, ending string, row *template.Template) []byte {
	values := w.values(f, op)
	switch f.Kind {
	case CSV:
		for i, v := range values {
			if i > 0 {
				out = append(out, f.delimiter())
			}
			out = appendFieldBy(out, v.text, f.QuoteAll, f.delimiter())
		}
	case JSONLines:
		out = appendObject(out, values, op.Delete)
	case XML:
		out = f.appendElement(out, values, op.Delete)
	case Templated:
		named := make(map[string]string, len(values))
		for _, v := range values {
			named[v.column.Name] = v.text
		}
		return execute(out, row, named)
	}
	return append(out, ending...)
}

func appendObject(out []byte, values []cell, deletion bool) []byte {
	out = append(out, '{')
	first := true
	for _, v := range values {
		if v.content && deletion {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(out, jsonText(v.column.Name)...), ':')
		switch {
		case !v.column.Number:
			out = append(out, jsonText(v.text)...)
		case json.Valid([]byte(v.text)):
			out = append(out, v.text...)
		default:
			out = append(out, "null"...)
		}
	}
	return append(out, '}')
}

// jsonText leaves markup as it is: "\u003c" would be the same, and no file has it.
func jsonText(text string) []byte {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string always can be
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n"))
}

// appendElement keeps a record on one line: line breaks in texts are references.
func (f *Format) appendElement(out []byte, values []cell, deletion bool) []byte {
	out = append(append(out, '<'), f.Element...)
	for _, v := range values {
		if name, attribute := strings.CutPrefix(v.column.Name, "@"); attribute && !(v.content && deletion) {
			out = append(out, " "+name+`="`+xmlText(v.text)+`"`...)
		}
	}
	out = append(out, '>')
	for _, v := range values {
		if name := v.column.Name; name[0] != '@' && !(v.content && deletion) {
			out = append(out, "<"+name+">"+xmlText(v.text)+"</"+name+">"...)
		}
	}
	return append(out, "</"+f.Element+">"...)
}

func xmlText(text string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(text)) // a buffer takes everything
	return out.String()
}
