package history

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Reads of millions of records are judged in seconds, and most of that is
// reading them: this decoder knows the one form that Entry is written in and
// is some times faster than encoding/json. For every other form, right or
// wrong, it says false and encoding/json decides.

// decodeEntry reads a line into entry, its content into fields. Texts without
// escapes are parts of line.
func decodeEntry(line string, entry *Entry, fields map[string]string) bool {
	clear(fields)
	*entry = Entry{}
	p := &scanner{text: line}
	if !p.next('{') {
		return false
	}
	for first := true; ; first = false {
		if p.next('}') {
			break
		}
		if !first && !p.next(',') {
			return false
		}
		name, ok := p.string()
		if !ok || !p.next(':') {
			return false
		}
		switch name {
		case "n":
			entry.Number, ok = p.int()
		case "v":
			entry.Version, ok = p.int()
		case "k":
			entry.Key, ok = p.string()
		case "d":
			entry.Deleted = p.word("true")
			ok = entry.Deleted || p.word("false")
		case "op":
			entry.Op, ok = p.string()
		case "w":
			entry.Where, ok = p.string()
		case "f":
			entry.Fields = fields
			ok = p.fields(fields)
		default:
			return false
		}
		if !ok {
			return false
		}
	}
	return strings.Trim(p.text[p.at:], " \n\r\t") == ""
}

type scanner struct {
	text string
	at   int
}

func (p *scanner) next(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *scanner) word(word string) bool {
	if strings.HasPrefix(p.text[p.at:], word) {
		p.at += len(word)
		return true
	}
	return false
}

func (p *scanner) int() (int, bool) {
	start := p.at
	p.next('-')
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	digits := p.text[start:p.at]
	if len(digits) > 18 || len(strings.TrimLeft(digits, "-")) > 1 && strings.TrimLeft(digits, "-")[0] == '0' {
		return 0, false
	}
	value, err := strconv.Atoi(digits)
	return value, err == nil
}

func (p *scanner) fields(fields map[string]string) bool {
	if !p.next('{') {
		return false
	}
	for first := true; ; first = false {
		if p.next('}') {
			return true
		}
		if !first && !p.next(',') {
			return false
		}
		name, ok := p.string()
		if !ok || !p.next(':') {
			return false
		}
		if fields[name], ok = p.string(); !ok {
			return false
		}
	}
}

// string reads a JSON string. Control characters and invalid UTF-8 are left
// to encoding/json.
func (p *scanner) string() (string, bool) {
	if !p.next('"') {
		return "", false
	}
	start, plain := p.at, true
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			text := p.text[start:p.at]
			p.at++
			if !plain && !utf8.ValidString(text) {
				return "", false
			}
			return text, true
		case c == '\\':
			return p.escaped(start)
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return "", false
}

// escaped reads the rest of a string that has escapes.
func (p *scanner) escaped(start int) (string, bool) {
	var out strings.Builder
	out.WriteString(p.text[start:p.at])
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			text := out.String()
			return text, utf8.ValidString(text)
		case c < ' ':
			return "", false
		case c != '\\':
			out.WriteByte(c)
			continue
		}
		if p.at >= len(p.text) {
			return "", false
		}
		c = p.text[p.at]
		p.at++
		if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
			out.WriteByte("\"\\/\b\f\n\r\t"[i])
			continue
		}
		if c != 'u' || p.at+4 > len(p.text) {
			return "", false
		}
		code, err := strconv.ParseUint(p.text[p.at:p.at+4], 16, 16)
		if err != nil || code >= 0xd800 && code < 0xe000 { // surrogates are rare: left to encoding/json
			return "", false
		}
		p.at += 4
		out.WriteRune(rune(code))
	}
	return "", false
}
