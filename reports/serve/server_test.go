package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

func TestOnlyThisMachineAndOnlyGet(t *testing.T) {
	s := open(t, t.TempDir())
	for _, test := range []struct {
		method, host string
		want         int
	}{
		{"GET", "127.0.0.1:4711", 200},
		{"HEAD", "127.0.0.1:4711", 200},
		{"GET", "localhost:4711", 200},
		{"GET", "LOCALHOST:4711", 200},
		{"GET", "127.0.0.1", 403},
		{"GET", "127.0.0.1:4712", 403},
		{"GET", "localhost", 403},
		{"GET", "", 403},
		{"GET", "evil.example:4711", 403},
		{"GET", "127.0.0.1.evil.example:4711", 403},
		{"GET", "localhost:4711.evil.example", 403},
		{"GET", "[::1]:4711", 403},
		{"GET", "0.0.0.0:4711", 403},
		{"GET", "127.0.0.1:4711@evil.example", 403},
		{"POST", "127.0.0.1:4711", 405},
		{"PUT", "127.0.0.1:4711", 405},
		{"DELETE", "localhost:4711", 405},
		{"OPTIONS", "localhost:4711", 405},
		{"POST", "evil.example", 403},
	} {
		for _, path := range []string{"/", "/api/runs", "/assets/list.js"} {
			request := httptest.NewRequest(test.method, path, nil)
			request.Host = test.host
			answer := httptest.NewRecorder()
			s.Handler(address).ServeHTTP(answer, request)
			require.Equal(t, test.want, answer.Code, "%s %s of %q", test.method, path, test.host)
			head := answer.Header()
			require.Contains(t, head.Get("Content-Security-Policy"), "default-src 'none'")
			require.NotContains(t, head.Get("Content-Security-Policy"), "unsafe")
			require.Equal(t, "nosniff", head.Get("X-Content-Type-Options"))
			require.Empty(t, head.Get("Access-Control-Allow-Origin"))
		}
	}
	require.Contains(t, hosts(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}), "localhost")
}

func TestNoWayOutOfTheFolder(t *testing.T) {
	base := t.TempDir()
	out := filepath.Join(base, "out")
	secret := filepath.Join(base, "secret")
	require.NoError(t, os.MkdirAll(secret, 0o700))
	for _, name := range []string{reports.RunFile, reports.FindingsFile, reports.HTMLFile, "key"} {
		require.NoError(t, os.WriteFile(filepath.Join(secret, name), []byte(`{"scenario":"SECRET","verdict":"valid"}`), 0o600))
	}
	dir := store(t, out, "run", sample(1))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.txt"), []byte("SECRET"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "input"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "input", "a.csv"), []byte("SECRET"), 0o600))
	require.NoError(t, os.Symlink(secret, filepath.Join(out, "linked")))
	store(t, out, "leads-out", sample(2))
	for _, name := range []string{reports.FindingsFile, reports.HTMLFile, history.FileName} {
		require.NoError(t, os.RemoveAll(filepath.Join(out, "leads-out", name)))
		require.NoError(t, os.Symlink(filepath.Join(secret, "key"), filepath.Join(out, "leads-out", name)))
	}
	store(t, out, "piped", sample(3))
	require.NoError(t, os.Remove(filepath.Join(out, "piped", reports.FindingsFile)))
	require.NoError(t, syscall.Mkfifo(filepath.Join(out, "piped", reports.FindingsFile), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(out, "forged"), 0o700))
	require.NoError(t, os.Symlink(filepath.Join(secret, reports.RunFile), filepath.Join(out, "forged", reports.RunFile)))

	s := open(t, out)
	rows := listed(t, s)
	require.Len(t, rows, 3, "%v", rows)
	id := rows["run"].ID
	for _, path := range []string{
		"/run/" + id + "/other.txt", "/run/" + id + "/input", "/run/" + id + "/input/a.csv", "/run/" + id + "/input%2fa.csv",
		"/run/" + id + "/..%2f..%2fsecret%2fkey", "/run/" + id + "/%2e%2e%2frun.json", "/run/" + id + "/..%2frun%2ffindings.jsonl",
		"/run/../run/" + id + "/../../secret/key", "/run/..%2f..%2fsecret", "/run/..%2f..%2fsecret/run.json", "/run/%2e%2e/run.json", "/run/run/run.json", "/run/linked/run.json",
		"/run/" + identify("linked") + "/run.json", "/run/" + identify("../secret") + "/run.json",
		"/assets/..%2fserver.go", "/assets/../server.go", "/assets/%2e%2e%2f%2e%2e%2fgo.mod", "/assets/list.html", "/assets/",
		"/run/" + id + "/findings.jsonl%00.html", "/run/" + id + "/findings.jsonl/", "/run/" + id + "/RUN.JSON", "//etc/passwd", "/..%2f..%2fetc%2fpasswd",
		"/run/" + rows["leads-out"].ID + "/findings.jsonl", "/run/" + rows["leads-out"].ID + "/history.jsonl", "/run/" + rows["leads-out"].ID + "/report.html",
		"/run/" + rows["piped"].ID + "/findings.jsonl",
	} {
		target, err := url.Parse(path)
		require.NoError(t, err)
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL, request.Host = target, "127.0.0.1:4711"
		answer := httptest.NewRecorder()
		s.Handler(address).ServeHTTP(answer, request)
		require.GreaterOrEqual(t, answer.Code, 300, "%s: %s", path, answer.Body)
		require.NotContains(t, answer.Body.String(), "SECRET", path)
		require.NotContains(t, answer.Body.String(), base, path)
	}
	for _, name := range []string{"run.json", "findings.jsonl"} {
		require.Equal(t, http.StatusOK, ask(t, s, "/run/"+id+"/"+name).Code)
	}
}

