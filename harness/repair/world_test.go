package repair

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// world is a pipeline as simple as can be: what it loses, doubles and hides is
// what a test tells it to. Its history is a real one.
type world struct {
	t     *testing.T
	w     *workload.Workload
	means history.Means

	guards  bool // an older version changes nothing
	inboxed bool // a row of a file that it knows changes nothing
	inserts bool // what it knows to be a first version makes another row, unless inboxed

	rows          map[int][]history.Entry
	documents     map[int][]history.Entry
	confirmed     map[[2]int]int
	known         map[string]bool // file and line
	status        map[string]history.StatusEntry
	staged        []history.Entry
	queued        []workload.Op
	unconfirmed   map[[2]int]bool
	neverAnnounce bool
	delivered     [][]string // messages, as they crossed the wire
	next          int

	seen []glimpse // reads while the run went on
}

// glimpse is what the table and the index showed at a moment.
type glimpse struct{ rows, documents []history.Entry }

// watched has everything pass, and the rows and documents read after each file.
func (s *world) watched() *world {
	for _, file := range s.w.Files {
		s.apply(file, file.Name, nil)
		s.look()
	}
	return s
}

// look keeps what can be read of the rows and documents now.
func (s *world) look() { s.seen = append(s.seen, glimpse{all(s.rows), all(s.documents)}) }

func all(of map[int][]history.Entry) (entries []history.Entry) {
	for _, some := range of {
		entries = append(entries, some...)
	}
	return entries
}

var started = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

var everything = history.Means{
	Operations: []string{"replay", "repoint", "sync"},
	Consumers:  map[string]string{"records": "loader", "records.applied": "exporter"}, Takes: "collector",
}

func newWorld(t *testing.T, change func(*workload.Config)) *world {
	t.Helper()
	config := workload.Config{Seed: 11, Tag: "T3ST", Files: 6, RecordsPerFile: 25, UpdatePercent: 30, DeletePercent: 10, Control: 2, Sentinel: 1}
	if change != nil {
		change(&config)
	}
	files, err := workload.New(config)
	require.NoError(t, err)
	return &world{
		t: t, w: files, means: everything, guards: true, inboxed: true, rows: map[int][]history.Entry{}, documents: map[int][]history.Entry{},
		confirmed: map[[2]int]int{}, known: map[string]bool{}, status: map[string]history.StatusEntry{}, unconfirmed: map[[2]int]bool{},
	}
}

// apply works on a file that came under a name, but for the rows that are lost.
func (s *world) apply(file workload.File, name string, lost func(workload.Op) bool) {
	complete, rows := true, 0
	for _, o := range file.Ops {
		if lost != nil && lost(o) {
			complete = false
			continue
		}
		if !o.Implied {
			rows++
		}
		at := fmt.Sprintf("%s:%d", name, o.Line)
		if s.inboxed && s.known[at] && !o.Implied {
			continue
		}
		s.known[at] = true
		s.put(o)
	}
	entry := history.StatusEntry{File: name, State: "received", Rows: file.Rows(), Applied: rows}
	if complete {
		entry.State, entry.Completed, entry.Applied = "completed", true, file.Rows()
	}
	s.status[name] = entry
}

// put applies one operation.
func (s *world) put(o workload.Op) {
	n, v := int(o.Number), int(o.Version)
	now := s.rows[n]
	top := 0
	for _, e := range now {
		top = max(top, e.Version)
	}
	if top >= v && s.guards && !s.inserts {
		return
	}
	s.next++
	content := s.w.Row(o).Map()
	if o.Delete {
		content = nil
	}
	entry := history.Entry{Number: n, Version: v, Deleted: o.Delete, Fields: content, Where: fmt.Sprintf("people (%d,%d)", s.next/50, s.next%50+1)}
	switch {
	case s.inserts && v == 1 && len(now) > 0:
		s.rows[n] = append(now, entry)
	case top > v && s.guards:
		return
	default:
		s.rows[n] = []history.Entry{entry}
	}
	s.index(n)
	if s.neverAnnounce {
		s.unconfirmed[[2]int{n, v}] = true
		return
	}
	s.confirmed[[2]int{n, v}] = 1
}

// index shows readers what the rows hold.
func (s *world) index(n int) {
	delete(s.documents, n)
	for _, e := range s.rows[n] {
		if !e.Deleted && (len(s.documents[n]) == 0 || s.documents[n][0].Version < e.Version) {
			e.Where = fmt.Sprintf("document people-1/%d", n)
			s.documents[n] = []history.Entry{e}
		}
	}
}

func (s *world) sync() {
	clear(s.documents)
	for n := range s.rows {
		s.index(n)
	}
}

// replay is the pipeline's own: it knows what it has worked on.
func (s *world) replay(from int) {
	s.staged = nil
	for _, file := range s.w.Files {
		if file.Seq >= from {
			s.apply(file, file.Name, nil)
		}
	}
	for at := range s.unconfirmed {
		s.confirmed[at] = 1
	}
}

// carryOut does what a plan says. What is there then is judged without what was
// seen before.
func (s *world) carryOut(plan Plan) {
	s.seen = nil
	for _, step := range plan.Steps {
		require.False(s.t, step.ByHand, step.Text)
		switch step.Do {
		case Remove:
			s.remove(step)
		case Resume:
			for _, o := range s.queued {
				s.confirmed[[2]int{int(o.Number), int(o.Version)}] = 1
			}
			s.queued = nil
		case Replay:
			var from int
			_, err := fmt.Sscan(step.Args["from"], &from)
			require.NoError(s.t, err)
			s.replay(from)
		case Drop:
			for _, file := range plan.Files {
				s.apply(s.w.Files[file.Index], file.As, nil)
				if file.As != file.File { // nobody was asked about it
					delete(s.status, file.As)
				}
			}
		case Sync:
			s.sync()
		}
	}
}

