package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

// committed is a breakpoint as a plan may have it.
var committed = boundary.Committed.Of(fault.Loader, 3)

// TestBreakpointOfNoRole: a role that the pipeline does not have is told before
// anything starts.
func TestBreakpointOfNoRole(t *testing.T) {
	h := &Harness{options: Options{Out: t.TempDir()}, stack: &stack.Stack{}}
	scenario := Scenario{Name: "drill", Hypothesis: "it holds", Plan: []Step{At(boundary.Committed.Of("writer", 1), fault.Kill(fault.Loader), boundary.Drop)}}
	_, err := h.newRun(scenario, RunOptions{})
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, `step 1: pipeline reference has 0 roles that do "writer": name one of collector, loader, indexer, exporter`)
	scenario.Plan[0] = At(boundary.Committed.Of("loader", 1), fault.Kill(fault.Loader), boundary.Drop)
	_, err = h.newRun(scenario, RunOptions{})
	require.NoError(t, err)
}

// TestValidateBreakpoints: what would prove nothing, or be ignored, is refused.
func TestValidateBreakpoints(t *testing.T) {
	kill, at := fault.Kill(fault.Loader), reaches(committed)
	cuts := committed
	cuts.Cut = true
	require.False(t, at.met(Situation{}), "no progress meets it")
	for name, test := range map[string]struct {
		plan   []Step
		pauses []Pause
		says   string // empty: nothing is wrong
	}{
		"a kill at a boundary":          {plan: []Step{At(committed, kill, boundary.Drop)}},
		"a hold":                        {plan: []Step{At(committed, fault.Hold(fault.Loader, time.Second), boundary.Forward)}},
		"a cut":                         {plan: []Step{At(committed, fault.Hold(fault.Loader, 0), boundary.Drop)}},
		"a hold without a boundary":     {plan: []Step{{When: Immediately(), Fault: fault.Hold(fault.Loader, time.Second), Recover: Immediately()}}, says: "let it begin at a boundary"},
		"a hold of no time":             {plan: []Step{At(committed, fault.Hold(fault.Loader, 0), boundary.Forward)}, says: "breaks nothing"},
		"a hold of no time, unsaid":     {plan: []Step{At(committed, fault.Hold(fault.Loader, 0), "")}, says: "breaks nothing"},
		"an operation at a boundary":    {plan: []Step{{When: at, Operation: Operation{Name: "replay"}}}, says: "only for when a fault begins"},
		"a boundary and a share":        {plan: []Step{{When: Both(Sent(10), at), Fault: kill, Recover: Immediately()}}, says: "only for when a fault begins"},
		"a share and a boundary":        {plan: []Step{{When: Both(at, Sent(10)), Fault: kill, Recover: Immediately()}}, says: "only for when a fault begins"},
		"taken back at a boundary":      {plan: []Step{{When: Immediately(), Fault: kill, Recover: at}}, says: "taken back at the 3rd"},
		"taken back at one, and after":  {plan: []Step{{When: Immediately(), Fault: kill, Recover: Both(After(time.Second), at)}}, says: "only for when a fault begins"},
		"a pause until a boundary":      {plan: []Step{At(committed, kill, boundary.Drop)}, pauses: []Pause{{Percent: 50, Until: at}}, says: "pause 1: it lasts until at the 3rd"},
		"counted from a pause":          {plan: []Step{At(committed, kill, boundary.Drop)}, pauses: []Pause{{Percent: 50, Until: Settled(), Arms: true}}},
		"a pause that arms no plan":     {pauses: []Pause{{Percent: 50, Until: Settled(), Arms: true}}},
		"two pauses that arm":           {plan: []Step{At(committed, kill, boundary.Drop)}, pauses: []Pause{{Percent: 50, Until: Settled(), Arms: true}, {Percent: 60, Until: Settled(), Arms: true}}, says: "arms the breakpoint already"},
		"a pause that waits for it":     {plan: []Step{At(committed, kill, boundary.Drop)}, pauses: []Pause{{Percent: 50, Until: Bites(1, 0), Arms: true}}, says: "waits for step 1 of that plan"},
		"a pause that arms no boundary": {plan: []Step{{When: Immediately(), Fault: kill, Recover: Immediately()}}, pauses: []Pause{{Percent: 50, Until: Settled(), Arms: true}}, says: "no breakpoint that it could arm"},
		"released somehow":              {plan: []Step{At(committed, kill, "burn")}, says: `cannot be released by "burn"`},
		"one that cuts by itself":       {plan: []Step{At(cuts, kill, boundary.Drop)}, says: "cuts by itself"},
		"a record that none names":      {plan: []Step{At(boundary.IndexRequested.Of(fault.Indexer, 1).With(17), kill, boundary.Drop)}, says: "names none"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Scenario{Name: "drill", Hypothesis: "it holds", Plan: test.plan, Pauses: test.pauses}.Validate()
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.says)
		})
	}
}
