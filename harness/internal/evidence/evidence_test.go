package evidence

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     `""`,
		"<b>\x00":                              `"<b>\x00"`,
		"Łódź":                                 `"\u0141\u00f3d\u017a"`,
		"12345678":                             `"12345678"`,
		"123456789":                            `"12345678"… (9 bytes)`,
		"1234567ź":                             `"1234567"… (9 bytes)`,
		"\xbf\xbf\xbf\xbf\xbf\xbf\xbf\xbf\xbf": `""… (9 bytes)`,
	} {
		require.Equal(t, want, Quoted(text, 8), "%q", text)
	}
}
