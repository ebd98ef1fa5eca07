package observe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// watch runs Live until the test calls stop or ends.
func (tr *trial) watch(o *Observer, every time.Duration, marks func(history.Marks)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		o.Live(ctx, every, marks)
		close(done)
	}()
	stop = func() {
		cancel()
		<-done
	}
	tr.t.Cleanup(stop)
	return stop
}

func eventually(t testing.TB, what func() bool, message string, arguments ...any) {
	t.Helper()
	require.Eventually(t, what, 30*time.Second, 20*time.Millisecond, append([]any{message}, arguments...)...)
}

// finish does what a pipeline would with all files of the workload.
func (tr *trial) finish(index string) {
	last, deleted := map[int]int{}, map[int]bool{}
	for _, file := range tr.wl.Files {
		for _, op := range file.Ops {
			last[int(op.Number)], deleted[int(op.Number)] = int(op.Version), op.Delete
		}
		tr.sql(`INSERT INTO imports (file, state, rows, applied, superseded, rejected) VALUES ($1, 'completed', $2, $2, 0, 0)`, file.Name, file.Rows())
	}
	var live, gone []int
	for number := range tr.wl.Records() {
		if deleted[number] {
			gone = append(gone, number)
		} else {
			live = append(live, number)
		}
	}
	version := func(number int) int { return last[number] }
	tr.rows(live, version, false)
	tr.rows(gone, version, true)
	tr.documents(index, live, version)
	var confirmations strings.Builder
	confirmations.WriteString("key,version,op,confirmed_at\n")
	for number, version := range last {
		op := workload.Upsert
		if deleted[number] {
			op = workload.Deletion
		}
		fmt.Fprintf(&confirmations, "%s,%d,%s,2026-01-01T00:00:00Z\n", tr.wl.Key(number), version, op)
	}
	tr.confirm("confirm-000000001.csv", confirmations.String())
}

func TestLiveFollowsARunUntilEverythingIsAccountedFor(t *testing.T) {
	tr := newTrial(t, nil)
	o := tr.observer()
	var calls []history.Marks
	stop := tr.watch(o, 100*time.Millisecond, func(m history.Marks) { calls = append(calls, m) })
	eventually(t, func() bool { return o.Marks().Committed == 0 && o.Marks().Taken == 0 }, "rows and inbox were read")
	require.Equal(t, -1, o.Marks().Visible, "there is no alias yet")
	done, missing := o.Accounted()
	require.False(t, done)
	require.Contains(t, missing, "documents: ")

	for _, file := range tr.wl.Files {
		o.Acknowledged(file, history.OK)
	}
	total := tr.wl.Operations()
	require.Equal(t, total, o.Marks().Sent)
	eventually(t, func() bool { return o.Marks().Taken == len(tr.wl.Files) }, "files that are not in the inbox were taken")
	_, missing = o.Accounted()
	require.Contains(t, missing, "rows: ")
	tr.index("people-1", columns)
	tr.finish("people-1")
	eventually(t, func() bool { done, missing := o.Accounted(); t.Log(missing); return done }, "everything is accounted for")
	m := o.Marks()
	require.Equal(t, history.Marks{Sent: total, Taken: len(tr.wl.Files), Queued: 0, Committed: total, Visible: total, Confirmed: total}, m)
	changed := o.Changed()
	require.WithinDuration(t, time.Now(), changed, 10*time.Second)
	eventually(t, func() bool { quiet, _ := o.Quiet(500 * time.Millisecond); return quiet }, "nothing changes any more")
	require.Equal(t, changed, o.Changed())

	tr.sql(`DELETE FROM people WHERE key = $1`, tr.wl.Key(0))
	eventually(t, func() bool { done, missing := o.Accounted(); return !done && strings.HasPrefix(missing, "rows: 1 of ") }, "a lost row is missed")
	require.Greater(t, o.Changed(), changed)
	stop()
	require.Equal(t, o.Marks(), calls[len(calls)-1])

	run := tr.load()
	for _, place := range []string{history.Rows, history.Documents, history.Status} {
		reads, err := run.Reads(place)
		require.NoError(t, err)
		require.Greater(t, len(reads), 3, place)
		same := 0
		for i, read := range reads {
			require.False(t, read.Final)
			if i > 0 && read.File != "" && read.File == reads[i-1].File {
				same++
			}
			count := 0
			require.NoError(t, run.Entries(read, func(history.Entry) error { count++; return nil }))
		}
		if place != history.Status {
			require.Positive(t, same, "%s: reads that found nothing new share their entries", place)
		}
	}
	reads, err := run.Reads(history.Documents)
	require.NoError(t, err)
	require.False(t, reads[0].Whole, "partial until the alias existed once")
	require.True(t, reads[1].Whole, "one partial read, then nothing until it can be read")
}

