package sweep_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/sweep"
	"github.com/seatrial/seatrial/harness/trial"
)

// What is to be broken is a list of scenarios.
func ExamplePlan() {
	commits := sweep.Class{
		Class:   boundary.Class{Service: fault.Postgres, Role: "loader", Kind: boundary.Committed, Target: "people"},
		Count:   40,
		Records: []int{5, 6, 7},
	}
	for _, b := range sweep.Plan([]sweep.Class{commits}, []sweep.Action{sweep.Cut, sweep.KillRole}) {
		fmt.Println(b)
	}
	// Output:
	// loader committed on people, first, cut
	// loader committed on people, first, kill-role
	// loader committed on people, middle, cut
	// loader committed on people, middle, kill-role
	// loader committed on people, last, cut
	// loader committed on people, last, kill-role
}

var t *testing.T // of the test

// Every boundary of a pipeline of one's own, in a Go test. The breaks are those of
// the clean run's records, so they all have its seed.
func Example() {
	pipeline := trial.Open(t, harness.Options{})
	clean := pipeline.Run(t, sweep.Baseline(), harness.RunOptions{Seed: 7})
	stored, err := history.Load(clean.Folder)
	require.NoError(t, err)
	classes, err := sweep.Classes(stored)
	require.NoError(t, err)
	for _, b := range sweep.Plan(classes, sweep.Actions) {
		t.Run(b.String(), func(t *testing.T) {
			run := pipeline.Run(t, b.Scenario(), harness.RunOptions{Seed: 7})
			require.Equal(t, check.Valid, run.Verdict, run.Reason)
		})
	}
}
