package harness

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckFiles(t *testing.T) {
	dir := t.TempDir()
	one, same := filepath.Join(dir, "one.csv"), filepath.Join(dir, "below", "one.csv")
	require.NoError(t, os.Mkdir(filepath.Dir(same), 0o700))
	for _, path := range []string{one, same} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	require.NoError(t, checkFiles([]string{one}))
	for says, paths := range map[string][]string{
		"no such file":                          {one, filepath.Join(dir, "two.csv")},
		"is no file: name the files":            {dir},
		"would have the same name in the inbox": {one, same},
	} {
		err := checkFiles(paths)
		require.ErrorIs(t, err, ErrUsage)
		require.ErrorContains(t, err, says)
	}
}
