// Package trace tells the way of one record through a stored run, from what
// crossed the wire, what the harness did and what reads showed, and where it
// stopped.
//
// What is wrong with a record is for package check to say; how a trace looks,
// for the command.
package trace
