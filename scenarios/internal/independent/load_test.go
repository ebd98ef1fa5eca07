package independent

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWithoutTrailer(t *testing.T) {
	for content, want := range map[string]struct {
		body string
		rows int
	}{
		"key,version\na,1\n#rows,1\n":                 {"key,version\na,1\n", 1},
		"key,version\r\na,1\r\n#rows,1\r\n":           {"key,version\r\na,1\r\n", 1},
		"key,version\n#rows,0\n":                      {"key,version\n", 0},
		"key,version\na,1\n":                          {"key,version\na,1\n", -1},
		"key,note\na,\"looks\n#rows,3\n\"\n#rows,1\n": {"key,note\na,\"looks\n#rows,3\n\"\n", 1},
		"key,note\na,\"looks\n#rows,3\n\"\n":          {"key,note\na,\"looks\n#rows,3\n\"\n", -1},
	} {
		body, rows, err := withoutTrailer([]byte(content))
		require.NoError(t, err)
		require.Equal(t, want.body, string(body))
		require.Equal(t, want.rows, rows)
	}
	_, _, err := withoutTrailer([]byte("key\n#rows,many\n"))
	require.Error(t, err)
}
