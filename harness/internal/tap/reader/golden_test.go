package reader

import (
	"bufio"
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Captured sessions of real clients with real services: testdata/<protocol>-<client>.talk
// has what was said, ">" towards the service, one piece as it came a line;
// testdata/<protocol>-<client>.events what the reader makes of it. package capture makes the former.
func TestCapturedSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.talk")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".talk"), func(t *testing.T) {
			protocol, _, _ := strings.Cut(filepath.Base(file), "-")
			talk := load(t, file)
			whole := read(t, protocol, nil, talk, 1<<30, 0)
			got := strings.Join(whole.events, "\n") + "\n"
			golden := strings.TrimSuffix(file, ".talk") + ".events"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
			require.NotContains(t, got, "unreadable")
			for _, size := range []int{1, 7, 1000} {
				require.Equal(t, whole, read(t, protocol, nil, talk, size, 0), "pieces of %d", size)
			}
		})
	}
}

func load(t *testing.T, file string) (talk []said) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := bufio.NewScanner(bytes.NewReader(content))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		mark, quoted, ok := strings.Cut(lines.Text(), " ")
		require.True(t, ok, lines.Text())
		text, err := strconv.Unquote(quoted)
		require.NoError(t, err)
		d := Up
		if mark == "<" {
			d = Down
		}
		talk = append(talk, said{d, text})
	}
	require.NoError(t, lines.Err())
	return talk
}
