package stack_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

func TestUpResetDown(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Docker")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	begun := time.Now()
	s, err := stack.Up(ctx, stack.Options{Progress: func(text string) { t.Logf("%6.2fs %s", time.Since(begun).Seconds(), text) }})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Down(context.Background()))
		found, err := stack.Find(context.Background())
		require.NoError(t, err)
		for _, other := range found {
			require.NotEqual(t, s.ID, other.ID, "something of the stack is left")
		}
	})
	t.Logf("up after %s: %v", time.Since(begun), s.Seconds)
	begun = time.Now()
	require.NoError(t, s.Reset(ctx))
	t.Logf("reset took %s", time.Since(begun))
	require.NoError(t, s.SFTP.CopyIn(ctx, "/mnt/some.csv", 0o600, []byte("text")))
	files, err := s.SFTP.Files(ctx, "/mnt")
	require.NoError(t, err)
	require.Equal(t, []string{"some.csv"}, files)
	files, err = s.Proxy.Files(ctx, "/nowhere")
	require.NoError(t, err, "there is nothing in a folder that is none, nor a program in this image")
	require.Empty(t, files)
	for _, c := range s.Services() {
		begun := time.Now()
		require.NoError(t, c.Kill(ctx))
		require.NoError(t, c.StartAgain(ctx))
		proof, err := c.Ready(ctx)
		require.NoError(t, err)
		t.Logf("%s back after %s: %s", c.Part(), time.Since(begun), proof)
	}
	canary, err := s.Control.Canary(ctx, stack.RabbitMQ)
	require.NoError(t, err)
	require.Empty(t, canary.Error)
	// What a run left down does not spoil the next one.
	require.NoError(t, s.SFTP.Kill(ctx))
	require.NoError(t, s.PutBack(ctx))
	_, err = s.SFTP.Ready(ctx)
	require.NoError(t, err)
}
