package harness_test

import (
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/scenarios"
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

// A pipeline says itself what of it is judged, and which scenarios can be tried.
func ExamplePipeline_Fits() {
	pipeline, err := harness.FindPipeline("../fixtures/pipelines/example")
	if err != nil {
		fmt.Println(err)
		return
	}
	judged, not := pipeline.Judged()
	fmt.Println("judged:", judged)
	fmt.Println("not judged:", not)
	fmt.Println(pipeline.Fits(scenarios.LoaderKilled()))
	fmt.Println(pipeline.Fits(harness.Scenario{Name: "indexer-killed", Hypothesis: "It goes on.", Plan: []harness.Step{
		{When: harness.Committed(30), Fault: fault.Kill(fault.Indexer), Recover: harness.After(time.Second)},
	}}))
	// Output:
	// judged: [rows dead letters queues]
	// not judged: [documents confirmations status]
	// <nil>
	// usage: scenario indexer-killed does not fit pipeline ../fixtures/pipelines/example: step 1: it is kill on what does "index", and no role does that
}

// What would prove nothing is refused before anything starts.
func ExampleScenario_Validate() {
	scenario := harness.Scenario{
		Name:       "queue-gone",
		Hypothesis: "A queue that is deleted costs a replay.",
		Plan:       []harness.Step{{When: harness.Committed(30), Fault: fault.QueueDeleted(fault.Loader), Recover: harness.Immediately()}},
	}
	fmt.Println(scenario.Validate())
	scenario.Repairs = "replay"
	scenario.Plan = append(scenario.Plan, harness.Step{When: harness.Healed(1, 0), Operation: harness.Operation{Name: "replay"}})
	fmt.Println(scenario.Validate())
	// Output:
	// scenario queue-gone, step 1: queue-deleted destroys messages in a queue: name the repair
	// <nil>
}

// Triggers count progress, not seconds: the same moment of the work on any
// machine. A later step can wait for what became of an earlier one.
func ExampleBoth() {
	when := harness.Both(harness.Committed(30), harness.Bites(1, time.Second))
	fmt.Println(when.Text)
	// Output: 30 % committed and 1s after step 1 bites
}

// A stored run is judged again, anywhere, without Docker.
func ExampleRecheck() {
	run, err := harness.Recheck("reports/out/20261121-090000-calm-7F3K")
	if err != nil {
		fmt.Println(err) // wraps harness.ErrUsage: there is no such run, or it is of a generator that is not known
		return
	}
	fmt.Println(run.Verdict, run.Reason, run.Counts)
}
