package file

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever copies one of the pipelines in fixtures begins with a description that is right.
func TestExamples(t *testing.T) {
	found := 0
	require.NoError(t, filepath.WalkDir("../../../../fixtures/pipelines", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == Name {
			found++
			_, err = Read(name)
		}
		return err
	}))
	require.GreaterOrEqual(t, found, 3)
}