func TestFilesAreText(t *testing.T) {
	out := t.TempDir()
	dir := store(t, out, "run", sample(1))
	for _, name := range []string{reports.FindingsFile, reports.JUnitFile, reports.MarkdownFile, reports.HTMLFile, history.FileName} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(hostile), 0o600))
	}
	s := open(t, out)
	id := listed(t, s)["run"].ID
	for _, name := range []string{reports.FindingsFile, reports.JUnitFile, reports.MarkdownFile, reports.RunFile, history.FileName} {
		answer := ask(t, s, "/run/"+id+"/"+name)
		require.Equal(t, http.StatusOK, answer.Code, name)
		require.Equal(t, "text/plain; charset=utf-8", answer.Header().Get("Content-Type"))
		require.Contains(t, answer.Header().Get("Content-Security-Policy"), "sandbox;")
	}
	answer := ask(t, s, "/run/"+id+"/report.html")
	require.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
	policy := answer.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "sandbox allow-scripts")
	require.NotContains(t, policy, "allow-same-origin", "a report sees no other run")
	require.NotContains(t, policy, "connect-src", "and asks nobody")

	require.NoError(t, os.Truncate(filepath.Join(dir, reports.FindingsFile), shownBytes+1))
	require.Contains(t, ask(t, s, "/run/"+id+"/findings.jsonl").Header().Get("Content-Disposition"), "attachment")
}

// A report that was never written is made when it is asked for, and nothing is
// written for it.
func TestReportIsMade(t *testing.T) {
	out := t.TempDir()
	w := begin(t, out, "run", "calm")
	progress(t, w, 800, 800)
	require.NoError(t, w.Close())
	dir := store(t, out, "run", sample(5))
	store(t, out, "no-history", sample(1))
	before, err := os.ReadDir(dir)
	require.NoError(t, err)
	s := open(t, out)
	rows := listed(t, s)

	answer := ask(t, s, "/run/"+rows["run"].ID+"/report.html")
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	require.Equal(t, reportPolicy, answer.Header().Get("Content-Security-Policy"))
	require.Contains(t, answer.Body.String(), "Of 806 acknowledged changes, 12 are lost")
	require.Contains(t, answer.Body.String(), "Records at each hop")
	require.Contains(t, ask(t, s, "/api/run/"+rows["run"].ID).Body.String(), `{"name":"report.html","what":"the report, for people","bytes":-1}`)
	after, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))
	require.Equal(t, answer.Body.String(), ask(t, s, "/run/"+rows["run"].ID+"/report.html").Body.String())
	require.Len(t, s.reports.kept, 1)

	require.NoError(t, os.WriteFile(filepath.Join(dir, reports.HTMLFile), []byte("written"), 0o600))
	require.Equal(t, "written", ask(t, s, "/run/"+rows["run"].ID+"/report.html").Body.String())
	answer = ask(t, s, "/run/"+rows["no-history"].ID+"/report.html")
	require.Equal(t, http.StatusNotFound, answer.Code)
	require.False(t, rows["no-history"].Report)

	store(t, out, "odd", sample(2))
	require.NoError(t, os.WriteFile(filepath.Join(out, "odd", history.FileName), []byte("{\"schema\":99}\n"), 0o600))
	answer = ask(t, s, "/run/"+listed(t, s)["odd"].ID+"/report.html")
	require.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	require.Contains(t, answer.Body.String(), "schema 99")
	require.NotContains(t, answer.Body.String(), out)
}

