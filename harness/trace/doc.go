// Package trace tells the way of one record through a stored run, from what
// crossed the wire and what the harness did.
//
// What is wrong with a record is for package check to say; how a trace looks,
// for the command.
package trace
