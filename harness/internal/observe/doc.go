// Package observe looks at what can be seen of a pipeline's work: rows,
// documents, confirmations, queues, dead letters, the inbox and the import's
// own status. While a run goes on it looks lightly and often (Live), at the
// end once and completely (Final), and stores what it saw in the history.
//
// It looks as a reader would: documents through search on the readers' alias,
// never by id (that is real-time) and never after a refresh of its own; it
// consumes nothing and changes nothing. What a sight means is package check's
// business; the marks and the answer to "is everything accounted for?" here
// steer a run and judge nothing.
package observe
