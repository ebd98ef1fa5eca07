package gameday

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func readControl(t *testing.T, dir string) (Control, error) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, ControlFile))
	require.NoError(t, err)
	defer file.Close()
	return ReadControl(file)
}

// From the preflight to the end of the day others can take part, and no longer.
func TestControl(t *testing.T) {
	s, p := staged(t), plan()
	p.AbortIf = []Condition{condition(t, "queue every 100ms: x > 5")}
	s.depth = 3
	d, ctx := s.day(t, p)
	require.NoError(t, d.GoNoGo(ctx, s))
	c, err := readControl(t, s.folder)
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(s.folder, ControlFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.True(t, strings.HasPrefix(c.Address, "127.0.0.1:"), c.Address)

	answer, err := c.Say(t.Context(), "detected by Ünal")
	require.NoError(t, err)
	require.Equal(t, "heard detected by Ünal", answer)
	_, err = c.Say(t.Context(), "no")
	var refused *Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "nothing is asked now", refused.Why)
	_, err = c.Say(t.Context(), "note x\nabort")
	require.ErrorContains(t, err, "400", "one line is one command")
	_, err = c.Say(t.Context(), "note "+strings.Repeat("x", controlBytes))
	require.ErrorContains(t, err, "400")
	require.Eventually(t, func() bool {
		standing, err := c.Standing(t.Context())
		return err == nil && standing.Asked == "go on?" && len(standing.Probes) == 1 && standing.Probes[0] == Probe{Probed, "queue every 100ms: x > 5", Clear, "3 messages"}
	}, 10*time.Second, 10*time.Millisecond)

	wrong := Control{c.Address, c.Token + "x"}
	_, err = wrong.Say(t.Context(), "abort")
	require.ErrorContains(t, err, "403")
	_, err = Control{c.Address, ""}.Standing(t.Context())
	require.ErrorContains(t, err, "403")
	for name, change := range map[string]func(*http.Request){
		"by another name": func(r *http.Request) { r.Host = "evil.example" },
		"by GET":          func(r *http.Request) { r.Method = http.MethodGet },
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.Address+"/say", strings.NewReader("abort"))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+c.Token)
		change(request)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.GreaterOrEqual(t, answer.StatusCode, 400, name)
	}

	d.PutBack(context.WithoutCancel(ctx), s, nil)
	_, err = d.Finish()
	require.Error(t, err, "it was not judged")
	require.NoFileExists(t, filepath.Join(s.folder, ControlFile))
	_, err = c.Standing(t.Context())
	require.Error(t, err)
	left, err := filepath.Glob(filepath.Join(s.folder, ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// What a killed process left, and what comes from elsewhere, names nobody to ask.
func TestControlOfNobody(t *testing.T) {
	dir := t.TempDir()
	asked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody was asked") }))
	defer asked.Close()
	path := filepath.Join(dir, ControlFile)
	file, err := Control{strings.TrimPrefix(asked.URL, "http://"), "token"}.write(path)
	require.NoError(t, err)
	_, err = readControl(t, dir)
	require.NoError(t, err)
	require.NoError(t, file.Close()) // as it is when a process dies
	_, err = readControl(t, dir)
	require.ErrorIs(t, err, ErrUnattended)

	for address, says := range map[string]string{
		"10.0.0.1:80":          "only 127.0.0.1",
		"0.0.0.0:80":           "only 127.0.0.1",
		"127.0.0.2:80":         "only 127.0.0.1",
		"[::1]:80":             "only 127.0.0.1",
		"[::ffff:127.0.0.1]:1": "only 127.0.0.1",
		"localhost:80":         "only 127.0.0.1",
		"127.0.0.1:0":          "only 127.0.0.1",
		"127.0.0.1:80@evil":    "only 127.0.0.1",
		"127.0.0.1:80/x":       "only 127.0.0.1",
		"evil.example:80":      "only 127.0.0.1",
		"":                     "only 127.0.0.1",
	} {
		file, err := Control{address, "token"}.write(path)
		require.NoError(t, err)
		_, err = readControl(t, dir)
		require.ErrorContains(t, err, says, address)
		require.NoError(t, file.Close())
	}
	file, err = Control{"127.0.0.1:80", ""}.write(path)
	require.NoError(t, err)
	_, err = readControl(t, dir)
	require.ErrorContains(t, err, "no token")
	require.NoError(t, file.Close())
}

// An answer from something else that took the port leads nowhere else.
func TestControlIsAnsweredByAnother(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was followed") }))
	defer other.Close()
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		says   string
	}{
		"leads away": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }, "302"},
		"no JSON":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "220 mail") }, "its answer"},
		"long": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `"`+strings.Repeat("x", 2*answerBytes)+`"`)
		}, "its answer"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(test.answer))
			defer server.Close()
			_, err := Control{strings.TrimPrefix(server.URL, "http://"), "token"}.Say(t.Context(), "status")
			require.ErrorContains(t, err, test.says)
		})
	}
	silent := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer slow.Close()
	defer close(silent)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Control{strings.TrimPrefix(slow.URL, "http://"), "token"}.Say(ctx, "status")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
