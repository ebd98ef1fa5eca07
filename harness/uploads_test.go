package harness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

func uploadsOf(t *testing.T, change func(*workload.Config)) *uploads {
	config := workload.Default(3, "T3ST")
	config.Files, config.RecordsPerFile = 8, 20
	change(&config)
	w, err := workload.New(config)
	require.NoError(t, err)
	return newUploads(w)
}

// carriers returns the drops with a trait by how they are done.
func carriers(u *uploads, trait workload.Trait) map[workload.How]workload.Drop {
	found := map[workload.How]workload.Drop{}
	for _, d := range u.drops {
		if u.workload.Carries(d, trait) {
			found[d.How] = d
		}
	}
	return found
}

func TestACutIsProvedByTheBreakAndOverWithTheRepetition(t *testing.T) {
	u := uploadsOf(t, func(c *workload.Config) { c.Uploads.CutEvery = 8 })
	drops := carriers(u, workload.BrokenOff)
	operations, err := u.Carrying(workload.BrokenOff)
	require.NoError(t, err)
	require.Equal(t, 20, operations)

	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = u.First(soon, workload.BrokenOff)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	require.False(t, u.dealt(drops[workload.Cut], history.Info))
	evidence, err := u.First(t.Context(), workload.BrokenOff)
	require.NoError(t, err)
	require.Contains(t, evidence, "within line")
	_, err = u.All(soon, workload.BrokenOff)
	require.ErrorContains(t, err, "1 of 2 drops")

	require.True(t, u.dealt(drops[workload.Repeat], history.OK))
	evidence, err = u.All(t.Context(), workload.BrokenOff)
	require.NoError(t, err)
	require.Contains(t, evidence, "1 of them acknowledged")
}

func TestACutThatWasRefusedProvesNothing(t *testing.T) {
	u := uploadsOf(t, func(c *workload.Config) { c.Uploads.CutEvery = 8 })
	drops := carriers(u, workload.BrokenOff)
	u.dealt(drops[workload.Cut], history.Fail)
	u.dealt(drops[workload.Repeat], history.OK)
	_, err := u.First(t.Context(), workload.BrokenOff)
	require.ErrorContains(t, err, "the server acknowledged no drop")
}

func TestASlowUploadIsProvedByItsBeginningAndOverWithItsEnd(t *testing.T) {
	u := uploadsOf(t, func(c *workload.Config) { c.Uploads.SlowEvery = 8 })
	drops := carriers(u, workload.Slow)
	u.dealt(drops[workload.Start], history.Note)
	_, err := u.First(t.Context(), workload.Slow)
	require.NoError(t, err)
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = u.All(soon, workload.Slow)
	require.ErrorContains(t, err, "1 of 2 drops")
	u.dealt(drops[workload.Finish], history.OK)
	_, err = u.All(t.Context(), workload.Slow)
	require.NoError(t, err)
}

// A file that is dropped again is due once.
func TestOnlyTheFirstAcknowledgementOfAFileCounts(t *testing.T) {
	u := uploadsOf(t, func(c *workload.Config) { c.Uploads.AgainEvery = 8 })
	again := carriers(u, workload.DroppedAgain)[workload.Again]
	require.True(t, u.dealt(workload.Drop{File: again.File, How: workload.Whole}, history.OK))
	require.False(t, u.dealt(again, history.OK))
}

func TestNoCarrierIsAnError(t *testing.T) {
	u := uploadsOf(t, func(c *workload.Config) { c.Hostile.EmptyEvery = 3 })
	_, err := u.Carrying(workload.SameNamed)
	require.ErrorContains(t, err, "no drop of the trial carries the name of another file")
	operations, err := u.Carrying(workload.Empty)
	require.NoError(t, err)
	require.Positive(t, operations, "the operations around an empty file are under way")
}

func TestNoFaultLeavesTheDataAsItIs(t *testing.T) {
	scenario := Scenario{Workload: func(c *workload.Config) { c.Files = 3 }}
	require.Zero(t, scenario.config(1, 0, nil).RejectPercent)
	require.Equal(t, 3, scenario.config(1, 0, nil).Files)
}
