package sweep

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// crossing stores a run of a sweep's workload with what write crosses.
func crossing(t *testing.T, write func(*history.Crossing, *workload.Workload)) *history.Run {
	t.Helper()
	config := workload.Config{Seed: 7, Tag: "T3ST"}
	Baseline().Workload(&config)
	files, err := workload.New(config)
	require.NoError(t, err)
	raw, err := json.Marshal(files.Config)
	require.NoError(t, err)
	dir := t.TempDir()
	w, err := history.Create(dir, history.Header{Generator: workload.Generator, Tag: "T3ST", Workload: raw})
	require.NoError(t, err)
	c, err := w.Cross()
	require.NoError(t, err)
	write(c, files)
	require.NoError(t, c.Close())
	require.NoError(t, w.Close())
	run, err := history.Load(dir)
	require.NoError(t, err)
	return run
}

func TestClasses(t *testing.T) {
	commit := boundary.Class{Service: fault.Postgres, Role: "loader", Kind: boundary.Committed, Target: "people"}
	confirm := boundary.Class{Service: fault.RabbitMQ, Role: "collector", Kind: boundary.Confirmed, Target: "people"}
	fetch := boundary.Class{Service: fault.SFTP, Role: "collector", Kind: boundary.FileFetched, Target: "inbox"}
	ended := boundary.Class{Service: fault.Postgres, Role: "loader", Kind: boundary.Ended}
	run := crossing(t, func(c *history.Crossing, files *workload.Workload) {
		n := int64(0)
		cross := func(class boundary.Class, ordinal int64, records ...int) {
			n++
			e := boundary.Event{Number: n, Service: class.Service, Role: class.Role, Kind: class.Kind, Target: class.Target, Ordinal: ordinal}
			for _, record := range records {
				e.Records = append(e.Records, files.Key(record))
			}
			require.NoError(t, c.Add(e))
		}
		// The control's, before the trial.
		cross(fetch, 1)
		cross(commit, 1, 0)
		cross(commit, 2, 1)
		from := n
		cross(commit, 3, 1, 9, 8) // 1 is late: the control's
		cross(ended, 1)
		cross(fetch, 2)
		cross(fetch, 3)
		third := n
		cross(fetch, 4)
		cross(confirm, 1)
		fourth := n
		cross(fetch, 5)
		cross(commit, 4, 8, 7) // seen before, and new
		cross(confirm, 5)      // covers five messages
		cross(confirm, 9)
		require.NoError(t, c.Add(boundary.Event{Number: n + 1, Service: commit.Service, Role: commit.Role, Kind: commit.Kind, Target: commit.Target, Ordinal: 5, Records: []string{"stranger"}}))
		n++
		c.Trial(from, n, third, fourth)
		// The sentinel's, behind it.
		cross(commit, 6, 10)
		cross(fetch, 6)
	})
	classes, err := Classes(run)
	require.NoError(t, err)
	require.Equal(t, []Class{
		{Class: fetch, Count: 4, Positions: []Position{First, Middle, Last}},
		{Class: confirm, Count: 9, Positions: []Position{Middle, Last}},
		{Class: commit, Count: 3, Records: []int{9, 8, 7}},
	}, classes, "in the order of a record's way; signs are none")
}

func TestClassesNeedTheWholeWire(t *testing.T) {
	_, err := Classes(crossing(t, func(c *history.Crossing, _ *workload.Workload) {
		c.Trial(1, 9)
		c.Miss(2)
	}))
	require.ErrorContains(t, err, "misses 2 of the events")

	run := crossing(t, func(c *history.Crossing, _ *workload.Workload) { c.Trial(0, 9) })
	run.Header.Workload = nil
	_, err = Classes(run)
	require.ErrorContains(t, err, "read the workload of")
}
