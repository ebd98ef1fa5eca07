package trial_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/trial"
	"github.com/seatrial/seatrial/harness/workload"
	"github.com/seatrial/seatrial/scenarios"
)

var t *testing.T // of the test

// Everything that is built in and fits the pipeline beside the test.
func Example() {
	pipeline := trial.Open(t, harness.Options{Pipeline: "seatrial.yaml"})
	for _, scenario := range pipeline.Fitting(t, scenarios.All()) {
		t.Run(scenario.Name, func(t *testing.T) { pipeline.RequireValid(t, scenario) })
	}
}

// A scenario of one's own: the broker dies twice while 1,000 records come.
func ExamplePipeline_RequireValid() {
	pipeline := trial.Open(t, harness.Options{})
	pipeline.RequireValid(t, harness.Scenario{
		Name:       "broker-dies-twice",
		Hypothesis: "Who has connected anew once does it a second time.",
		Workload:   func(w *workload.Config) { w.Files, w.RecordsPerFile = 10, 100 },
		Plan: []harness.Step{
			{When: harness.Sent(20), Fault: fault.Kill(fault.RabbitMQ), Recover: harness.Immediately()},
			{When: harness.Healed(1, 0), Fault: fault.Kill(fault.RabbitMQ), Recover: harness.Immediately()},
		},
	})
}

// What must not hold is asserted as well: without the check that it leaves out,
// the import is accused, of the right thing.
func ExamplePipeline_Run() {
	pipeline := trial.Open(t, harness.Options{})
	run := pipeline.Run(t, scenarios.LoaderKilled(), harness.RunOptions{Pipeline: "unsafe.yaml", Seed: 7})
	require.Equal(t, check.Invalid, run.Verdict, run.Reason)
	require.Positive(t, run.Counts[check.Duplicated])
}

// All tests of a package share one stack.
func ExampleMain() {
	var m *testing.M // of TestMain(m *testing.M)
	os.Exit(trial.Main(m))
}

// A breakpoint: the loader is killed between its third commit and the answer.
func ExamplePipeline_AssertValid() {
	pipeline := trial.Open(t, harness.Options{})
	pipeline.AssertValid(t, harness.Scenario{
		Name:       "killed-at-commit",
		Hypothesis: "What is stored and was not answered is not stored twice.",
		Plan:       []harness.Step{harness.At(boundary.Committed.Of(fault.Loader, 3), fault.Kill(fault.Loader), boundary.Drop)},
	})
}
