package harness

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// everythingInData is a scenario with every fault in the data and the uploads
// at once.
func everythingInData() Scenario {
	s := Scenario{
		Name: "drill", Hypothesis: "every fault in the data lives",
		Workload: func(c *workload.Config) {
			c.Files, c.RecordsPerFile, c.DeletePercent, c.RecreatePercent, c.FullEvery = 24, 30, 6, 5, 11
		},
	}
	for _, f := range []fault.Fault{
		fault.PoisonRows(40), fault.WrongEncoding(4), fault.ZeroBytes(4), fault.Markup(5), fault.MixedTypes(5), fault.HugeFields(1), fault.HugeFile(90),
		fault.ByteOrderMark(4), fault.CRLF(4), fault.EmptyFile(7), fault.BlankFile(9), fault.DuplicateRows(5),
		fault.PartialUpload(7), fault.SlowUpload(7), fault.ReDrop(6), fault.SameName(5), fault.LateDeltas(4),
	} {
		s.Plan = append(s.Plan, Step{When: Immediately(), Fault: f, Recover: Immediately()})
	}
	return s
}

func TestEveryFaultInDataIsCarried(t *testing.T) {
	scenario := everythingInData()
	for seed := range uint64(20) {
		w, err := workload.New(scenario.config(seed, 0, scenario.Plan))
		require.NoError(t, err)
		for _, step := range scenario.Plan {
			injection, err := step.Fault.Prepare(t.Context(), world{uploads: newUploads(w)})
			require.NoError(t, err, "%s, seed %d", step.Fault.Name, seed)
			require.Positive(t, injection.InFlight(), step.Fault.Name)
		}
	}
}

// TestEveryFaultInDataLives sends them all to a careful pipeline, with so many
// poison rows that several are rejected at the same moment.
func TestEveryFaultInDataLives(t *testing.T) {
	h := openStack(t)
	run, err := h.Run(t.Context(), everythingInData(), RunOptions{})
	require.NoError(t, err)
	t.Logf("seed %d, %.1f s: %s", run.Seed, run.Seconds["total"], run.Reason)
	require.Equal(t, check.Valid, run.Verdict, run.Reason)
	for _, f := range run.Faults {
		t.Logf("%s on %s: %s", f.Name, f.Target, f.Evidence)
		require.True(t, f.Bit && f.Healed, "%s: %s", f.Name, f.Evidence)
		require.Positive(t, f.InFlight, f.Name)
		require.NotEmpty(t, f.Evidence, f.Name)
	}
}
