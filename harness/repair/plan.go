package repair

import (
	"github.com/seatrial/seatrial/harness/check"
)

// Plan is what has to be done, and what is known of its price. It is the
// content of repair.json. Its lists are never nil.
type Plan struct {
	Scenario string        `json:"scenario"`
	Pipeline string        `json:"pipeline"`
	Tag      string        `json:"tag"`
	Verdict  check.Verdict `json:"verdict"` // of the run
	// Needed: something was found that is not right at the end of the run.
	Needed bool `json:"needed"`
	// Steps in the order in which they are to be done.
	Steps []Step `json:"steps"`
	// Files are what a step brings back, in the order in which it must come.
	Files []File `json:"files"`
	// Window is the time in which these files were sent: what to replay where
	// that is told by time.
	Window *Window `json:"window,omitempty"`
	// Guarded: does the pipeline keep an older version from overwriting a newer one?
	Guarded Known `json:"guarded"`
	// Doubles: does what is brought back have an effect twice where it had arrived?
	Doubles Known `json:"doubles"`
	// Arrived counts the operations of Files that are in effect already, or were:
	// those that can be doubled.
	Arrived int `json:"arrived"`
	// Remove is what stands twice, and which of it is to go.
	Remove []Duplicate `json:"remove"`
	// Left are the findings that no step mends.
	Left []Left `json:"left"`
	// Passed counts findings that were only seen while the run went on: what they
	// are about is right at the end.
	Passed map[check.Class]int `json:"passed"`
	// Notes are whatever else must be known before the plan is carried out.
	Notes []string `json:"notes"`
}

// Do is what a step does.
type Do string

// The kinds of steps, in the order in which they come.
const (
	// Remove: what stands twice is removed from the table.
	Remove Do = "remove"
	// Resume: a role must take what waits for it in a queue or in the inbox.
	Resume Do = "resume"
	// Replay: the pipeline's own replay, from a file's number on.
	Replay Do = "replay"
	// Drop: files are dropped once more, one after the other.
	Drop Do = "drop"
	// Sync: the index is built anew from the database.
	Sync Do = "sync"
)

// Step is one thing to do.
type Step struct {
	Do   Do     `json:"do"`
	Text string `json:"text"` // a sentence
	// ByHand: the pipeline declares nothing that does it.
	ByHand bool `json:"by_hand"`
	// Operation of the pipeline that does it, with its arguments.
	Operation string            `json:"operation,omitempty"`
	Args      map[string]string `json:"args,omitempty"`
	// Role that has to take the messages which wait in Queue on Broker (empty:
	// the one that the pipeline began with), or the files in the inbox.
	Role     string `json:"role,omitempty"`
	Queue    string `json:"queue,omitempty"`
	Broker   string `json:"broker,omitempty"`
	Messages int    `json:"messages,omitempty"`
	// SQL removes exactly Rows rows, all statements together; it holds only as
	// long as nobody writes to the table.
	SQL  []string `json:"sql,omitempty"`
	Rows int      `json:"rows,omitempty"`
	// Mends counts the findings by class that the step is there for.
	Mends map[check.Class]int `json:"mends"`
}

// File is a file that is to come once more.
type File struct {
	File string `json:"file"` // as it was sent
	// As is the name under which it is dropped, if it is dropped: another one
	// where the pipeline has worked on the file and would know it.
	As    string `json:"as"`
	Input string `json:"input"` // below the run's folder; empty: not kept
	Index int    `json:"index"` // in the workload
	Seq   int    `json:"seq"`   // its number: the order in which files were written
	// Operations of the file; Missing of them are what it is brought back for,
	// Arrived are in effect already, or were.
	Operations int `json:"operations"`
	Missing    int `json:"missing"`
	Arrived    int `json:"arrived"`
	// After is the nearest file before it in the list that holds an older version
	// of one of its records, and Key such a record; empty: there is none.
	After string `json:"after,omitempty"`
	Key   string `json:"key,omitempty"`
}

// Window is a time, RFC 3339: from the begin of the first sending to the end
// of the last.
type Window struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Answer is what a run tells.
type Answer string

// The answers.
const (
	Yes      Answer = "yes"
	No       Answer = "no"
	NotKnown Answer = "not known"
)

// Known is an answer and what it rests on.
type Known struct {
	Answer   Answer `json:"answer"`
	Evidence string `json:"evidence"`
	// Find is how to look for what was doubled, once it is done.
	Find string `json:"find,omitempty"`
}

// Duplicate is one record that stands in a place more than once.
type Duplicate struct {
	Place   string   `json:"place"` // rows or documents
	Key     string   `json:"key"`
	Version int      `json:"version"` // that is to stay
	Keep    string   `json:"keep"`    // where it stands
	Remove  []string `json:"remove"`  // where the others stand
}

// Left is a finding that no step mends, and what to do about it.
type Left struct {
	Class   check.Class `json:"class"`
	Key     string      `json:"key"`
	Version int         `json:"version"`
	File    string      `json:"file"`
	Text    string      `json:"text"`
}
