// Package repair says what has to be done so that a run's data is whole again:
// a pure function from a stored run, what was found in it and what can be done
// with its pipeline, to a plan. What is to be brought back and in which order,
// what of it may be doubled on the way, what must be removed by hand, what a
// sync would mend, and what no step mends.
//
// It touches no service: package harness carries plans out, package reports
// shows them. It imports check, history and workload only, so that a stored run
// can be planned for anywhere.
//
// It is the command's own and no part of the library: it can change with every version.
package repair
