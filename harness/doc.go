// Package harness puts an import pipeline through trials on real services: it
// sends files of known records, breaks things at chosen moments, and proves
// record by record what was lost, doubled or hidden.
//
// A Scenario says what to try. Open starts a stack of services, Run takes one
// scenario through it; the stack stays warm for the next one:
//
//	h, err := harness.Open(ctx, harness.Options{})
//	defer h.Close(ctx)
//	run, err := h.Run(ctx, scenario, harness.RunOptions{Pipeline: "reference"})
//
// A Pipeline is the reference pipeline or one that a seatrial.yaml describes. One
// that runs on this machine, started by whoever works on it, is tried on a stack
// that was opened with Options.Attach; Inject breaks something there by hand.
//
// The story of one run is run.go, from top to bottom. What the words mean is
// said in the packages that carry them: fault, workload, history, check.
package harness
