// Package evidence writes contents of records into what people read as proof:
// they are hostile, and may be long.
package evidence

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Quoted quotes a text in ASCII, for any screen, and cuts what is longer than most
// bytes between two of its characters.
func Quoted(text string, most int) string {
	if len(text) <= most {
		return strconv.QuoteToASCII(text)
	}
	end := most
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strconv.QuoteToASCII(text[:end]) + fmt.Sprintf("… (%d bytes)", len(text))
}
