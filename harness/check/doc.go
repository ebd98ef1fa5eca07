// Package check judges a stored run: a pure function from the history and its
// observations to findings and a verdict. It reads nothing else, so a run's
// folder can be judged anywhere and again.
//
// Here belongs what must hold, and nothing that acts on a service or prints.
// The package imports history and workload only.
package check
