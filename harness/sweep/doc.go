// Package sweep breaks every boundary that a pipeline crosses, once each.
//
// A clean run lists the boundaries, by class: role, kind and target. For each
// class the first, a middle and the last one become breakpoints, and at each of
// these every action that applies gets a small trial of its own: the role is
// killed, the role is paused, the connection is cut, and so on. What comes of
// it is coverage: how many of the moments at which responsibility for records
// changes hands the pipeline survives.
//
// What belongs here is what to try, as plain values. Running it belongs into
// the command, the words of the wire into package boundary.
package sweep