func TestStates(t *testing.T) {
	out := t.TempDir()
	store(t, out, "valid", sample(1))
	store(t, out, "sweep-20261121-090000/invalid", sample(5))
	failed := sample(2)
	failed.Undo = reports.Undo{Error: "no"}
	store(t, out, "matrix-1/undo", failed)
	store(t, out, "shard-1/soak-2/deep", sample(3))
	store(t, out, "a/b/c/d/e/too-deep", sample(4))
	odd := sample(6)
	odd.Verdict = "<b>fine</b>"
	store(t, out, "odd", odd)
	for folder, text := range map[string]string{"half": `{"scenario": "x", "verd`, "empty": "", "list": "[]", "text": "\x00\xff"} {
		require.NoError(t, os.MkdirAll(filepath.Join(out, folder), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(out, folder, reports.RunFile), []byte(text), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(out, "no-history"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(out, "no-history", history.FileName), []byte("{\"schema\":1}\n{]\n"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(out, "no-run"), 0o700))
	abandon(t, out, "abandoned")
	live := begin(t, out, "live", "calm")
	progress(t, live, 40, 30)
	fault(t, live, history.Inject, history.Bite)
	over := begin(t, out, "over", "calm")
	require.NoError(t, over.Close())

	s := open(t, out)
	rows := listed(t, s)
	states := map[string]string{}
	for name, run := range rows {
		states[name] = run.State
		answer := ask(t, s, "/api/run/"+run.ID)
		require.Equal(t, http.StatusOK, answer.Code, name)
		require.Equal(t, http.StatusOK, ask(t, s, "/run/"+run.ID).Code, name)
	}
	require.Equal(t, map[string]string{
		"valid": "valid", "invalid": "invalid", "undo": "valid", "deep": "valid", "odd": Unreadable,
		"half": Unreadable, "empty": Unreadable, "list": Unreadable, "text": Unreadable, "no-history": Unreadable,
		"abandoned": Died, "live": UnderWay, "over": NotJudged,
	}, states)
	require.Equal(t, "undo failed", rows["undo"].Note)
	require.Equal(t, map[string]int{"lost": 12}, rows["invalid"].Classes)
	require.Equal(t, "12 lost, 794 of 806 ok", rows["invalid"].Came)
	require.Equal(t, "1 of 1 bit, 1 healed", rows["invalid"].Broken)
	require.Equal(t, "sweep-20261121-090000/invalid", rows["invalid"].Folder)
	require.Equal(t, "40 sent of 800, 10 queued, 30 committed, 30 visible", rows["live"].Came)
	require.Equal(t, "1 of 1 bit, 0 healed; 0 of 1 operations done", rows["live"].Broken)
	require.Contains(t, rows["live"].Reason, "kill on load bites")
	require.Equal(t, "120 sent of 800, 40 queued, 80 committed, 80 visible", rows["abandoned"].Came)
	require.False(t, rows["live"].Judged || rows["live"].Report)

	// What a person can do stands there, for a shell.
	require.Contains(t, ask(t, s, "/api/run/"+rows["abandoned"].ID).Body.String(), "seatrial clean")
	require.Contains(t, ask(t, s, "/api/run/"+rows["over"].ID).Body.String(), "seatrial report ")
	require.Equal(t, http.StatusNotFound, ask(t, s, "/run/"+rows["over"].ID+"/report.html").Code)
}

// A run is followed from its first line to its verdict.
func TestLiveRun(t *testing.T) {
	out := t.TempDir()
	s := open(t, out)
	require.Empty(t, listed(t, s))

	w := begin(t, out, "live", "calm")
	run := listed(t, s)["live"]
	require.Equal(t, UnderWay, run.State)
	tell := func() told {
		t.Helper()
		answer := ask(t, s, "/api/run/"+run.ID)
		require.Equal(t, http.StatusOK, answer.Code)
		var page told
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &page))
		return page
	}
	page := tell()
	require.Equal(t, "prepare", page.Story.Stage)
	require.Equal(t, []string{"waits", "waits"}, []string{page.Story.Steps[0].State, page.Story.Steps[1].State})

	control, err := w.Invoke(history.Control, "", nil)
	require.NoError(t, err)
	require.Equal(t, "control", tell().Story.Stage)
	require.NoError(t, control.OK(nil))
	for i := range 3 {
		sent, err := w.Invoke(history.Send, fmt.Sprintf("%d.csv", i), history.Sent{File: i})
		require.NoError(t, err)
		require.NoError(t, sent.OK(history.Sent{File: i}))
	}
	lost, err := w.Invoke(history.Send, hostile, history.Sent{File: 3})
	require.NoError(t, err)
	require.NoError(t, lost.Info(io.ErrUnexpectedEOF, nil))
	progress(t, w, 150, 20)
	fault(t, w, history.Inject, history.Bite)
	page = tell()
	require.Equal(t, "trial", page.Story.Stage)
	require.Equal(t, files{Sent: 3, Unknown: 1}, page.Story.Files)
	require.Equal(t, mark(130), page.Story.Marks["queued"])
	require.Equal(t, "bites", page.Story.Steps[0].State)
	require.True(t, page.Story.Steps[0].Bit)
	require.Contains(t, page.Story.Acts[0].Text, "kill on load: bites (of bite)")
	require.NotContains(t, ask(t, s, "/api/run/"+run.ID).Body.String(), "<img", "JSON has no markup")

	// Half a line is not taken for one.
	path := filepath.Join(w.Dir(), history.FileName)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = file.WriteString(`{"seq":90,"at_ns":99000000000,"phase":"note","act":"progress","data":{"sent":160,"taken":1,`)
	require.NoError(t, err)
	require.Equal(t, mark(150), tell().Story.Marks["sent"])
	_, err = file.WriteString(`"queued":7,"committed":-1,"visible":-1,"confirmed":-1}}` + "\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	page = tell()
	require.Equal(t, mark(160), page.Story.Marks["sent"])
	require.Contains(t, ask(t, s, "/api/run/"+run.ID).Body.String(), `"committed":null`)
	require.NoError(t, os.WriteFile(path, whole, 0o600)) // cut off: read from its beginning
	require.Equal(t, mark(150), tell().Story.Marks["sent"])

	fault(t, w, history.Recover, history.Heal)
	operation, err := w.Invoke(history.Operate, "replay", history.RoleAct{Step: 2})
	require.NoError(t, err)
	require.Equal(t, "under way", tell().Story.Steps[1].State)
	require.NoError(t, operation.OK(history.RoleAct{Role: "collector", Step: 2}))
	reading, err := w.Observe(history.Queues, true)
	require.NoError(t, err)
	require.NoError(t, reading.Queues([]history.QueueDepth{{Queue: "import", Ready: 4, Unacked: 2}}, nil))
	page = tell()
	require.Equal(t, "observe", page.Story.Stage)
	require.Equal(t, "healed", page.Story.Steps[0].State)
	require.Equal(t, "done", page.Story.Steps[1].State)
	require.Equal(t, []history.QueueDepth{{Queue: "import", Ready: 4, Unacked: 2}}, page.Story.Queues)

	require.NoError(t, w.Close())
	require.Equal(t, NotJudged, listed(t, s)["live"].State)
	store(t, out, "live", sample(5))
	require.Equal(t, "invalid", listed(t, s)["live"].State)
	require.NoError(t, os.RemoveAll(filepath.Join(out, "live")))
	require.Empty(t, listed(t, s))
	require.Equal(t, http.StatusNotFound, ask(t, s, "/api/run/"+run.ID).Code)
	require.Equal(t, http.StatusNotFound, ask(t, s, "/run/"+run.ID).Code)
}

// Of a long run the page gets as much as it can show, and long lines cost no memory.
func TestLongHistory(t *testing.T) {
	var text strings.Builder
	raw, err := json.Marshal(header("long"))
	require.NoError(t, err)
	text.Write(raw)
	text.WriteString("\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, `{"seq":%d,"at_ns":%d,"phase":"note","act":"progress","data":{"sent":%d,"taken":0,"queued":-1,"committed":0,"visible":0,"confirmed":0}}`+"\n", i+1, i*1e6, i)
		if i%4000 == 0 {
			fmt.Fprintf(&text, `{"seq":%d,"at_ns":0,"phase":"ok","act":"observe","name":"status","data":{"evidence":%q}}`+"\n", i, strings.Repeat("x", lineBytes))
		}
	}
	tail := newTail()
	began := time.Now()
	require.NoError(t, tail.read(strings.NewReader(text.String())))
	t.Logf("%d bytes in %s", text.Len(), time.Since(began).Round(time.Millisecond))
	require.Empty(t, tail.problem)
	require.Equal(t, int64(text.Len()), tail.offset)
	require.Equal(t, 19_999, tail.marks.Sent)
	require.LessOrEqual(t, len(tail.moments.At), pointsKept)
	require.Greater(t, len(tail.moments.At), pointsKept/3)
	require.Greater(t, tail.moments.At[len(tail.moments.At)-1], 19.8, "the end is not thinned away")
}

// A history that nobody writes is read once, whatever stands in it.
func TestBrokenHistoryIsReadOnce(t *testing.T) {
	out := t.TempDir()
	path := filepath.Join(out, "broken", history.FileName)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("{\"schema\":1}\n{]\n"), 0o600))
	s := open(t, out)
	require.Equal(t, Unreadable, listed(t, s)["broken"].State)
	read := s.index.runs[identify("broken")]
	require.Equal(t, Unreadable, listed(t, s)["broken"].State)
	require.Same(t, read, s.index.runs[identify("broken")])
	require.NoError(t, os.WriteFile(path, []byte("{\"schema\":1}\n{\"end\":true}\n"), 0o600))
	require.Equal(t, NotJudged, listed(t, s)["broken"].State)
}

