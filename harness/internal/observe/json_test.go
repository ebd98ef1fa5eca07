package observe

import (
	"encoding/json"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzScanner holds the scanner to encoding/json: what that reads, the
// scanner reads alike; nothing makes it hang or fall.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{
		`{}`, `[]`, `{"a":[1,"b",{"c":null}],"d":"\u00e9\"x"}`, ` { "a" : -1.5e3 , "b" : [ ] } `, `{"a"`, `[[[`, `"`, `{"a":}`, `[1 2]`, `tru`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &scanner{text: []byte(text)}
		got := build(s, 0)
		var want any
		if json.Unmarshal([]byte(text), &want) != nil || !utf8.ValidString(text) {
			return // encoding/json mends what is no UTF-8
		}
		require.NoError(t, s.err, text)
		require.Equal(t, plain(want), got, text)
	})
}

func build(s *scanner, depth int) any {
	if depth > 1000 {
		s.fail()
	}
	switch s.next() {
	case '{':
		object := map[string]any{}
		s.object(func(name []byte) {
			text := string(name)
			object[text] = build(s, depth+1)
		})
		return object
	case '[':
		array := []any{}
		s.array(func() { array = append(array, build(s, depth+1)) })
		return array
	}
	text := string(s.scalar())
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return strconv.FormatFloat(number, 'g', -1, 64)
	}
	return text
}

// plain brings scalars to text as the scanner returns them.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name := range value {
			value[name] = plain(value[name])
		}
		return value
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
		return value
	case string:
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			return strconv.FormatFloat(number, 'g', -1, 64)
		}
		return value
	case float64:
		return strconv.FormatFloat(value, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(value)
	}
	return "null"
}

func TestScannerStopsAtWhatIsNoJSON(t *testing.T) {
	for _, text := range []string{"", "{", `{"a"`, `{"a":`, `[1`, `]`, `"abc`, `{"a":}`, `{1:2}`} {
		s := &scanner{text: []byte(text)}
		s.skip()
		require.ErrorIs(t, s.err, errNoJSON, text)
	}
}
