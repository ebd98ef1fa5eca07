package stack

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
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

// The engine's word on whether a container is paused lags behind what it did. No
// engine can be made to do that on demand.
func TestUnpausingWhatIsNotPausedIsNoError(t *testing.T) {
	for _, refusal := range []string{
		"Cannot unpause container 1f: cannot resume a running process: unknown",
		"Container 1f is not paused",
	} {
		behind := true
		engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/unpause") {
				behind = false
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprintf(w, `{"message": %q}`, refusal)
				return
			}
			fmt.Fprintf(w, `{"Id": "1f", "State": {"Running": true, "Paused": %t}, "NetworkSettings": {}}`, behind)
		}))
		defer engine.Close()
		docker, err := client.New(client.WithHost("tcp://"+engine.Listener.Addr().String()), client.WithAPIVersion("1.44"))
		require.NoError(t, err)
		c := &Container{request: Request{Part: "role"}, stack: &Stack{docker: &testcontainers.DockerClient{Client: docker}}}
		require.NoError(t, c.Unpause(t.Context()))
		require.False(t, behind, "the engine was not asked")
	}
}
