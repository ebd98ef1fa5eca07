// Package history is the append-only record of one run: everything that was
// done and everything that was seen, saved before anything is judged.
//
// A run's folder holds history.jsonl (acts, in the order in which they
// happened) and observed/ (complete reads of places, one gzipped file each).
// The package knows how these are written and read back, and nothing of what
// they mean: that is package check's work. It imports nothing of ours.
package history