// Every place is frozen in turn: one partial read, no delay of the others,
// and whole reads again when it is back.
func TestFrozenAndKilledPlacesComeBack(t *testing.T) {
	tr := newTrial(t, nil)
	tr.index("people-1", columns)
	tr.finish("people-1")
	o := tr.observer()
	stop := tr.watch(o, 100*time.Millisecond, nil)
	for _, file := range tr.wl.Files {
		o.Acknowledged(file, history.OK)
	}
	accounted := func() bool { done, _ := o.Accounted(); return done }
	eventually(t, accounted, "everything is accounted for")
	s := tr.stack

	freeze := func(place string, pause, unpause func(context.Context) error, others ...string) {
		require.NoError(t, pause(t.Context()))
		t.Cleanup(func() { unpause(context.Background()) })
		eventually(t, func() bool { return o.failing(place) != nil }, "%s cannot be read", place)
		since := time.Now()
		for _, other := range others {
			eventually(t, func() bool { return o.readSince(other, since) }, "%s is read all the same", other)
		}
		require.NoError(t, unpause(t.Context()))
		eventually(t, accounted, "%s is back", place)
	}
	freeze(history.Documents, s.Elasticsearch.Pause, s.Elasticsearch.Unpause, history.Rows, history.Status, history.Inbox)
	freeze(history.Rows, s.Postgres.Pause, s.Postgres.Unpause, history.Documents, history.Confirmations)
	freeze(history.Inbox, s.SFTP.Pause, s.SFTP.Unpause, history.Rows, history.Documents)
	freeze(history.Queues, s.RabbitMQ.Pause, s.RabbitMQ.Unpause, history.Rows, history.Documents)
	eventually(t, func() bool { return o.failing(history.Queues) == nil }, "queues are back")
	for _, killed := range []struct {
		place string
		kill  func(context.Context) error
		start func(context.Context) error
	}{
		{history.Rows, s.Postgres.Kill, s.Postgres.StartAgain},
		{history.Confirmations, s.SFTP.Kill, s.SFTP.StartAgain},
		{history.Queues, s.RabbitMQ.Kill, s.RabbitMQ.StartAgain},
	} {
		require.NoError(t, killed.kill(t.Context()))
		eventually(t, func() bool { return o.failing(killed.place) != nil }, "%s is gone", killed.place)
		require.NoError(t, killed.start(t.Context()))
		eventually(t, func() bool { return o.failing(killed.place) == nil && accounted() }, "%s is back", killed.place)
	}
	stop()

	run := tr.load()
	for _, place := range []string{history.Rows, history.Documents} {
		reads, err := run.Reads(place)
		require.NoError(t, err)
		partial := 0
		for i, read := range reads[:len(reads)-1] { // the last was ended by the test
			if read.Whole {
				continue
			}
			partial++
			require.True(t, i == 0 || reads[i-1].Whole, "%s: one partial read each time", place)
		}
		require.GreaterOrEqual(t, partial, map[string]int{history.Rows: 2, history.Documents: 1}[place], place)
	}
}

// A locked table makes reads wait: they are given up, on the server too.
func TestLockedTableIsNotPiledUpon(t *testing.T) {
	tr := newTrial(t, nil)
	o := tr.observer()
	tr.watch(o, 100*time.Millisecond, nil)
	eventually(t, func() bool { return o.Marks().Committed == 0 }, "rows were read")
	tr.sql(`BEGIN`)
	tr.sql(`LOCK TABLE people IN ACCESS EXCLUSIVE MODE`)
	eventually(t, func() bool { return o.failing(history.Rows) != nil }, "rows cannot be read")
	locked := time.Now()
	eventually(t, func() bool { return time.Since(locked) > 2*o.patience() }, "it was tried again")
	var waiting int
	require.NoError(t, tr.db.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seatrial-observer' AND wait_event_type = 'Lock'`).Scan(&waiting))
	require.LessOrEqual(t, waiting, 1)
	require.NoError(t, o.failing(history.Status), "other tables are read all the same")
	tr.sql(`COMMIT`)
	eventually(t, func() bool { return o.failing(history.Rows) == nil }, "rows are back")
}

func (o *Observer) failing(place string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last[place].err
}

func (o *Observer) readSince(place string, since time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last[place].begun.After(since)
}
