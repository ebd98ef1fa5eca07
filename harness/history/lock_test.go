package history

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriting(t *testing.T) {
	writing := func(dir string) bool {
		t.Helper()
		is, err := Writing(dir)
		require.NoError(t, err)
		return is
	}
	dir := t.TempDir()
	_, err := Writing(dir)
	require.ErrorIs(t, err, os.ErrNotExist)

	w, err := Create(dir, Header{})
	require.NoError(t, err)
	require.True(t, writing(dir))
	require.True(t, writing(dir), "asking changes nothing")
	_, err = Load(dir)
	require.NoError(t, err, "others may read meanwhile")
	require.NoError(t, w.Close())
	require.False(t, writing(dir))

	pipe := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(pipe, FileName), 0o600))
	require.False(t, writing(pipe), "and is not waited for")
}

// TestWriterKilled is called once more as a process of its own, which begins a
// history and is killed.
func TestWriterKilled(t *testing.T) {
	if dir := os.Getenv("SEATRIAL_TEST_HISTORY"); dir != "" {
		_, err := Create(dir, Header{})
		require.NoError(t, err)
		_, err = os.Stdout.WriteString("begun\n")
		require.NoError(t, err)
		_, _ = os.Stdin.Read(make([]byte, 1)) // which never comes
	}
	dir := t.TempDir()
	writer := exec.Command(os.Args[0], "-test.run=^TestWriterKilled$")
	writer.Env = append(os.Environ(), "SEATRIAL_TEST_HISTORY="+dir)
	said, err := writer.StdoutPipe()
	require.NoError(t, err)
	_, err = writer.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, writer.Start())
	_, err = said.Read(make([]byte, 8))
	require.NoError(t, err)
	is, err := Writing(dir)
	require.NoError(t, err)
	require.True(t, is)

	require.NoError(t, writer.Process.Kill())
	_ = writer.Wait() // it was killed
	is, err = Writing(dir)
	require.NoError(t, err)
	require.False(t, is, "the lock dies with its process")
}
