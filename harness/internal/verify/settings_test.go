package verify

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSettings(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.env")
	require.NoError(t, os.WriteFile(name, []byte("\n# comment\nexport A='1 = 2'\nB = two \nC=\"\"\n"), 0o600))
	s, err := ReadSettings(name, func(name string) string { return "environment " + name })
	require.NoError(t, err)
	require.Equal(t, []string{"1 = 2", "two", "", "environment D"}, []string{s.Get("A"), s.Get("B"), s.Get("C"), s.Get("D")})
	require.False(t, ReadByOthers(name))
	require.NoError(t, os.Chmod(name, 0o640))
	require.True(t, ReadByOthers(name))
}

// However an address is written, what stands in an error has no password in it.
func TestSecretsAreHidden(t *testing.T) {
	for _, address := range []string{"postgres://u:se%2Fcret@h/db", "postgres://u:se/cret@h:port/db", "host=h user=u password=se/cret"} {
		s, err := ReadSettings("", func(name string) string {
			return map[string]string{"POSTGRES_URL": address, "ELASTICSEARCH_URL": "http://u:p%40ss@h", "ELASTICSEARCH_API_KEY": "key-key", "SFTP_PASSWORD": "sftp-pass"}[name]
		})
		require.NoError(t, err)
		cause := errors.New("cannot use " + address + " or se/cret, p@ss, p%40ss, key-key, sftp-pass, for u")
		hidden := s.hide(cause)
		for _, secret := range []string{"se/cret", "se%2Fcret", "p@ss", "p%40ss", "key-key", "sftp-pass"} {
			require.NotContains(t, hidden.Error(), secret)
		}
		require.Contains(t, hidden.Error(), "for u")
		require.ErrorIs(t, hidden, cause)
	}
	require.NoError(t, Settings{}.hide(nil))
}

func TestHighWater(t *testing.T) {
	require.Equal(t, int64(37812)<<10, highWater([]byte("Name:\tseatrial\nVmPeak:\t 1 kB\nVmHWM:\t   37812 kB\n")))
	require.Zero(t, highWater([]byte("VmHWM:\tmuch\n")))
	require.Positive(t, PeakBytes())
}
