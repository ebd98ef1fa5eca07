// Package serve is a local page over all stored runs below a folder: their
// list, some of them side by side, and one that is under way as it goes on. It
// is what `seatrial serve` shows.
//
// It reads run folders and changes nothing in them. Folders may come from
// anywhere, and what records, services and file names put into them is hostile:
// it is text, never markup, and no path is made of what a request says.
//
// One request is no reading: what people at the page of a game day say is handed to
// the process that holds it. It must come from a page of this server that has its
// key. That process is found by a file in the run's folder, which counts only while
// its writer lives, and is asked on 127.0.0.1 alone.
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
//	gameday.go  a game day as its timeline grows, and what it hides
//	say.go      what people say to a game day under way, and who may
//
// It is the command's own and no part of the library: it can change with every version.
package serve
