// Package fault is what is broken on purpose: one file per family, one
// constructor per fault.
//
// A fault has a life of four moments, and leaves a receipt of each:
//
//	inject → bites (proved) → recover → healed (proved)
//
// What recovering takes is known, as data, before anything is injected: it is
// journaled, so that it can be done after an error, an interrupt or the death
// of the harness. The proofs come from somebody else than the hand that did
// it: the engine, the service's own protocol, the proxy.
//
// Faults in the data and in the uploads (data.go, upload.go) are in what is
// sent from the beginning: they change the workload when the run is planned,
// injecting them does nothing more, and the server's answers prove them.
//
// Faults act on the small interfaces declared here; the stack and the pipeline
// implement them. When a fault begins and when it is recovered from is the
// plan's business, in package harness.
package fault
