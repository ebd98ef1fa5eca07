// Package relay is the tap itself: it takes the pipeline's connections, lets
// package reader see what goes by, numbers the events, and holds a connection
// where a breakpoint says so.
//
//	           ┌─ reader ─ hub ─▶ control (events, breakpoints)
//	pipeline ──┤
//	           └─ toxics (Toxiproxy's, in both directions behind the reader) ── service
//
// The reader stands before the toxics in both directions: a hold looks like a
// silent connection to them, so that they can be put on and taken off while it
// lasts.
//
// What the harness does with it belongs into package tap, how protocols are
// read into package reader.
package relay
