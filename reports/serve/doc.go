// Package serve is a local page over all stored runs below a folder: their
// list, some of them side by side, and one that is under way as it goes on. It
// is what `seatrial serve` shows.
//
// It reads run folders and changes nothing in them. Folders may come from
// anywhere, and what records, services and file names put into them is hostile:
// it is text, never markup, and no path is made of what a request says.
//
// Here belongs what needs more than one run, or a run that has no reports yet.
// What a single run's report shows is package reports' work, what counts as a
// finding package check's.
//
//	index.go    which runs there are, and what the list says of each
//	tail.go     a history as it grows
//	compare.go  runs side by side, as a pure function
//	server.go   the pages, and who may ask for them
//	files.go    the files of a run, and its report.html where it is missing
package serve
