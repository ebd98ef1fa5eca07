package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

func TestByHand(t *testing.T) {
	done := make(chan struct{})
	scenario := Scenario{Name: "drill", Hypothesis: "it holds", Hastened: 10, Plan: []Step{
		{When: Immediately(), Fault: fault.LockTable(), Recover: Healed(2, 0)},
		{When: Bites(1, 0), Fault: fault.Kill(fault.Loader), Recover: After(time.Second)},
		{When: Immediately(), Fault: fault.PoisonRows(1), Recover: Immediately()},
	}}
	held := scenario.ByHand(done, time.Minute)
	require.NoError(t, held.Validate())
	require.Equal(t, "after 1s", scenario.Plan[1].Recover.Text, "the scenario itself is as it was")
	require.Equal(t, scenario.Plan[0].Recover.Text, held.Plan[0].Recover.Text, "what waits for another step still does")
	require.Equal(t, "at once", held.Plan[2].Recover.Text, "what is in the data goes with the data")
	hand := held.Plan[1].Recover
	require.False(t, hand.met(Situation{Since: time.Minute}), "latest is real time, and the plan is carried out ten times as fast")
	require.True(t, hand.met(Situation{Since: 10 * time.Minute}), "in the end without anybody")
	close(done)
	require.False(t, hand.met(Situation{Since: 0}), "not before the plan itself would")
	require.True(t, hand.met(Situation{Since: time.Second}))
	require.Equal(t, 10*time.Minute, byHand(held.Plan))
	require.Zero(t, byHand(scenario.Plan))
}

func TestAbortedIsExitFour(t *testing.T) {
	why := fmt.Errorf("%w: by Ada", gameday.ErrAborted)
	for name, test := range map[string]struct {
		err, cause error
		verdict    check.Verdict
		exit       int
		reason     string
	}{
		"no-go":           {fmt.Errorf("preflight: %w", why), nil, check.Unknown, reports.ExitAborted, "not proved: preflight: aborted: by Ada"},
		"in mid-fault":    {fmt.Errorf("trial: %w", context.Canceled), why, check.Unknown, reports.ExitAborted, "not proved: aborted: by Ada"},
		"interrupted":     {fmt.Errorf("trial: %w", context.Canceled), errors.New("interrupted"), check.Unknown, reports.ExitInterrupted, "not proved: the run was interrupted"},
		"found something": {fmt.Errorf("trial: %w", context.Canceled), why, check.Invalid, reports.ExitInvalid, "3 lost"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			if test.cause != nil {
				cancel(test.cause)
			}
			defer cancel(nil)
			r := &run{report: reports.Run{Undo: reports.Undo{OK: true}, Verdict: test.verdict, Reason: "3 lost"}}
			require.Error(t, r.brokeOff(ctx, test.err))
			require.Equal(t, test.verdict, r.report.Verdict)
			require.Equal(t, test.exit, reports.Exit([]reports.Run{r.report}))
			require.Equal(t, test.reason, r.report.Reason)
		})
	}
}
