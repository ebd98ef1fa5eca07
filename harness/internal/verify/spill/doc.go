// Package spill sorts more records than memory holds: by key, of a key the highest
// version first, of a version the last that came.
//
// It is an external merge sort. Records are collected up to a size, sorted, and
// written as a run to a temporary file; in the end the runs are merged, many at a
// time. What it holds in memory depends on no number of records. The file has no
// name from the moment it was made: whatever becomes of the process, nothing of
// it stays behind.
package spill
