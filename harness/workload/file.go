package workload

import (
	"strconv"
	"strings"
)

// Header is the first line of every file in the reference layout.
const Header = "key,version,op,family_name,given_name,birth_date,email,phone,note,employer,role,city,starts_at,hours,salary"

// The values of the column op.
const (
	Upsert   = "upsert"
	Deletion = "delete"
)

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// Encode returns the file as it is to be sent: CSV after RFC 4180 with LF (or
// CRLF, see File) at the ends of lines, UTF-8, a header, the rows in the order
// of Ops, the copies, and the trailer "#rows,<n>" unless the workload has none.
// Line breaks inside fields are LF and CRLF and are to be kept.
func (w *Workload) Encode(file File) []byte {
	content, _ := w.encode(file, -1)
	return content
}

// Begin is how much of the encoded file is sent before its upload is broken
// off or slows down: up to the middle of a row, outside quotes, behind its key
// and version, in a Format of its own the middle of the row. Row is the position of that row in Ops, -1 where the file has
// no row to be cut; then it is everything.
func (w *Workload) Begin(file File) (bytes, row int) {
	for row := file.own() * 3 / 5; row < file.own(); row++ {
		if op := file.Ops[row]; !op.Delete && op.Accept == Acceptable {
			_, at := w.encode(file, row)
			return at, row
		}
	}
	content, _ := w.encode(file, -1)
	return len(content), -1
}

// encode also returns where the row at position mark is to be cut.
func (w *Workload) encode(file File, mark int) (out []byte, cut int) {
	if file.Blank {
		return nil, 0
	}
	if f := w.Config.Format; f != nil {
		return w.encodeAs(f, file, mark)
	}
	ending := "\n"
	if file.CRLF {
		ending = "\r\n"
	}
	out = make([]byte, 0, 64+len(file.Ops)*320)
	if file.BOM {
		out = append(out, byteOrderMark...)
	}
	out = append(append(out, Header...), ending...)
	own := file.own()
	for i, op := range file.Ops[:own] {
		if i == mark {
			cut = len(out) + len(w.Key(int(op.Number))) + len(strconv.Itoa(int(op.Version))) + len(",,") + len(Upsert)/2
		}
		out = append(w.appendRow(out, op), ending...)
	}
	for _, i := range file.Copies {
		out = append(w.appendRow(out, file.Ops[i]), ending...)
	}
	if !w.Config.NoTrailer {
		out = append(out, "#rows,"...)
		out = strconv.AppendInt(out, int64(file.Rows()), 10)
		out = append(out, ending...)
	}
	return out, cut
}

func (w *Workload) appendRow(out []byte, op Op) []byte {
	out = appendField(out, w.Key(int(op.Number)), false)
	out = append(out, ',')
	out = strconv.AppendInt(out, int64(op.Version), 10)
	out = append(out, ',')
	if op.Delete {
		out = append(out, Deletion...)
		for range fieldCount {
			out = append(out, ',')
		}
		return out
	}
	out = append(out, Upsert...)
	// Some writers quote everything: one record in eight does.
	quoted := hash(w.Config.Seed, uint64(op.Number), 2000)%8 == 0
	for _, text := range w.Row(op) {
		out = append(out, ',')
		out = appendField(out, text, quoted)
	}
	return out
}

func appendField(out []byte, text string, quoted bool) []byte {
	return appendFieldBy(out, text, quoted, ',')
}

func appendFieldBy(out []byte, text string, quoted bool, delimiter byte) []byte {
	if !quoted && !needsQuotes(text) && strings.IndexByte(text, delimiter) < 0 {
		return append(out, text...)
	}
	out = append(out, '"')
	for {
		before, after, found := strings.Cut(text, `"`)
		out = append(out, before...)
		if !found {
			return append(out, '"')
		}
		out = append(out, '"', '"')
		text = after
	}
}

// needsQuotes is more careful than RFC 4180: spaces at the ends, comment
// signs and backslashes mean something to some readers. The empty text is
// left to the reader: it stays empty.
func needsQuotes(text string) bool {
	if text == "" {
		return false
	}
	return strings.ContainsAny(text, ",\"\r\n") || text[0] == ' ' || text[0] == '\t' || text[0] == '#' || text[0] == '\\' ||
		text[len(text)-1] == ' ' || text[len(text)-1] == '\t'
}
