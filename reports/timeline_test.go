package reports

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// tape is a stored run in the making.
type tape struct {
	t   testing.TB
	run *history.Run
}

const began = "2026-11-21T09:00:00Z"

func newTape(t testing.TB) *tape {
	return &tape{t, &history.Run{Header: history.Header{Started: began}}}
}

func (tape *tape) event(at float64, phase history.Phase, act history.Act, name string, of int, data any) int {
	tape.t.Helper()
	raw, err := json.Marshal(data)
	require.NoError(tape.t, err)
	seq := len(tape.run.Events) + 1
	tape.run.Events = append(tape.run.Events, history.Event{Seq: seq, At: int64(at * 1e9), Phase: phase, Act: act, Name: name, Of: of, Data: raw})
	return seq
}

// act is an invoke and its OK.
func (tape *tape) act(from, to float64, act history.Act, name string, data any) {
	of := tape.event(from, history.Invoke, act, name, 0, data)
	tape.event(to, history.OK, act, name, of, data)
}

func (tape *tape) send(at float64, file int, name string) {
	tape.act(at-0.1, at, history.Send, name, history.Sent{File: file, Name: name, Rows: 10})
}

func (tape *tape) marks(at float64, m history.Marks) {
	tape.event(at, history.Note, history.Progress, "", 0, m)
}

func (tape *tape) fault(step int, name, target string, begin, bit, over float64) {
	data := history.FaultAct{Step: step, Name: name, Target: target}
	tape.act(begin, begin, history.Inject, name, data)
	tape.act(begin, bit, history.Bite, name, data)
	tape.act(over, over, history.Heal, name, data)
}

// wire stores what crossed the wire beside the history.
func (tape *tape) wire(events ...map[string]any) {
	tape.t.Helper()
	tape.run.Dir = tape.t.TempDir()
	require.NoError(tape.t, os.Mkdir(filepath.Join(tape.run.Dir, "observed"), 0o700))
	file, err := os.Create(filepath.Join(tape.run.Dir, "observed", "wire.jsonl.gz"))
	require.NoError(tape.t, err)
	zip := gzip.NewWriter(file)
	encoder := json.NewEncoder(zip)
	for _, event := range events {
		require.NoError(tape.t, encoder.Encode(event))
	}
	require.NoError(tape.t, zip.Close())
	require.NoError(tape.t, file.Close())
	tape.event(30, history.Note, history.Crossed, "", 0, history.Crossings{File: "observed/wire.jsonl.gz", Events: len(events)})
}

func crossing(at float64, service, role, kind, target string, more map[string]any) map[string]any {
	start, _ := time.Parse(time.RFC3339, began)
	event := map[string]any{"time": start.Add(time.Duration(at * 1e9)).Format(time.RFC3339Nano), "service": service, "role": role, "kind": kind, "target": target, "count": 1}
	for name, value := range more {
		event[name] = value
	}
	return event
}

// sampleTape is a run of two files; the second one is lost when the loader is
// killed at 5 s, and the import calls both completed.
func sampleTape(t testing.TB) (*history.Run, check.Result) {
	tape := newTape(t)
	tape.marks(1, history.Marks{Sent: 0, Taken: -1, Queued: 0, Committed: -1, Visible: -1, Confirmed: -1})
	tape.send(2, 1, "a.csv")
	tape.marks(2, history.Marks{Sent: 10, Taken: 1, Queued: 10, Committed: 0, Visible: 0, Confirmed: 0})
	tape.send(3, 2, "b.csv")
	tape.fault(1, "kill", "load", 5, 5.5, 8)
	tape.act(9, 10, history.Operate, "replay", history.RoleAct{Step: 2, Role: "collector"})
	tape.marks(11, history.Marks{Sent: 20, Taken: 2, Queued: 0, Committed: 10, Visible: 10, Confirmed: 10})
	for i, at := range []float64{4, 12} {
		status := []history.StatusEntry{{File: "a.csv", Completed: i > 0}, {File: "b.csv", Completed: i > 0}, {File: "b.csv", Completed: i > 0}}
		tape.act(at, at, history.Observe, history.Status, history.Observation{Place: history.Status, N: i + 1, Whole: true, Status: status})
	}
	tape.act(13, 13, history.Observe, history.Queues, history.Observation{Place: history.Queues, N: 1, Final: true, Whole: true,
		Queues: []history.QueueDepth{{Queue: "records", Ready: 3}}})
	tape.wire(
		crossing(2.5, "rabbitmq", "collector", "published", "imports", map[string]any{"records": []string{"K1"}}),
		crossing(3.5, "rabbitmq", "collector", "published", "imports", map[string]any{"records": []string{"K2"}, "count": 3}),
		crossing(4.9, "rabbitmq", "loader", "delivered", "records", map[string]any{"records": []string{"K2", "K9"}}),
		crossing(4.95, "sftp", "collector", "file marked", "/inbox", map[string]any{"messages": []string{"/inbox/b.csv"}}),
		crossing(9.5, "postgres", "loader", "committed", "people", map[string]any{"records": []string{"K1"}}),
	)
	result := check.Result{
		Verdict: check.Invalid,
		Findings: []check.Finding{
			{Class: check.Lost, Key: "K2", Version: 1, File: "b.csv", Line: 2, LastSeen: "acknowledged by SFTP in b.csv line 2; not in rows"},
			{Class: check.Lost, Key: "K3", Version: 1, File: "b.csv", Line: 3, LastSeen: "acknowledged by SFTP in b.csv line 3; not in rows"},
			{Class: check.Misreported, File: "b.csv", LastSeen: "the import's status"},
		},
		Files: []check.FileFates{
			{File: "a.csv", Sent: "acknowledged", Attempted: 10, Fates: map[check.Fate]int{check.Applied: 10}},
			{File: "b.csv", Sent: "acknowledged", Attempted: 10, Fates: map[check.Fate]int{check.Applied: 8, check.LostFate: 2}},
		},
		Latency: &check.Latency{Operations: 18, Reads: 4, P50: 2, P95: 4, P99: 4, Max: 4, Files: []check.FileLatency{
			{File: "a.csv", Operations: 10, P50: 1, P95: 2, Seconds: 3}, {File: "b.csv", Operations: 8, P50: 2, P95: 3, Seconds: 4},
		}},
	}
	return tape.run, result
}

