package serve

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

// held is a game day below out that this process holds, without a run.
type held struct {
	*gameday.Session
	dir string
	id  string
}

func hold(t testing.TB, out, folder string, surprise bool) held {
	t.Helper()
	dir := filepath.Join(out, folder)
	log, err := gameday.Create(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	session, err := gameday.Open(gameday.Header{Scenario: "calm", Pipeline: "reference", Hypothesis: "It holds.", Surprise: surprise, Faults: 1,
		Roles: map[string]string{gameday.Commander: "Ada", "scribe": hostile}, AbortIf: []string{"queue: x > 5"}, Alert: "command: true"}, log, gameday.SystemClock())
	require.NoError(t, err)
	return held{session, dir, identify(folder)}
}

func (h held) add(t testing.TB, events ...gameday.Event) {
	t.Helper()
	for _, event := range events {
		require.NoError(t, h.Add(event))
	}
}

func state(s gameday.State) gameday.Event {
	return gameday.Event{Kind: gameday.Entered, Status: string(s)}
}

func (h held) tell(t testing.TB, s *Server) dayTold {
	t.Helper()
	answer := ask(t, s, "/api/run/"+h.id+"/gameday")
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	var day dayTold
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &day))
	return day
}

// attend has something listen for commands at the address that control.json names,
// as the process of a game day does: it holds a lock on the file.
func (h held) attend(t testing.TB, address string) (leave func()) {
	t.Helper()
	raw, err := json.Marshal(gameday.Control{Address: address, Token: "secret"})
	require.NoError(t, err)
	path := filepath.Join(h.dir, gameday.ControlFile)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	return sync.OnceFunc(func() { file.Close() })
}

// desk answers like the process of a game day, and keeps what it was told.
type desk struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string
}

func sit(t testing.TB) *desk {
	d := &desk{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line, _ := io.ReadAll(r.Body)
		d.mu.Lock()
		defer d.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		if r.URL.Path == "/standing" {
			_, _ = io.WriteString(w, `{"asked":"go on?","probes":[{"kind":"probe","name":"queue: x > 5","status":"clear","seen":"3 messages"}]}`)
			return
		}
		d.heard = append(d.heard, string(line))
		_, _ = io.WriteString(w, map[bool]string{true: `{"answer":"detected by Ada"}`, false: `{"error":"not now: it is over"}`}[string(line) == "detected"])
	}))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) address() string { return strings.TrimPrefix(d.URL, "http://") }

func (d *desk) lines() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.heard...)
}

func TestDayIsTold(t *testing.T) {
	out := t.TempDir()
	w := begin(t, out, "day", "loader-killed")
	s := open(t, out)
	require.Empty(t, listed(t, s)["day"].Day)
	require.Equal(t, http.StatusNotFound, ask(t, s, "/gameday/"+identify("day")).Code, "it is none yet")
	h := hold(t, out, "day", false)
	require.Equal(t, "preflight", listed(t, s)["day"].Day)
	require.Equal(t, http.StatusOK, ask(t, s, "/gameday/"+h.id).Code)
	h.add(t, gameday.Event{Kind: gameday.Checked, Name: "postgres works", Status: gameday.Go, Text: hostile})
	require.False(t, h.tell(t, s).Listens)
	d := sit(t)
	leave := h.attend(t, d.address())
	defer leave()
	day := h.tell(t, s)
	require.True(t, day.Listens)
	require.Equal(t, "go on?", day.Asked)
	require.Equal(t, []judged{{"queue: x > 5", "clear", "3 messages"}}, day.Probes)
	require.Equal(t, &judged{Name: "command: true"}, day.Alert)
	require.Equal(t, "postgres works", day.Checks[0].Name)
	require.NotContains(t, ask(t, s, "/api/run/"+h.id+"/gameday").Body.String(), "<img", "JSON has no markup")

	h.add(t, state(gameday.Running), gameday.Event{Kind: gameday.Marked, Name: gameday.Detected, By: "Bob"},
		gameday.Event{Kind: gameday.Broke, Name: "kill", Target: "load", Status: "injecting"},
		gameday.Event{Kind: gameday.Marked, Name: gameday.Detected, By: "Ada"},
		gameday.Event{Kind: gameday.Alerted, Name: "command: true", Status: gameday.Met, Text: "exit code 0"},
		gameday.Event{Kind: gameday.Probed, Name: "queue: x > 5", Status: gameday.Met, Text: "9 messages"},
		gameday.Event{Kind: gameday.Noted, By: "Ada", Text: "the queue grows"})
	day = h.tell(t, s)
	require.NotNil(t, day.Broke)
	require.NotNil(t, day.Seconds.Detect)
	require.Len(t, day.Marks, 2)
	require.Equal(t, "met", day.Alert.Status)
	require.Equal(t, "3 messages", day.Probes[0].Text, "what is seen now counts more than what was written")
	require.Equal(t, happening{day.Happened[0].At, "note", "the queue grows", "Ada"}, day.Happened[0])
	require.Contains(t, ask(t, s, "/api/run/"+h.id).Body.String(), `"name":"gameday.jsonl"`)
	require.NotContains(t, ask(t, s, "/api/run/"+h.id).Body.String(), "control.json")
	require.Equal(t, http.StatusNotFound, ask(t, s, "/run/"+h.id+"/"+gameday.ControlFile).Code)

	h.add(t, gameday.Event{Kind: gameday.Aborted, Text: "enough", By: "Ada"}, state(gameday.Debrief), state(gameday.Over))
	score := gameday.NewScore(h.Record(), reports.Run{Verdict: "unknown", Reason: hostile})
	require.NoError(t, score.Write(h.dir))
	leave()
	require.NoError(t, w.Close())
	day = h.tell(t, s)
	require.False(t, day.Listens)
	require.Equal(t, "enough", day.Aborted)
	require.Equal(t, "verdict", day.Score.Rows[0][0])
	require.Equal(t, "the queue grows", day.Score.Notes[0].What)

	require.NoError(t, os.WriteFile(filepath.Join(h.dir, gameday.ScoreFile), []byte("{"), 0o600))
	require.Nil(t, h.tell(t, s).Score)
}

