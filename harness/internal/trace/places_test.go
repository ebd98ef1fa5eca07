package trace

import (
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

func (s *stored) read(place string, final bool, cause error, entries ...history.Entry) {
	s.t.Helper()
	reading, err := s.w.Observe(place, final)
	require.NoError(s.t, err)
	require.NoError(s.t, reading.Entries(entries, cause))
}

// update is a record with two versions, the second in the second file.
func (s *stored) update() (key string, number int) {
	for _, op := range s.files.Files[2].Ops {
		if op.Version == 2 && !op.Delete {
			return s.files.Key(int(op.Number)), int(op.Number)
		}
	}
	s.t.Fatal("no update in the second file")
	return "", 0
}

func TestTraceShowsWhatReadsShowed(t *testing.T) {
	s := store(t)
	key, n := s.update()
	row := func(version int, where string) history.Entry {
		return history.Entry{Number: n, Version: version, Where: where}
	}
	others := []history.Entry{{Number: n - 1, Version: 1}, {Number: n + 1, Version: 1}, {Number: -1, Key: "strange"}}
	s.sent(1, nil)
	s.read(history.Rows, false, nil, others...)
	s.read(history.Rows, false, nil, append(others, row(1, ""))...)
	s.read(history.Rows, false, nil, append(others, row(1, ""))...)
	s.sent(2, nil)
	s.read(history.Documents, false, nil, row(1, ""))
	s.read(history.Documents, false, errors.New("broke off"))
	s.read(history.Documents, false, nil)
	s.read(history.Rows, true, nil, row(1, "people (0,1)"), row(2, "people (0,2)"))
	s.read(history.Documents, true, errors.New("broke off"))
	s.read(history.DeadLetters, true, nil)
	got := s.of(key)
	require.Empty(t, got.Problem)
	var course []string
	for _, hop := range got.Hops {
		course = append(course, hop.Who+" "+hop.What+" "+hop.Where+": "+hop.Evidence)
	}
	file := func(i, line int) string {
		return s.files.Files[i].Name + ", " + place(workload.Op{Line: int32(line)})
	}
	require.Equal(t, []string{
		"harness sent sftp: " + file(1, got.Operations[0].Line) + ": upsert of version 1",
		"observer seen rows: version 1, read 2",
		"harness sent sftp: " + file(2, got.Operations[1].Line) + ": upsert of version 2",
		"observer seen documents: version 1, read 1",
		"observer gone documents: read 3",
		"observer seen changed rows: version 1 (people (0,1)), version 2 (people (0,2)), read 4",
	}, course, "a read that is not whole does not show that anything is gone")
	require.Equal(t, []Place{
		{Name: "dead-letters", Read: 1, Whole: true, Found: []Found{}},
		{Name: "rows", Read: 4, Whole: true, Found: []Found{{1, false, "people (0,1)"}, {2, false, "people (0,2)"}}},
		{Name: "documents", Read: 4, Found: []Found{}},
	}, got.Places)
	require.Equal(t, "nothing, and the read is not whole", got.Places[2].String())
	for _, later := range got.Operations[2:] {
		require.Equal(t, "not sent", later.Sent)
	}
	require.Equal(t, "acknowledged", got.Operations[1].Sent)
	require.Equal(t, s.files.Record(n, 2).Map(), got.Operations[1].Fields)
	require.Contains(t, got.Stopped, "stands there 2 times in rows.")
}

func TestWhereItStopped(t *testing.T) {
	for _, c := range []struct {
		name string
		seen func(s *stored, n int)
		says string
	}{
		{"everywhere", func(s *stored, n int) {
			for _, place := range []string{history.Rows, history.Documents, history.Confirmations} {
				s.read(place, true, nil, history.Entry{Number: n, Version: 2})
			}
		}, "is everywhere it belongs: rows, documents, confirmations."},
		{"never taken", func(s *stored, n int) {
			s.read(history.Inbox, true, nil, history.Entry{Number: n, Version: 2, Where: "inbox/a.csv line 7"})
			s.read(history.Rows, true, nil)
		}, "stopped in the inbox: version 2 (inbox/a.csv line 7)."},
		{"staged", func(s *stored, n int) {
			s.read(history.Staged, true, nil, history.Entry{Number: n, Version: 1}, history.Entry{Number: n, Version: 2, Where: "/staging"})
			s.read(history.Rows, true, nil, history.Entry{Number: n, Version: 1})
		}, "stopped in staging: version 2 (/staging)."},
		{"queued news", func(s *stored, n int) {
			s.read(history.Queued, true, nil, history.Entry{Number: n, Version: 2, Where: "queue records.applied"})
			s.read(history.Rows, true, nil, history.Entry{Number: n, Version: 2})
			s.read(history.Confirmations, true, nil)
		}, "stopped in a queue: version 2 (queue records.applied)."},
		{"dead-lettered", func(s *stored, n int) {
			s.read(history.DeadLetters, true, nil, history.Entry{Number: n, Version: 2, Where: "queue records.dead"})
			s.read(history.Rows, true, nil, history.Entry{Number: n, Version: 1})
		}, "stopped in the dead letters: version 2 (queue records.dead)."},
		{"lost", func(s *stored, n int) {
			s.read(history.Rows, true, nil, history.Entry{Number: n, Version: 1, Where: "people (0,1)"})
			s.read(history.Documents, true, nil)
		}, "was last seen on the wire: collector published, rabbitmq records; rows show version 1 (people (0,1)); not in documents."},
		{"invisible and unconfirmed", func(s *stored, n int) {
			s.read(history.Rows, true, nil, history.Entry{Number: n, Version: 2})
			s.read(history.Documents, true, nil)
			s.read(history.Confirmations, true, nil)
		}, "is in effect in rows; not in documents; not confirmed."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := store(t)
			key, n := s.update()
			s.crossed(1, boundary.Event{Service: "rabbitmq", Role: "collector", Kind: boundary.Published, Target: "records", Records: []string{key}})
			s.sent(1, nil)
			s.sent(2, nil)
			c.seen(s, n)
			got := s.of(key)
			require.Contains(t, got.Stopped, "Version 2 ("+s.files.Files[2].Name+" line ")
			require.Contains(t, got.Stopped, c.says)
		})
	}
}

