// Package workload generates what is sent: files of people and their
// placements, full of what real names and notes hold.
//
// Everything is a pure function of a Config: the plan of the files (which
// record is inserted, updated or deleted in which file) of the whole Config,
// the content of a record only of generator, seed, number and version. So the
// harness knows everything that was sent without storing it, and a stored run
// can be judged anywhere from its Config alone. What somebody else has sent is
// read back by a Decoder.
//
// The output of a generator never changes: golden files pin it, and a change
// gets a new generator name. Here belong content, keys, plans and the file
// format; sending belongs to internal/send, judging to package check. The
// package imports nothing of ours.
package workload
