package observe

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/send"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/workload"
)

// The reference pipeline brings everything where the observer looks for it:
// updates, deletions, rejected rows, snapshots.
func TestReferencePipelineIsAccountedFor(t *testing.T) {
	tr := newTrial(t, func(c *workload.Config) { c.Files, c.RecordsPerFile, c.FullEvery, c.RejectPercent = 9, 120, 4, 3 })
	tr.sql(`DROP TABLE people; DROP TABLE imports`)
	binary, err := image.Binary(t.Context(), "importer", "github.com/seatrial/seatrial/fixtures/importer")
	require.NoError(t, err)
	tr.spec = pipeline.Reference(nil, nil)
	for i := range tr.spec.Roles {
		tr.spec.Roles[i].Image = binary.Ref
	}
	running, err := pipeline.Start(t.Context(), tr.stack, tr.spec)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := running.Down(context.Background())
		require.NoError(t, err)
	})
	o := tr.observer()
	stop := tr.watch(o, 200*time.Millisecond, nil)
	sender := send.New(tr.stack.Endpoints(), tr.spec.Inbox, tr.history, "")
	sender.Told = func(d workload.Drop, how history.Phase) { o.Acknowledged(tr.wl.Files[d.File], how) }
	defer sender.Close()
	for _, file := range tr.wl.Files {
		_, err := sender.Send(t.Context(), tr.wl, file)
		require.NoError(t, err)
	}
	missing := ""
	require.Eventually(t, func() (done bool) { done, missing = o.Accounted(); return done }, time.Minute, 50*time.Millisecond, "everything is accounted for")
	require.Empty(t, missing)
	require.Eventually(t, func() bool { quiet, _ := o.Quiet(2 * tr.spec.LongestInterval); return quiet }, time.Minute, 50*time.Millisecond)
	m := o.Marks()
	require.Equal(t, tr.wl.Operations(), m.Sent)
	require.Equal(t, len(tr.wl.Files), m.Taken)
	require.Zero(t, m.Queued)
	stop()
	require.NoError(t, o.Final(t.Context()))

	// What was expected of each key, and how often its rejected operations are counted.
	rejected := 0
	for _, e := range o.expect.records {
		rejected += int(e.acked - e.version)
	}
	require.Equal(t, m.Sent-rejected, m.Committed)
	require.Equal(t, m.Committed, m.Visible)
	t.Logf("%+v, rejected %d", m, rejected)
	require.NoError(t, tr.history.Close())
	run, err := history.Load(tr.dir)
	require.NoError(t, err)
	for _, place := range []string{history.Inbox, history.Queues, history.Queued, history.DeadLetters, history.Rows, history.Documents, history.Confirmations, history.Status} {
		reads, err := run.Reads(place)
		require.NoError(t, err)
		last := reads[len(reads)-1]
		require.True(t, last.Final && last.Whole, place)
		require.NoError(t, run.Entries(last, func(e history.Entry) error {
			require.GreaterOrEqual(t, e.Number, 0, "%s %+v", place, e)
			if place == history.Documents || place == history.Rows && !e.Deleted {
				want := tr.wl.Record(e.Number, e.Version)
				for _, field := range workload.Fields {
					require.True(t, same(field.Type, want.Get(field.Name), e.Fields[field.Name]), "%s %s", place, field.Name)
				}
			}
			if place == history.DeadLetters {
				require.Positive(t, e.Version)
			}
			return nil
		}))
	}
}
