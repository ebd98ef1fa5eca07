// Package trial puts a pipeline through trials from a Go test, in testify's
// style: a test says what must hold, and fails with the sentence that says why
// it does not, the first records concerned, and where the report is.
//
//	func TestImport(t *testing.T) {
//		pipeline := trial.Open(t, harness.Options{Pipeline: "seatrial.yaml"})
//		for _, scenario := range pipeline.Fitting(t, scenarios.All()) {
//			t.Run(scenario.Name, func(t *testing.T) { pipeline.RequireValid(t, scenario) })
//		}
//	}
//
// The services run in Docker and stay warm from run to run. They are closed with
// the test that opened them or, with Main, after the last test of the package.
// Only the verdict valid passes: invalid, unknown and infra all fail, each under
// its name. Under -short nothing is started, and tests are skipped saying so.
//
// Ctrl-C, and a -timeout of go test that comes near, end the run that is under
// way, put back what it broke and remove the services. After a kill, or a panic
// of the test, "seatrial clean" does.
package trial