func TestChartsOfARun(t *testing.T) {
	run, result := sampleTape(t)
	timeline := timelineOf(run, result)
	require.Empty(t, timeline.problem)
	raw, err := json.MarshalIndent(map[string]any{"charts": timeline.charts, "steps": timeline.steps, "drops": values(timeline.drops), "ends": timeline.ends}, "", " ")
	require.NoError(t, err)
	golden(t, "timeline.json", string(raw)+"\n")
	require.Equal(t, []history.QueueDepth{{Queue: "records", Ready: 3}}, timeline.queues)
	require.Equal(t, map[string]sign{"K2": {4.9, "loader: delivered, rabbitmq records"}, "b.csv": {4.95, "collector: file marked, sftp /inbox"}}, timeline.signs,
		"of what findings name, and nothing else")
}

func TestTimelineOfABrokenRunKeepsWhatThereIs(t *testing.T) {
	run, result := sampleTape(t)
	run.Problem = "line 9 is cut off"
	run.Events[2].Data = json.RawMessage(`{"file":"one"}`)
	run.Header.Started = "at noon"
	require.NoError(t, os.WriteFile(filepath.Join(run.Dir, "observed", "wire.jsonl.gz"), []byte("no gzip"), 0o600))
	timeline := timelineOf(run, result)
	require.NotEmpty(t, timeline.charts)
	require.Contains(t, timeline.problem, "line 9 is cut off")
	require.Contains(t, timeline.problem, "when the run began")

	empty := timelineOf(&history.Run{}, check.Result{})
	require.Empty(t, empty.charts)
}

func TestSuspectedStep(t *testing.T) {
	steps := []stepTime{
		{Step: 1, Name: "latency", Begin: 1, Bit: 1.5, Over: 20},
		{Step: 2, Name: "kill", Begin: 5, Bit: 5.5, Over: 8},
		{Step: 3, Name: "replay", Operation: true, Begin: 10, Bit: 10, Over: 11},
	}
	of := func(class check.Class, keys ...string) (list []check.Finding) {
		for _, key := range keys {
			list = append(list, check.Finding{Class: class, Key: key, File: "f.csv"})
		}
		return list
	}
	signs := map[string]sign{"before": {at: 4}, "between": {at: 9}, "after": {at: 12}, "later": {at: 13}}
	for _, c := range []struct {
		name     string
		findings []check.Finding
		step     int
		after    bool
		none     bool
	}{
		{"lost before a kill", of(check.Lost, "before"), 1, false, false},
		{"lost after everything", of(check.Lost, "after"), 2, true, false},
		{"doubled by the replay", of(check.Duplicated, "after", "later", "before"), 2, true, false},
		{"stuck between", of(check.Stalled, "between"), 1, true, false},
		{"found wrong twice, and one record all the same", of(check.Stalled, "before", "before", "between", "between", "between", "after"), 0, false, true},
		{"nothing on the wire", of(check.Lost, "unseen"), 0, false, true},
		{"they disagree", of(check.Duplicated, "before", "between", "after"), 0, false, true},
		{"a whole file", []check.Finding{{Class: check.Misreported, File: "f.csv"}}, 0, false, true},
		{"nothing", nil, 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			timeline := timeline{steps: steps, signs: signs}
			s, ok := timeline.suspected(c.findings)
			require.Equal(t, !c.none, ok)
			if ok {
				require.Equal(t, c.step, s.step)
				require.Equal(t, c.after, s.afterItStruck)
			}
		})
	}
}

func TestTracks(t *testing.T) {
	var counted track
	for i := range 10000 {
		counted.count(float64(i)/100000, 2)
	}
	require.Less(t, len(counted.at), 200, "what counts within a millisecond is one change")
	require.Equal(t, 20000.0, counted.value[len(counted.value)-1])

	var depth track
	for i := range 100000 {
		depth.add(float64(i), float64(i%2))
	}
	depth.add(50, 7) // a clock that went back
	require.Equal(t, 99999.0, depth.at[len(depth.at)-1])
	at := moments([]track{depth}, 500)
	require.Len(t, at, 500)
	require.Equal(t, 99999.0, at[499])
	depth.value[777] = 1000
	depth.peaks = true
	require.Contains(t, depth.on(at), 1000.0, "no peak gets lost")
	depth.peaks = false
	require.NotContains(t, depth.on(at), 1000.0)

	late := track{at: []float64{2}, value: []float64{5}}
	shown := late.on(values{1, 2, 3})
	require.True(t, math.IsNaN(shown[0]))
	raw, err := json.Marshal(append(shown, 1.0/3))
	require.NoError(t, err)
	require.JSONEq(t, `[null,5,5,0.333]`, string(raw))

	require.Len(t, thin(slices.Repeat([]float64{1}, 5000), 2000), 2000)
}
