package scenarios_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/scenarios"
)

// What an incident leaves can be mended by the plan that is made from the run:
// afterwards nothing is lost, stale, doubled or hidden, though the pipeline has
// its defect still.
func TestRepairPlansAreCarriedOut(t *testing.T) {
	if testing.Short() {
		t.Skip("starts services in Docker; without -short it runs")
	}
	h, err := harness.Open(t.Context(), harness.Options{Out: "../reports/out", Watch: watcher{t}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	for _, c := range []struct {
		defect   defect.Name
		scenario string
	}{
		{defect.MarkedBeforeHandoff, "wiped-inbox"},
		{defect.PublishUnconfirmed, "broker-killed"},
		{defect.AckBeforeCommit, "loader-killed"},
		{defect.LocalStaging, "wiped-inbox"},
		{defect.LeftOnOldBroker, "forgotten-consumer"},
		{defect.ReplayNotIdempotent, "corrupted-vhost"},
		{defect.LooksInOldDirectory, "moved-directory"},
		{defect.DeltasOutOfOrder, "moved-directory"},
		{defect.LockOnlyScheduled, "double-sync"},
	} {
		t.Run(string(c.defect), func(t *testing.T) {
			scenario, known := scenarios.ByName(c.scenario)
			require.True(t, known)
			run, err := h.Run(t.Context(), scenario, harness.RunOptions{Pipeline: reference(c.defect), Repair: true})
			require.NoError(t, err)
			require.Equal(t, check.Invalid, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
			require.NotNil(t, run.Repaired, "see %s", run.Folder)
			for _, step := range run.Repaired.Steps {
				require.True(t, step.Done, "%s: %s\nsee %s", step.Do, step.Evidence, run.Folder)
			}
			require.Equal(t, check.Valid, run.Repaired.Verdict, "%s\nsee %s", run.Repaired.Reason, run.Repaired.Folder)
		})
	}
}