func TestListIsSentOnlyWhereItChanged(t *testing.T) {
	out := t.TempDir()
	store(t, out, "one", sample(1))
	s := open(t, out)
	first := ask(t, s, "/api/runs")
	require.Equal(t, first.Header().Get("ETag"), ask(t, s, "/api/runs").Header().Get("ETag"))
	request := httptest.NewRequest(http.MethodGet, "/api/runs", nil)
	request.Host = "localhost:4711"
	request.Header.Set("If-None-Match", first.Header().Get("ETag"))
	answer := httptest.NewRecorder()
	s.Handler(address).ServeHTTP(answer, request)
	require.Equal(t, http.StatusNotModified, answer.Code)
	store(t, out, "two", sample(2))
	require.NotEqual(t, first.Header().Get("ETag"), ask(t, s, "/api/runs").Header().Get("ETag"))
}

func TestManyRuns(t *testing.T) {
	const many = 2000
	out := t.TempDir()
	for i := range many {
		store(t, out, fmt.Sprintf("%s%04d-run", []string{"", "soak-1/", "sweep-2/"}[i%3], i), sample(i))
	}
	began := time.Now()
	s := open(t, out)
	t.Logf("%d runs: looked through in %s", many, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	require.Len(t, listed(t, s), many)
	t.Logf("and again, listed, in %s", time.Since(began).Round(time.Millisecond))
	store(t, out, "new", sample(1))
	began = time.Now()
	answer := ask(t, s, "/api/runs")
	took := time.Since(began)
	t.Logf("one more: %d bytes in %s", answer.Body.Len(), took.Round(time.Millisecond))
	require.Len(t, listed(t, s), many+1)
	require.Less(t, took, 10*time.Second)
}

func TestCompareSomething(t *testing.T) {
	out := t.TempDir()
	for i, name := range []string{"a", "b", "c"} {
		run := sample(i + 4)
		run.Pipeline, run.Faults[0].Name = hostile, hostile
		store(t, out, name, run)
	}
	live := begin(t, out, "live", "calm")
	require.NotNil(t, live)
	s := open(t, out)
	rows := listed(t, s)
	page := ask(t, s, "/compare?run="+rows["a"].ID+"&run="+rows["b"].ID+"&run="+rows["c"].ID)
	require.Equal(t, http.StatusOK, page.Code)
	require.Contains(t, page.Body.String(), "&lt;script&gt;")
	require.NotContains(t, page.Body.String(), "<script>")
	require.NotContains(t, page.Body.String(), "<img")
	require.NotContains(t, page.Body.String(), "\u202e")
	for query, want := range map[string]int{
		"":                          http.StatusBadRequest,
		"?run=" + rows["a"].ID:      http.StatusBadRequest,
		"?run=a&run=b":              http.StatusNotFound,
		"?run=../a&run=../b":        http.StatusNotFound,
		strings.Repeat("&run=x", 7): http.StatusNotFound,
		"?" + strings.Repeat("&run="+rows["a"].ID, 7):            http.StatusBadRequest,
		"?run=" + rows["a"].ID + "&run=" + rows["live"].ID:       http.StatusConflict,
		"?run=" + rows["a"].ID + "&run=" + identify("elsewhere"): http.StatusNotFound,
	} {
		require.Equal(t, want, ask(t, s, "/compare"+query).Code, query)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	answer, err := http.Get("http://" + listener.Addr().String() + "/")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	cancel()
	require.NoError(t, <-ended)
}

func TestOpenNothing(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
