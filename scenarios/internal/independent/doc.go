// Package independent judges the table of a run a second time, by other
// means: it loads the files as they were sent into Postgres and compares them
// with the pipeline's table by SQL alone. It shares no code with packages
// workload and check and imports nothing of ours, so a mistake there is not
// repeated here. Only tests use it.
//
// It knows the files' format (CSV with a header, a row-count trailer, upserts
// and deletions, snapshots) and the types of the table's columns, and judges
// absence and presence as they are at one moment: the run must be over.
package independent
