package stack

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// upSFTP starts a stack of the SFTP server alone, of which nothing may be left.
func upSFTP(t *testing.T) (context.Context, *Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	s, err := Up(ctx, Options{Only: []string{SFTP}})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Down(context.Background()))
		requireNothingOfThisProcess(t)
	})
	return ctx, s
}

// A pipeline that fails for ever may print more than anybody can keep.
func TestLogsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	ctx, s := upSFTP(t)
	begun := time.Now()
	noisy, err := s.Start(ctx, Request{Part: "noisy", Image: s.Images[SFTP].Ref, Entrypoint: []string{"bash", "-c"},
		Command: []string{"yes 'it failed, and is tried again at once' | head -c 60000000; echo the last"}})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := noisy.Inspect(ctx)
		return err == nil && !state.Running
	}, time.Minute, 100*time.Millisecond)
	file := filepath.Join(t.TempDir(), "noisy.log")
	require.NoError(t, noisy.SaveLogs(ctx, file, begun))
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 100_000, bytes.Count(content, []byte("\n")))
	require.True(t, bytes.HasSuffix(content, []byte("the last\n")))
}

// The engine's word on whether a container is paused lags behind what it did.
func TestUnpausingWhatIsNotPausedIsNoError(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	ctx, s := upSFTP(t)
	for range 100 {
		require.NoError(t, s.SFTP.Pause(ctx))
		for range 3 {
			require.NoError(t, s.SFTP.Unpause(ctx))
		}
	}
}