func (s *world) remove(step Step) {
	removed := 0
	for n, entries := range s.rows {
		s.rows[n] = slices.DeleteFunc(entries, func(e history.Entry) bool {
			_, ctid, _ := tuple(e.Where)
			gone := slices.ContainsFunc(step.SQL, func(sql string) bool { return strings.Contains(sql, `"`+ctid+`"`) })
			if gone {
				removed++
			}
			return gone
		})
	}
	require.Equal(s.t, step.Rows, removed)
}

// store writes the history of a run in which everything was sent and acknowledged.
func (s *world) store() *history.Run {
	s.t.Helper()
	dir := s.t.TempDir()
	config, err := json.Marshal(s.w.Config)
	require.NoError(s.t, err)
	expect := check.Default()
	expect.DeadLetters, expect.DeadlineSeconds = false, 0
	raw, err := json.Marshal(expect)
	require.NoError(s.t, err)
	w, err := history.Create(dir, history.Header{
		Generator: workload.Generator, Tag: s.w.Config.Tag, Seed: s.w.Config.Seed, Scenario: "test", Pipeline: "simple",
		Workload: config, Expect: raw, Started: started.Format(time.RFC3339Nano), Means: &s.means,
	})
	require.NoError(s.t, err)
	require.NoError(s.t, os.Mkdir(filepath.Join(dir, "input"), 0o700))
	did := func(act history.Act, name string, data any) {
		pending, err := w.Invoke(act, name, data)
		require.NoError(s.t, err)
		require.NoError(s.t, pending.OK(data))
	}
	for i, file := range s.w.Files {
		did(history.Send, file.Name, history.Sent{File: i, Name: file.Name, Rows: file.Rows()})
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, "input", file.Name), nil, 0o600))
		if i == 0 {
			did(history.Control, "", nil)
		}
	}
	if s.delivered != nil {
		wire, err := w.Cross()
		require.NoError(s.t, err)
		for _, messages := range s.delivered {
			require.NoError(s.t, wire.Add(map[string]any{"kind": "delivered", "target": "records", "messages": messages}))
		}
		require.NoError(s.t, wire.Close())
	}
	observe := func(place string, final bool, entries []history.Entry) {
		reading, err := w.Observe(place, final)
		require.NoError(s.t, err)
		require.NoError(s.t, reading.Entries(entries, nil))
	}
	for _, seen := range s.seen {
		observe(history.Rows, false, seen.rows)
		observe(history.Documents, false, seen.documents)
	}
	did(history.Sentinel, "", nil)
	did(history.Quiet, "", history.QuietAct{AccountedFor: true})
	var confirmed, queued []history.Entry
	for at, times := range s.confirmed {
		for range times {
			confirmed = append(confirmed, history.Entry{Number: at[0], Version: at[1], Where: "confirm-1.csv"})
		}
	}
	for _, o := range s.queued {
		queued = append(queued, history.Entry{Number: int(o.Number), Version: int(o.Version), Where: "queue records.applied"})
	}
	read := func(place string, entries []history.Entry) { observe(place, true, entries) }
	read(history.Staged, s.staged)
	depths := []history.QueueDepth{{Queue: "records"}}
	if len(queued) > 0 {
		depths = append(depths, history.QueueDepth{Queue: "records.applied", Broker: "rabbitmq-next", Ready: len(queued)})
	}
	reading, err := w.Observe(history.Queues, true)
	require.NoError(s.t, err)
	require.NoError(s.t, reading.Queues(depths, nil))
	read(history.Queued, queued)
	read(history.Rows, all(s.rows))
	read(history.Documents, all(s.documents))
	read(history.Confirmations, confirmed)
	var status []history.StatusEntry
	for _, file := range s.w.Files {
		if entry, ok := s.status[file.Name]; ok {
			status = append(status, entry)
		}
	}
	reading, err = w.Observe(history.Status, true)
	require.NoError(s.t, err)
	require.NoError(s.t, reading.Status(status, nil))
	require.NoError(s.t, w.Close())
	run, err := history.Load(dir)
	require.NoError(s.t, err)
	return run
}

func (s *world) judge() (*history.Run, check.Result) {
	s.t.Helper()
	run := s.store()
	result, err := check.Judge(run)
	require.NoError(s.t, err)
	return run, result
}

func (s *world) plan() (Plan, check.Result) {
	s.t.Helper()
	run, result := s.judge()
	plan, err := Of(run, result, *run.Header.Means)
	require.NoError(s.t, err)
	return plan, result
}

// all has everything pass.
func (s *world) all() *world { return s.losing(nil) }

// losing has everything pass but what is lost.
func (s *world) losing(lost func(workload.Op) bool) *world {
	for _, file := range s.w.Files {
		s.apply(file, file.Name, lost)
	}
	return s
}

// inOrder has files pass in an order, by index.
func (s *world) inOrder(order ...int) *world {
	for _, i := range order {
		s.apply(s.w.Files[i], s.w.Files[i].Name, nil)
	}
	return s
}

func some(seed uint64, share float64) func(workload.Op) bool {
	return func(o workload.Op) bool {
		random := rand.New(rand.NewPCG(seed, uint64(o.Number)<<8|uint64(o.Version)))
		return random.Float64() < share
	}
}
