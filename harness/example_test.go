package harness_test

import (
	"fmt"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
)

// The loader is killed between its third commit and the answer: the rows are
// stored, and nobody was told.
func ExampleAt() {
	scenario := harness.Scenario{
		Name:       "killed-at-commit",
		Hypothesis: "What is stored and was not answered is not stored twice.",
		Plan: []harness.Step{
			harness.At(boundary.Committed.Of(fault.Loader, 3), fault.Kill(fault.Loader), boundary.Drop),
		},
		Catches: []string{"insert-not-upsert"},
	}
	fmt.Println(scenario.Validate(), scenario.Plan[0].When.Text)
	// Output: <nil> at the 3rd "committed" of role load
}

// The same moment in every run, however the indexer batches: the answer for
// record 17, from one index. Nothing is broken but the connection: a cut.
func ExampleAt_record() {
	step := harness.At(boundary.Indexed.Of(fault.Indexer, 1).On("people").With(17), fault.Hold(fault.Indexer, 0), boundary.Drop)
	fmt.Println(step.When.Text)
	// Output: at the 1st "indexed" of role index on people with record 17
}
