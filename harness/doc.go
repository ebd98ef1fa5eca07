// Package harness puts an import pipeline through trials on real services: it
// sends files of known records, breaks things at chosen moments, and proves
// record by record what was lost, doubled or hidden.
//
// A Scenario says what to try. In a Go test, package trial tries it and fails
// with what was found:
//
//	pipeline := trial.Open(t, harness.Options{Pipeline: "seatrial.yaml"})
//	pipeline.RequireValid(t, scenario)
//
// Anywhere else, Open starts a stack of services, and Run takes one scenario
// through it; the stack stays warm for the next one:
//
//	h, err := harness.Open(ctx, harness.Options{})
//	defer h.Close(ctx)
//	run, err := h.Run(ctx, scenario, harness.RunOptions{Pipeline: "reference"})
//
// A Pipeline is the reference pipeline or one that a seatrial.yaml describes. One
// that runs on this machine, started by whoever works on it, is tried on a stack
// that was opened with Options.Attach; Inject breaks something there by hand.
//
// What a scenario of one's own is made of stands here and in the packages fault,
// boundary and workload; what there is already in scenarios; what a run says in
// history, check and reports; the breaking of every boundary in sweep. The other
// packages are the command's own: they can change with every version.
//
// The story of one run is run.go, from top to bottom.
package harness
