package trace

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

var started = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// stored is a run that is written for a test.
type stored struct {
	t     *testing.T
	dir   string
	files *workload.Workload
	w     *history.Writer
	wire  *history.Crossing
}

func store(t *testing.T) *stored {
	t.Helper()
	files, err := workload.New(workload.Config{Seed: 7, Tag: "T3ST", Files: 3, RecordsPerFile: 10, UpdatePercent: 40, DeletePercent: 10})
	require.NoError(t, err)
	raw, err := json.Marshal(files.Config)
	require.NoError(t, err)
	s := &stored{t: t, dir: t.TempDir(), files: files}
	s.w, err = history.Create(s.dir, history.Header{Generator: workload.Generator, Tag: "T3ST", Workload: raw, Started: started.Format(time.RFC3339Nano)})
	require.NoError(t, err)
	s.wire, err = s.w.Cross()
	require.NoError(t, err)
	return s
}

// sent writes that a file was sent; a cause makes the outcome unknown.
func (s *stored) sent(file int, cause error) {
	s.t.Helper()
	sent := history.Sent{File: file, Name: s.files.Files[file].Name}
	act, err := s.w.Invoke(history.Send, sent.Name, sent)
	require.NoError(s.t, err)
	if cause != nil {
		require.NoError(s.t, act.Info(cause, sent))
		return
	}
	require.NoError(s.t, act.OK(sent))
}

func (s *stored) crossed(second int, e boundary.Event) {
	s.t.Helper()
	e.Time = started.Add(time.Duration(second) * time.Second)
	require.NoError(s.t, s.wire.Add(e))
}

func (s *stored) of(key string) Trace {
	s.t.Helper()
	require.NoError(s.t, s.wire.Close())
	require.NoError(s.t, s.w.Close())
	run, err := history.Load(s.dir)
	require.NoError(s.t, err)
	t, err := Of(run, key)
	require.NoError(s.t, err)
	return t
}

func TestTrace(t *testing.T) {
	s := store(t)
	op := s.files.Files[1].Ops[0]
	key, other := s.files.Key(int(op.Number)), s.files.Key(int(s.files.Files[1].Ops[1].Number))
	s.crossed(40, boundary.Event{Service: "elasticsearch", Role: "indexer", Kind: boundary.Indexed, Target: "people", Count: 2, Code: 429, Records: []string{key, other}, Failed: []string{key}})
	s.crossed(10, boundary.Event{Service: "rabbitmq", Role: "collector", Kind: boundary.Published, Target: "people", Count: 1, Records: []string{key}, Messages: []string{"m-1"}})
	s.crossed(20, boundary.Event{Service: "postgres", Role: "loader", Kind: boundary.Committed, Target: "people", Count: 2, Records: []string{other, key}, Hold: 1, Note: "by COPY"})
	s.crossed(30, boundary.Event{Service: "elasticsearch", Role: "indexer", Kind: boundary.Indexed, Target: "people", Count: 1, Code: 200, Records: []string{key}})
	s.crossed(50, boundary.Event{Service: "elasticsearch", Role: "indexer", Kind: boundary.Indexed, Target: "people", Count: 1, Records: []string{other}})
	s.sent(1, nil)
	got := s.of(key)
	require.Equal(t, key, got.Key)
	require.Equal(t, int(op.Number), got.Number)
	require.Zero(t, got.Missing)
	require.Empty(t, got.Problem)
	got.Hops[0].At = 0
	require.Equal(t, []Hop{
		{0, "harness", "sent", "sftp", s.files.Files[1].Name + ", line 2: upsert of version 1"},
		{10 * time.Second, "collector", "published", "rabbitmq people", "message m-1"},
		{20 * time.Second, "loader", "committed", "postgres people", "and 1 more, held here by a breakpoint, by COPY"},
		{30 * time.Second, "indexer", "indexed", "elasticsearch people", "status 200"},
		{40 * time.Second, "indexer", "indexed", "elasticsearch people", "refused (429), and 1 more"},
	}, got.Hops)
	last, known := got.Last()
	require.True(t, known)
	require.Equal(t, got.Hops[4], last)
}

// Every file that a record stands in is a hop.
func TestTraceOfSeveralVersions(t *testing.T) {
	s := store(t)
	key, _ := s.update()
	s.sent(1, nil)
	s.sent(2, errors.New("connection reset"))
	got := s.of(key)
	require.Len(t, got.Hops, 2)
	require.Equal(t, "sent", got.Hops[0].What)
	require.Contains(t, got.Hops[0].Evidence, "upsert of version 1")
	require.Equal(t, "sent, outcome: info", got.Hops[1].What)
	require.Contains(t, got.Hops[1].Evidence, "upsert of version 2")
}

func TestTraceOfWhatWasNeverSent(t *testing.T) {
	s := store(t)
	s.wire.Miss(3)
	got := s.of(s.files.Key(9))
	_, known := got.Last()
	require.False(t, known)
	require.NotNil(t, got.Hops, "machines get an empty list")
	require.EqualValues(t, 3, got.Missing)
}

// What is left of a run that broke off is told, and that it is not all.
func TestTraceOfABrokenRun(t *testing.T) {
	s := store(t)
	key := s.files.Key(int(s.files.Files[1].Ops[0].Number))
	s.sent(1, nil)
	s.crossed(10, boundary.Event{Role: "loader", Kind: boundary.Committed, Records: []string{key}})
	whole := s.of(key)
	require.Len(t, whole.Hops, 2)
	wire := filepath.Join(s.dir, "observed", "wire.jsonl.gz")
	raw, err := os.ReadFile(wire)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(wire, raw[:len(raw)-9], 0o600))
	run, err := history.Load(s.dir)
	require.NoError(t, err)
	run.Problem = "the history has no last line"
	got, err := Of(run, key)
	require.NoError(t, err)
	require.NotEmpty(t, got.Hops)
	require.Contains(t, got.Problem, "the history has no last line, read what crossed the wire")
}

func TestUnknownKey(t *testing.T) {
	s := store(t)
	require.NoError(t, s.wire.Close())
	require.NoError(t, s.w.Close())
	run, err := history.Load(s.dir)
	require.NoError(t, err)
	strange, err := workload.New(workload.Config{Seed: 7, Tag: "0THR"})
	require.NoError(t, err)
	for _, key := range []string{"", "x\x1b[2J", strange.Key(0), s.files.Key(0) + "X"} {
		_, err = Of(run, key)
		require.ErrorIs(t, err, ErrUnknownKey)
		require.ErrorContains(t, err, "its keys look like "+s.files.Key(0))
		require.NotContains(t, err.Error(), "\x1b")
	}
	run.Header.Workload = []byte(`{"generator":"other/1"}`)
	_, err = Of(run, s.files.Key(0))
	require.ErrorContains(t, err, "read the workload of")
	require.NotErrorIs(t, err, ErrUnknownKey)
}
