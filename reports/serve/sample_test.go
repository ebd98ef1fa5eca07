package serve

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// hostile is text as records, services, folders and runs from elsewhere may hold it.
const hostile = `<img src=x onerror="window.owned=1"><script>window.owned=1</script>"'&{{.}}` + "\u202e\x1b[2J"

// firstBegan is when the first sample began.
var firstBegan = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// sample is a run like many.
func sample(i int) reports.Run {
	run := reports.Run{
		Scenario: fmt.Sprintf("scenario-%d", i%7), Pipeline: "reference", Seed: uint64(i + 1), Verdict: check.Valid, Reason: "Every operation is where it belongs.", Records: 800,
		Counts:  map[check.Class]int{check.Attempted: 806, check.Acknowledged: 806, check.OK: 806},
		Faults:  []check.FaultResult{{Name: "kill", Target: "load", Bit: true, Healed: true, Evidence: "exit code 137"}},
		Plan:    []history.PlannedFault{{Step: 1, Name: "kill", Target: "load", Trigger: "20 % committed"}},
		Seconds: map[string]float64{"total": 20 + float64(i%10), "prepare": 3, "trial": 12}, Undo: reports.Undo{OK: true},
		Images: []reports.Image{{Kind: "postgres", Ref: "postgres:15", Origin: "registry", Version: "PostgreSQL 15.20", Digest: "sha256:11"}},
		Tag:    fmt.Sprintf("T%03d", i), Started: firstBegan.Add(time.Duration(i) * time.Minute).Format(time.RFC3339),
	}
	if i%5 == 0 {
		run.Pipeline, run.Verdict, run.Exit, run.Reason = "reference:ack-before-commit", check.Invalid, 1, "Not what was sent: 12 lost."
		run.Counts[check.OK], run.Counts[check.Lost] = 794, 12
	}
	return run
}

// store leaves a run below out as a harness would.
func store(t testing.TB, out, folder string, run reports.Run) string {
	t.Helper()
	dir := filepath.Join(out, folder)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	raw, err := json.Marshal(run)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, reports.RunFile), raw, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, reports.FindingsFile), []byte(`{"class":"lost","key":"K1"}`+"\n"), 0o600))
	return dir
}

// header of a run of 800 operations with one fault.
func header(scenario string) history.Header {
	return history.Header{
		Generator: "people/1", Tag: "11VE", Seed: 7, Scenario: scenario, Pipeline: "reference", Started: firstBegan.Add(24 * time.Hour).Format(time.RFC3339),
		Workload: json.RawMessage(`{"generator":"people/1","seed":7,"tag":"11VE","files":16,"records_per_file":50}`),
		Expect:   json.RawMessage(`{"rows":true}`),
		Plan: []history.PlannedFault{{Step: 1, Name: "kill", Target: "load", Trigger: "20 % committed"},
			{Step: 2, Name: "replay", Trigger: "0s after step 1 is healed", Operation: true}},
	}
}

// begin begins a run below out that this process writes.
func begin(t testing.TB, out, folder, scenario string) *history.Writer {
	t.Helper()
	dir := filepath.Join(out, folder)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	w, err := history.Create(dir, header(scenario))
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() }) // most are closed
	return w
}

// abandon leaves the history of a run whose harness died, with half a line at its end.
func abandon(t testing.TB, out, folder string) {
	t.Helper()
	w := begin(t, out, folder+"-written", "abandoned")
	progress(t, w, 120, 80)
	raw, err := os.ReadFile(filepath.Join(w.Dir(), history.FileName))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, os.RemoveAll(w.Dir()))
	dir := filepath.Join(out, folder)
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, history.FileName), append(raw, `{"seq":99,"at_ns":`...), 0o600))
}

func progress(t testing.TB, w *history.Writer, sent, visible int) {
	t.Helper()
	require.NoError(t, w.Note(history.Progress, "", history.Marks{Sent: sent, Taken: sent / 50, Queued: sent - visible, Committed: visible, Visible: visible, Confirmed: -1}))
}

// fault writes that a fault comes as far as an act.
func fault(t testing.TB, w *history.Writer, acts ...history.Act) {
	t.Helper()
	for _, name := range acts {
		pending, err := w.Invoke(name, "kill", history.FaultAct{Step: 1, Name: "kill", Target: "load"})
		require.NoError(t, err)
		require.NoError(t, pending.OK(history.FaultAct{Step: 1, Name: "kill", Target: "load", Evidence: "of " + string(name)}))
	}
}

var address = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}

// open opens a server over out that is not throttled.
func open(t testing.TB, out string) *Server {
	t.Helper()
	s, err := Open(out)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// ask returns the answer of a server that looks anew.
func ask(t testing.TB, s *Server, target string) *httptest.ResponseRecorder {
	t.Helper()
	s.index.mu.Lock()
	s.index.looked = time.Time{}
	s.index.mu.Unlock()
	request := httptest.NewRequest(http.MethodGet, target, nil)
	request.Host = "127.0.0.1:4711"
	answer := httptest.NewRecorder()
	s.Handler(address).ServeHTTP(answer, request)
	return answer
}

// listed returns the rows of the list by the last part of their folders.
func listed(t testing.TB, s *Server) map[string]row {
	t.Helper()
	answer := ask(t, s, "/api/runs")
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	var list struct{ Runs []row }
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &list))
	rows := map[string]row{}
	for _, run := range list.Runs {
		rows[run.Folder[strings.LastIndex(run.Folder, "/")+1:]] = run
	}
	return rows
}