func TestWhereItStoppedIsNotKnown(t *testing.T) {
	s := store(t)
	key, _ := s.update()
	s.sent(2, nil)
	s.read(history.Rows, true, errors.New("broke off"))
	require.Empty(t, s.of(key).Stopped)
}

func TestWhereADeletionStopped(t *testing.T) {
	deletion := Operation{Version: 3, Delete: true, File: "a.csv", Line: 4, Sent: "acknowledged", Accept: "acceptable"}
	got := Trace{Operations: []Operation{deletion}, Places: []Place{{Name: history.Rows, Whole: true, Found: []Found{{2, false, "people (1,1)"}}}}}
	require.Equal(t, "Version 3 (a.csv line 4) was acknowledged by SFTP; rows still show version 2 (people (1,1)).", got.stopped())
	got.Places[0].Found[0].Deleted = true
	require.Equal(t, "Version 3 (a.csv line 4) is everywhere it belongs: rows.", got.stopped())
	got.Operations[0].Line = 0
	require.Contains(t, got.stopped(), "Version 3 (by its absence from a.csv)")
	got.Operations[0].Sent = "failed"
	require.Empty(t, got.stopped())
	rejectable := Operation{Version: 1, File: "a.csv", Line: 4, Sent: "acknowledged", Accept: "rejectable"}
	got = Trace{Operations: []Operation{rejectable}, Places: []Place{{Name: history.Rows, Whole: true}}}
	require.Contains(t, got.stopped(), "had to be rejected, and is in no dead letters")
}

// A read that cannot be read back leaves a hole, and that is said.
func TestTraceOfReadsThatAreGone(t *testing.T) {
	s := store(t)
	key, n := s.update()
	s.sent(1, nil)
	s.read(history.Rows, true, nil, history.Entry{Number: n, Version: 1})
	s.read(history.Documents, true, nil, history.Entry{Number: n, Version: 1})
	require.NoError(t, os.Remove(filepath.Join(s.dir, "observed", "rows-1.jsonl.gz")))
	got := s.of(key)
	require.Contains(t, got.Problem, "read observation observed/rows-1.jsonl.gz")
	require.Len(t, got.Places, 1)
	require.Positive(t, got.Hops[len(got.Hops)-1].At)
	require.Less(t, got.Hops[len(got.Hops)-1].At, time.Minute)
}
