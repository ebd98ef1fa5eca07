// Package scenarios is what is tried: one file per scenario, each a small value
// that says hypothesis, course and which defects it must catch; and one test
// that runs them all.
//
// A new scenario is a new file with a function that returns it, and a line in All.
package scenarios
