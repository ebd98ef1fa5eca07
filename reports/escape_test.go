package reports

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Ana Kovač, 3 – ok", "Ana Kovač, 3 – ok"},
		{"line breaks and tab", "a\r\nb\tc", `a\r\nb\tc`},
		{"terminal escape", "\x1b[2Jgone", `\x1b[2Jgone`},
		{"text direction", "abc\u202edef", `abc\u202edef`},
		{"broken bytes", "a\xffb", `a\xffb`},
		{"a real replacement character stands", "a\ufffdb", "a\ufffdb"},
		{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
		{"C1 control", "\u0085", `\u0085`},
		{"outside the basic plane", "\U000e0001", `\U000e0001`},
		{"decomposed accent stands", "e\u0301", "e\u0301"},
		{"other spaces are named", "a\u00a0b", `a\u00a0b`},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, printable(c.in)) })
	}
}

func TestShorten(t *testing.T) {
	require.Equal(t, "abc", shorten("abc", 3))
	require.Equal(t, "ab…", shorten("abcd", 3))
	require.Equal(t, "日…", shorten("日本語", 2))
	require.Equal(t, "", shorten("abc", 0))
}

func TestCode(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "a|b<b>", "`a|b<b>`"},
		{"backticks inside", "a``b", "```a``b```"},
		{"backtick at the edge", "`a", "`` `a ``"},
		{"spaces at both edges", " a ", "`  a  `"},
		{"space at one edge", " a", "` a`"},
		{"empty", "", "(0 spaces)"},
		{"only spaces", "   ", "(3 spaces)"},
		{"line break", "a\n\nb", "`a\\n\\nb`"},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, code(c.in)) })
	}
}

func TestProse(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"markup", "*a* _b_ `c` [d](e) # ~~f~~", "\\*a\\* \\_b\\_ \\`c\\` \\[d\\](e) \\# \\~\\~f\\~\\~"},
		{"HTML", `<script>alert("&")</script>`, `&lt;script&gt;alert("&amp;")&lt;/script&gt;`},
		{"table", "a|b", "a&#124;b"},
		{"link and mention", "see http://x.example @ops", "see http:&#8288;//x.example @&#8288;ops"},
		{"backslash cannot unescape", `\*`, `\\\*`},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, prose(c.in)) })
	}
}

// span reads a Markdown code span at the beginning of text as the CommonMark
// specification (0.31, 6.1) says, written apart from code.
func span(text string) (content string, whole bool) {
	fence := len(text) - len(strings.TrimLeft(text, "`"))
	rest := text[fence:]
	for i := 0; i < len(rest); {
		if rest[i] != '`' {
			i++
			continue
		}
		run := len(rest[i:]) - len(strings.TrimLeft(rest[i:], "`"))
		if run == fence {
			content = rest[:i]
			if len(content) > 1 && content[0] == ' ' && content[len(content)-1] == ' ' && strings.TrimSpace(content) != "" {
				content = content[1 : len(content)-1]
			}
			return content, i+run == len(rest)
		}
		i += run
	}
	return "", false
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", " ", "a", "``", "` `", "<script>", "a\x00\x1b[31m", "\xff\xfe", "a|b\\|c", "http://x @y", "\u202e", "]]>", "\r\n\r\n# h", "=1+1", "&#124;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		line := printable(text)
		require.True(t, utf8.ValidString(line))
		for _, r := range line {
			require.True(t, r == ' ' || unicode.IsGraphic(r), "%q is not printable", r)
		}
		require.Equal(t, line, printable(line), "escaping twice changes nothing more")

		if strings.TrimSpace(line) != "" {
			content, whole := span(code(text))
			require.True(t, whole, "the span ends where the text does: %q", code(text))
			require.Equal(t, line, content)
		}

		shown := prose(text)
		for _, forbidden := range []string{"<", ">", "|", "\n", "://"} {
			require.NotContains(t, shown, forbidden)
		}
		require.Equal(t, line, unescapeProse(shown))

		var b strings.Builder
		require.NoError(t, xml.EscapeText(&b, []byte(line)))
		var back struct {
			Text string `xml:",chardata"`
		}
		require.NoError(t, xml.Unmarshal([]byte("<a>"+b.String()+"</a>"), &back))
		require.Equal(t, line, back.Text)
	})
}

// unescapeProse reads back what a Markdown program would show.
func unescapeProse(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		switch {
		case text[0] == '\\' && len(text) > 1:
			b.WriteByte(text[1])
			text = text[2:]
		case text[0] == '&':
			end := strings.IndexByte(text, ';')
			b.WriteString(map[string]string{"&amp;": "&", "&lt;": "<", "&gt;": ">", "&#124;": "|", "&#8288;": ""}[text[:end+1]])
			text = text[end+1:]
		default:
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	return b.String()
}
