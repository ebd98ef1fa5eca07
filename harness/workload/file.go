package workload

import (
	"strconv"
	"strings"
)

// Header is the first line of every file.
const Header = "key,version,op,family_name,given_name,birth_date,email,phone,note,employer,role,city,starts_at,hours,salary"

// The values of the column op.
const (
	Upsert   = "upsert"
	Deletion = "delete"
)

// Encode returns the file as it is to be sent: CSV after RFC 4180 with LF at
// the ends of lines, UTF-8, a header, the rows in the order of Ops, and the
// trailer "#rows,<n>" unless the workload has none. Line breaks inside fields
// are LF and CRLF and are to be kept.
func (w *Workload) Encode(file File) []byte {
	out := make([]byte, 0, 64+len(file.Ops)*320)
	out = append(out, Header...)
	out = append(out, '\n')
	rows := 0
	for _, op := range file.Ops {
		if op.Implied {
			continue
		}
		rows++
		out = appendField(out, w.Key(int(op.Number)), false)
		out = append(out, ',')
		out = strconv.AppendInt(out, int64(op.Version), 10)
		out = append(out, ',')
		if op.Delete {
			out = append(out, Deletion...)
			for range fieldCount {
				out = append(out, ',')
			}
			out = append(out, '\n')
			continue
		}
		out = append(out, Upsert...)
		// Some writers quote everything: one record in eight does.
		quoted := hash(w.Config.Seed, uint64(op.Number), 2000)%8 == 0
		for _, text := range w.Row(op) {
			out = append(out, ',')
			out = appendField(out, text, quoted)
		}
		out = append(out, '\n')
	}
	if !w.Config.NoTrailer {
		out = append(out, "#rows,"...)
		out = strconv.AppendInt(out, int64(rows), 10)
		out = append(out, '\n')
	}
	return out
}

func appendField(out []byte, text string, quoted bool) []byte {
	if !quoted && !needsQuotes(text) {
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
