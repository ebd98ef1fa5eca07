package reports

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Record content, file names and what services answer are hostile: they may
// hold terminal escapes, text direction marks, HTML, Markdown, characters that
// XML forbids and bytes that are no UTF-8. printable makes one line of it;
// each format adds its own escaping on top.

// printable returns text as one line without anything that a terminal or a
// reader would not see as it is: control and format characters, line breaks
// and broken UTF-8 are written as Go would (\n, \x1b, \u202e).
func printable(text string) string {
	clean := true
	for _, r := range text {
		if r == utf8.RuneError || !seen(r) {
			clean = false
			break
		}
	}
	if clean {
		return text
	}
	var b strings.Builder
	b.Grow(len(text) + 16)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case seen(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// Line returns text as one line that shows as what it is, whatever a record or
// a service put there: control and format characters, line breaks and broken
// UTF-8 are written out (\n, \x1b, \u202e).
func Line(text string) string { return printable(text) }

// sentence returns a reason or an error as one line: several errors that were
// joined stand behind each other.
func sentence(text string) string {
	return printable(strings.ReplaceAll(strings.TrimSpace(text), "\n", "; "))
}

// seen reports whether a character shows as itself. Combining accents do;
// joiners inside emoji do not and are written out, which is exact.
func seen(r rune) bool {
	return r == ' ' || (unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r))
}

// shorten cuts text to at most limit characters, the last of them an ellipsis
// where something was cut off.
func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	if limit <= 0 {
		return ""
	}
	at := 0
	for range limit - 1 {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at] + "…"
}

// code returns text as a Markdown code span, in which nothing of it means
// anything: the fence is longer than any run of backticks inside. It must not
// stand in a table, where a vertical bar would end the cell.
func code(text string) string {
	text = printable(text)
	if strings.TrimSpace(text) == "" {
		return fmt.Sprintf("(%d spaces)", utf8.RuneCountInString(text))
	}
	longest, current := 0, 0
	for _, r := range text {
		if r == '`' {
			current++
			longest = max(longest, current)
		} else {
			current = 0
		}
	}
	fence := strings.Repeat("`", longest+1)
	// One space on each side is taken off again by the reader's program; it
	// keeps a backtick or a space at the edge apart from the fence.
	first, last := text[0], text[len(text)-1]
	if first == '`' || last == '`' || (first == ' ' && last == ' ') {
		text = " " + text + " "
	}
	return fence + text + fence
}

// prose returns text so that Markdown shows it as it is, in running text or
// in a table: no markup, no HTML, no link and nobody mentioned.
func prose(text string) string {
	return proseEscapes.Replace(printable(text))
}

// The word joiner (&#8288;) cannot be seen; it keeps addresses from turning
// into links and names from being notified.
var proseEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `~`, `\~`, `$`, `\$`, `#`, `\#`,
	`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`, `|`, `&#124;`,
	`@`, `@&#8288;`, `://`, `:&#8288;//`, `www.`, `www&#8288;.`, `WWW.`, `WWW&#8288;.`,
)
