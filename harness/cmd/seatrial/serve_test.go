package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/reports"
)

func TestServe(t *testing.T) {
	out := filepath.Dir(storedRun(t, "calm"))
	signals := make(chan os.Signal, 1)
	printed, stdout := io.Pipe()
	stderr := &lockedBuffer{}
	ended := make(chan int, 1)
	go func() {
		code := newApp((&fake{}).world(), stdout, stderr).execute(t.Context(), signals, []string{"serve", "--out", out, "--json"})
		stdout.Close()
		ended <- code
	}()
	var standing served
	require.NoError(t, json.NewDecoder(printed).Decode(&standing), stderr)
	require.Equal(t, 1, standing.Runs)
	require.Equal(t, out, standing.Out)
	go func() { _, _ = io.Copy(io.Discard, printed) }()

	answer, err := http.Get(standing.URL)
	require.NoError(t, err)
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Contains(t, string(page), out)

	// The port is taken now: that is said before anything else is done.
	_, port, err := net.SplitHostPort(strings.Trim(strings.TrimPrefix(standing.URL, "http://"), "/"))
	require.NoError(t, err)
	taken := call(t, &fake{}, "serve", "--out", out, "--port", port)
	require.Equal(t, reports.ExitUsage, taken.code)
	require.Contains(t, taken.stderr, fmt.Sprintf("--port %s is taken", port))
	require.Contains(t, taken.stderr, "name another one")
	require.Empty(t, taken.stdout)

	signals <- os.Interrupt
	select {
	case code := <-ended:
		require.Zero(t, code, "Ctrl-C is how it is meant to end: %s", stderr)
	case <-time.After(startsWithin):
		require.FailNow(t, "it does not end")
	}
	require.NotContains(t, stderr.String(), "putting everything back", "nothing was broken")
	_, err = net.Dial("tcp4", "127.0.0.1:"+port)
	require.Error(t, err)
}

func TestServePrintsItsAddress(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	got := callWith(t, &fake{}, signals, "serve", "--out", t.TempDir())
	require.Zero(t, got.code, got.stderr)
	require.Regexp(t, `^http://127\.0\.0\.1:\d+/#key=\w{26}\n$`, got.stdout)
}

func TestServeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--out", filepath.Join(t.TempDir(), "none")}, "there is no such folder"},
		{[]string{"--out", file}, "is a file"},
		{[]string{"--port", "-1"}, "from 1 to 65535"},
		{[]string{"--port", "65536"}, "from 1 to 65535"},
		{[]string{"reports/out"}, "takes no arguments"},
	} {
		got := call(t, &fake{}, append([]string{"serve"}, test.args...)...)
		require.Equal(t, reports.ExitUsage, got.code, test.args)
		require.Contains(t, got.stderr, test.says)
		require.Empty(t, got.stdout)
	}
}
