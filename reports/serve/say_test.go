package serve

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/gameday"
)

// spoken is a request of the page, as its browser sends it.
func spoken(s *Server, id, body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/api/run/"+id+"/gameday", strings.NewReader(body))
	request.Host = "127.0.0.1:4711"
	request.Header.Set("Origin", "http://127.0.0.1:4711")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(keyHeader, s.Key())
	return request
}

func answerTo(s *Server, request *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	s.Handler(address).ServeHTTP(answer, request)
	return answer
}

func TestSay(t *testing.T) {
	out := t.TempDir()
	begin(t, out, "day", "calm")
	h := hold(t, out, "day", false)
	store(t, out, "run", sample(1))
	d := sit(t)
	leave := h.attend(t, d.address())
	defer leave()
	s := open(t, out)

	answer := answerTo(s, spoken(s, h.id, `{"line":"detected"}`))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	require.JSONEq(t, `{"answer":"detected by Ada","error":""}`, answer.Body.String())
	answer = answerTo(s, spoken(s, h.id, `{"line":"mitigated"}`))
	require.Equal(t, http.StatusConflict, answer.Code)
	require.JSONEq(t, `{"answer":"","error":"not now: it is over"}`, answer.Body.String())
	require.Equal(t, []string{"detected", "mitigated"}, d.lines())

	// Whoever is not the page is not heard.
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"wrong key":            {func(r *http.Request) { r.Header.Set(keyHeader, strings.Repeat("A", 26)) }, http.StatusForbidden},
		"no key":               {func(r *http.Request) { r.Header.Del(keyHeader) }, http.StatusForbidden},
		"key of another name":  {func(r *http.Request) { r.Header.Del(keyHeader); r.Header.Set("Authorization", "Bearer "+s.Key()) }, http.StatusForbidden},
		"key in the query":     {func(r *http.Request) { r.Header.Del(keyHeader); r.URL.RawQuery = "key=" + s.Key() }, http.StatusForbidden},
		"another origin":       {func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }, http.StatusForbidden},
		"another port":         {func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:4712") }, http.StatusForbidden},
		"another of its names": {func(r *http.Request) { r.Header.Set("Origin", "http://localhost:4711") }, http.StatusForbidden},
		"https":                {func(r *http.Request) { r.Header.Set("Origin", "https://127.0.0.1:4711") }, http.StatusForbidden},
		"origin of a report":   {func(r *http.Request) { r.Header.Set("Origin", "null") }, http.StatusForbidden},
		"no origin":            {func(r *http.Request) { r.Header.Del("Origin") }, http.StatusForbidden},
		"cross-site":           {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"same-site":            {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		"by another name":      {func(r *http.Request) { r.Host = "evil.example:4711" }, http.StatusForbidden},
		"by another name, itself": {func(r *http.Request) {
			r.Host = "evil.example:4711"
			r.Header.Set("Origin", "http://evil.example:4711")
		}, http.StatusForbidden},
		"as a form":               {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, http.StatusUnsupportedMediaType},
		"as nothing":              {func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusUnsupportedMediaType},
		"as JSON, in a form":      {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain; application/json") }, http.StatusUnsupportedMediaType},
		"by PUT":                  {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"by DELETE":               {func(r *http.Request) { r.Method = http.MethodDelete }, http.StatusMethodNotAllowed},
		"to the run":              {func(r *http.Request) { r.URL.Path = "/api/run/" + h.id }, http.StatusMethodNotAllowed},
		"to the page":             {func(r *http.Request) { r.URL.Path = "/gameday/" + h.id }, http.StatusMethodNotAllowed},
		"to a run without people": {func(r *http.Request) { r.URL.Path = "/api/run/" + identify("run") + "/gameday" }, http.StatusNotFound},
		"to no run":               {func(r *http.Request) { r.URL.Path = "/api/run/" + identify("none") + "/gameday" }, http.StatusNotFound},
	} {
		request := spoken(s, h.id, `{"line":"detected"}`)
		test.change(request)
		answer := answerTo(s, request)
		require.Equal(t, test.want, answer.Code, "%s: %s", name, answer.Body)
	}
	for _, body := range []string{"", "detected", `{"line":3}`, `{"line":"detected","more":1}`, `{"line":"detected"}{"line":"abort"}`, `["detected"]`, `{"line":"` + strings.Repeat("x", sayBytes) + `"}`} {
		require.Equal(t, http.StatusBadRequest, answerTo(s, spoken(s, h.id, body)).Code, body[:min(len(body), 40)])
	}
	request := spoken(s, h.id, "")
	request.Method = http.MethodGet
	require.Equal(t, http.StatusOK, answerTo(s, request).Code, "reading needs no key, and says nothing")
	require.Equal(t, []string{"detected", "mitigated"}, d.lines())
	other := open(t, out)
	require.NotEqual(t, s.Key(), other.Key(), "each process has its own")
}

// Who does not live, or not here, is told nothing.
func TestSayToNobody(t *testing.T) {
	out := t.TempDir()
	begin(t, out, "day", "calm")
	h := hold(t, out, "day", false)
	d := sit(t)
	s := open(t, out)
	say := func() *httptest.ResponseRecorder { return answerTo(s, spoken(s, h.id, `{"line":"abort"}`)) }

	require.Equal(t, http.StatusConflict, say().Code, "there is no control.json")
	leave := h.attend(t, d.address())
	require.Equal(t, http.StatusConflict, say().Code, "it says that it is over")
	require.Len(t, d.lines(), 1)
	leave()
	stale := say()
	require.Equal(t, http.StatusConflict, stale.Code)
	require.Contains(t, stale.Body.String(), "nobody takes this any more")
	require.Len(t, d.lines(), 1, "a stale file names nobody")

	for _, elsewhere := range []string{"192.0.2.1:80", "localhost:" + d.address()[len("127.0.0.1:"):], "[::1]:80", "169.254.169.254:80", "evil.example:80"} {
		leave := h.attend(t, elsewhere)
		answer := say()
		require.Equal(t, http.StatusBadGateway, answer.Code, elsewhere)
		require.Contains(t, answer.Body.String(), "only 127.0.0.1")
		require.False(t, h.tell(t, s).Listens)
		leave()
	}
	gone := sit(t)
	gone.Close()
	leave = h.attend(t, gone.address())
	require.Equal(t, http.StatusBadGateway, say().Code, "nobody answers")
	leave()
	require.NoError(t, os.Remove(filepath.Join(h.dir, gameday.ControlFile)))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(h.dir, gameday.ControlFile)))
	require.Equal(t, http.StatusConflict, say().Code, "links are not followed")
	require.Len(t, d.lines(), 1)
}
