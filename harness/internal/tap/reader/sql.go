package reader

import "strings"

// statement is what the beginning of an SQL statement shows.
type statement struct {
	verb   string
	target string // table
	writes bool   // or may: CALL, DO, EXECUTE and whatever changes the schema
}

func (s statement) commits() bool { return s.target == commitTarget && !s.writes }

// classify returns the statements of a text, as far as it was read.
func classify(sql string) []statement {
	var statements []statement
	scan := tokens{text: sql}
	for {
		words := scan.statement()
		if words == nil {
			return statements
		}
		if len(words) > 0 {
			statements = append(statements, understand(words))
		}
		if len(statements) >= 256 {
			return statements
		}
	}
}

// understand judges the words of one statement, in lower case unless quoted.
func understand(words []string) statement {
	verb := words[0]
	rest := words[1:]
	writes := func(target string) statement { return statement{verb, target, true} }
	switch verb {
	case "insert", "merge", "replace":
		return writes(table(rest, "into"))
	case "update":
		return writes(table(rest, "only"))
	case "delete":
		return writes(table(rest, "from", "only"))
	case "truncate":
		return writes(table(rest, "table", "only"))
	case "copy":
		for _, word := range rest {
			switch word {
			case "from":
				return writes(table(rest))
			case "to":
				return statement{verb: verb}
			}
		}
	case "with":
		return within(verb, rest)
	case "create", "alter", "drop", "grant", "revoke", "comment", "reindex", "refresh", "import", "security":
		return writes("schema")
	case "call":
		return writes(table(rest))
	case "do", "execute":
		return writes(verb)
	case "commit", "end":
		return statement{verb: verb, target: commitTarget}
	}
	return statement{verb: verb}
}

// within finds the first thing that a WITH writes.
func within(verb string, words []string) statement {
	for i, word := range words {
		before := ""
		if i > 0 {
			before = words[i-1]
		}
		rest := words[i+1:]
		switch {
		case word == "insert" && len(rest) > 0 && rest[0] == "into", word == "merge" && len(rest) > 0 && rest[0] == "into":
			return statement{verb, table(rest, "into"), true}
		case word == "delete" && len(rest) > 0 && rest[0] == "from" && before != "on":
			return statement{verb, table(rest, "from", "only"), true}
		case word == "update" && before != "for" && before != "do" && before != "on" && before != "key" && len(rest) > 0 && rest[0] != "set":
			return statement{verb, table(rest, "only"), true}
		}
	}
	return statement{verb: verb}
}

// table returns the name behind words that may stand before it.
func table(words []string, before ...string) string {
	for _, skip := range before {
		if len(words) > 0 && words[0] == skip {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return "?"
	}
	return strings.TrimPrefix(words[0], "public.")
}

// tokens walks through SQL: names (with their schema), without comments,
// strings, numbers and signs.
type tokens struct {
	text string
	at   int
}

// mostWords of a statement are looked at.
const mostWords = 2000

// statement returns the words up to the next semicolon; nil at the end.
func (t *tokens) statement() []string {
	if t.at >= len(t.text) {
		return nil
	}
	words := []string{}
	joins := false // the word belongs to the one before: schema.table
	for t.at < len(t.text) {
		c := t.text[t.at]
		switch {
		case c == ';':
			t.at++
			return words
		case c == '-' && t.sees("--"):
			t.skip("\n")
		case c == '/' && t.sees("/*"):
			t.skip("*/")
		case c == '\'':
			t.quoted('\'')
			joins = false
		case c == '$':
			t.dollar()
			joins = false
		case c == '"' || letter(c):
			word := t.word()
			if joins && len(words) > 0 {
				words[len(words)-1] += "." + word
			} else if len(words) < mostWords {
				words = append(words, word)
			}
			joins = false
		case c == '.':
			joins = t.at > 0 && (letter(t.text[t.at-1]) || t.text[t.at-1] == '"' || digit(t.text[t.at-1]))
			t.at++
		case digit(c):
			for t.at < len(t.text) && (digit(t.text[t.at]) || letter(t.text[t.at])) {
				t.at++
			}
			joins = false
		default:
			t.at++
			joins = false
		}
	}
	return words
}

func letter(c byte) bool { return c == '_' || c >= 0x80 || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func (t *tokens) sees(s string) bool { return strings.HasPrefix(t.text[t.at:], s) }

// skip goes behind the next s, or to the end.
func (t *tokens) skip(s string) {
	if i := strings.Index(t.text[t.at:], s); i >= 0 {
		t.at += i + len(s)
		return
	}
	t.at = len(t.text)
}

// quoted goes behind a string; a doubled quote stands for one.
func (t *tokens) quoted(quote byte) (content string) {
	t.at++
	begin := t.at
	for t.at < len(t.text) {
		if t.text[t.at] != quote {
			t.at++
			continue
		}
		if t.at+1 < len(t.text) && t.text[t.at+1] == quote {
			t.at += 2
			continue
		}
		content = t.text[begin:t.at]
		t.at++
		return content
	}
	return t.text[begin:]
}

// dollar goes behind a dollar-quoted string or a parameter.
func (t *tokens) dollar() {
	end := t.at + 1
	for end < len(t.text) && (letter(t.text[end]) || digit(t.text[end])) {
		end++
	}
	if end < len(t.text) && t.text[end] == '$' {
		tag := t.text[t.at : end+1]
		t.at = end + 1
		t.skip(tag)
		return
	}
	t.at = end
}

func (t *tokens) word() string {
	if t.text[t.at] == '"' {
		return t.quoted('"')
	}
	begin := t.at
	for t.at < len(t.text) && (letter(t.text[t.at]) || digit(t.text[t.at]) || t.text[t.at] == '$') {
		t.at++
	}
	return strings.ToLower(t.text[begin:t.at])
}