func TestDayThatDied(t *testing.T) {
	out := t.TempDir()
	abandon(t, out, "died")
	h := hold(t, out, "died", false)
	h.add(t, state(gameday.Running))
	file, err := os.OpenFile(filepath.Join(h.dir, gameday.FileName), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.WriteString("{]\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	s := open(t, out)
	day := h.tell(t, s)
	require.Equal(t, "running", day.Run.Day)
	require.Contains(t, day.Problem, "line 3")
	require.Contains(t, day.Commands[0].Command, "seatrial gameday --resume ")
	require.Equal(t, day.Commands[0], day.Commands[len(day.Commands)-1], "a judgement before would tell nothing of the game day")
}

// Before the debrief nothing here tells what breaks, whatever is asked for.
func TestSurpriseIsHidden(t *testing.T) {
	out := t.TempDir()
	w := begin(t, out, "20260301-calm-surprise", "calm"+gameday.SurpriseSuffix)
	s := open(t, out)
	id := identify("20260301-calm-surprise")
	quiet := func(when string) {
		t.Helper()
		for _, path := range []string{"/", "/api/runs", "/api/run/" + id, "/run/" + id, "/api/run/" + id + "/gameday", "/gameday/" + id, "/compare?run=" + id + "&run=" + id,
			"/run/" + id + "/history.jsonl", "/run/" + id + "/undo.jsonl", "/run/" + id + "/run.json", "/run/" + id + "/report.html", "/run/" + id + "/report.md",
			"/run/" + id + "/findings.jsonl", "/run/" + id + "/junit.xml", "/run/" + id + "/gameday.jsonl", "/run/" + id + "/scorecard.json"} {
			body := ask(t, s, path).Body.String()
			for _, told := range []string{"kill", "load\"", "on load", "bites", "biting", "bit,", "exit code", `"seed":"7"`} {
				require.NotContains(t, body, told, "%s: %s", when, path)
			}
		}
	}
	quiet("while the pipeline starts")
	require.True(t, listed(t, s)["20260301-calm-surprise"].Hidden)
	require.NoError(t, os.WriteFile(filepath.Join(out, "20260301-calm-surprise", "undo.jsonl"), []byte(`{"do":"start","target":"load"}`), 0o600))
	h := hold(t, out, "20260301-calm-surprise", true)
	quiet("in the preflight")
	h.add(t, state(gameday.Running), gameday.Event{Kind: gameday.Marked, Name: gameday.Detected, By: "Ada"}, gameday.Event{Kind: gameday.Broke, Status: "injecting"})
	fault(t, w, history.Inject, history.Bite)
	progress(t, w, 200, 100)
	h.add(t, gameday.Event{Kind: gameday.Broke, Status: "biting"})
	quiet("in mid-fault")
	day := h.tell(t, s)
	require.Nil(t, day.Broke)
	require.Nil(t, day.Seconds.Detect, "since when would tell when")
	require.True(t, day.Run.Hidden)
	require.Len(t, day.Happened, 2)
	require.Equal(t, "200 sent of 800, 100 queued, 100 committed, 100 visible", day.Run.Came)
	fault(t, w, history.Recover, history.Heal)
	require.NoError(t, w.Close())
	run := sample(5)
	run.Scenario, run.Seed = "calm"+gameday.SurpriseSuffix, 7
	store(t, out, "20260301-calm-surprise", run)
	quiet("judged, and not said yet")
	require.Equal(t, http.StatusConflict, ask(t, s, "/compare?run="+id+"&run="+id).Code)

	h.add(t, state(gameday.Debrief), gameday.Event{Kind: gameday.Broke, Name: "kill", Target: "load", Status: "biting", Text: "exit code 137", Since: 1})
	day = h.tell(t, s)
	require.False(t, day.Run.Hidden)
	require.Equal(t, "invalid", day.Run.State)
	require.Equal(t, happening{1e-9, "fault", "kill on load: biting: exit code 137", ""}, day.Happened[len(day.Happened)-1], "in its place")
	require.Contains(t, ask(t, s, "/run/"+id+"/history.jsonl").Body.String(), "kill")
	require.NotEmpty(t, listed(t, s)["20260301-calm-surprise"].Seed)
}
