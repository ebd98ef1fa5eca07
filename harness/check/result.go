package check

// Verdict is what a run proved.
type Verdict string

// The verdicts. Judge never returns Infra: it stands for runs that could not
// be judged because the harness or the machine failed.
const (
	Valid   Verdict = "valid"
	Invalid Verdict = "invalid"
	Unknown Verdict = "unknown" // not proved either way
	Infra   Verdict = "infra"
)

// Class is a kind of finding, or of what is counted beside the findings.
type Class string

// What is counted.
const (
	Attempted    Class = "attempted"    // operations of files whose sending began
	Acknowledged Class = "acknowledged" // operations of files that the server acknowledged
	OK           Class = "ok"           // acknowledged operations with the right fate and without a finding
	Recovered    Class = "recovered"    // indeterminate operations that are in effect
	Leftover     Class = "leftover"     // entries of other runs, and such as were there before this one
)

// Findings by absence: they need a healed system and complete reads.
const (
	// Lost: acknowledged, and in none of rows, queues, inbox and dead letters;
	// also an update of which nothing was ever seen. A row to be rejected that
	// left no trace is lost too.
	Lost Class = "lost"
	// Stale: a place shows an older version than expected, which was applied
	// once (or, without confirmations, may have been). Where the rows are right
	// and only the index is behind, it is stale if the index shows an older
	// version and invisible if it shows nothing.
	Stale Class = "stale"
	// Undeleted: the deletion was acknowledged, the record is still present.
	Undeleted Class = "undeleted"
	// Invisible: in the rows as expected, not among the documents at the end,
	// or visible for good only after the deadline.
	Invisible Class = "invisible"
	// Stalled: still queued, or still where it was dropped.
	Stalled Class = "stalled"
	// Unconfirmed: in effect, no confirmation downstream.
	Unconfirmed Class = "unconfirmed"
)

// Findings by presence: they stand whatever else failed.
const (
	// WronglyRejected: an acceptable row is among the dead letters, or
	// counted as rejected, and not in effect.
	WronglyRejected Class = "wrongly-rejected"
	// Duplicated: two rows or documents for one key, or two confirmations of
	// one operation.
	Duplicated Class = "duplicated"
	// Altered: right key and version, other content.
	Altered Class = "altered"
	// Unexpected: never attempted, or applied although it had to be rejected.
	Unexpected Class = "unexpected"
	// RefusedButPresent: the sending definitely failed, the operation is in effect.
	RefusedButPresent Class = "refused-but-present"
	// Resurrected: seen deleted, present later.
	Resurrected Class = "resurrected"
	// OutOfOrder: a read shows a version lower than one shown by a read that
	// ended before this one began.
	OutOfOrder Class = "out-of-order"
	// Misreported: the import's own status disagrees with what happened.
	Misreported Class = "misreported"
)

// Classes are the classes of findings in the order in which they are reported.
var Classes = []Class{
	Lost, WronglyRejected, Duplicated, Altered, Unexpected, RefusedButPresent, Stale, Undeleted,
	Resurrected, OutOfOrder, Invisible, Stalled, Unconfirmed, Misreported,
}

// ByAbsence says whether findings of the class need a healed system and
// complete reads.
func (c Class) ByAbsence() bool {
	switch c {
	case Lost, Stale, Undeleted, Invisible, Stalled, Unconfirmed:
		return true
	}
	return false
}

// Finding is one affected operation, or one affected file for what is said of
// a whole file (then Key is empty).
type Finding struct {
	Class   Class  `json:"class"`
	Key     string `json:"key"`
	Version int    `json:"version"`
	File    string `json:"file"` // where the operation was sent
	Line    int    `json:"line"` // physical line where its row begins; 0: none
	// LastSeen is the furthest hop where the operation was seen, in words.
	LastSeen string `json:"last_seen"`
	Evidence string `json:"evidence"`

	number  int
	absence bool // needs a healed system, whatever its class
}

// Fate is what became of an attempted operation. Each has exactly one.
type Fate string

// The fates.
const (
	Applied      Fate = "applied"
	Superseded   Fate = "superseded"    // a higher version of the same key is in effect
	Rejected     Fate = "rejected"      // counted as rejected by the import's status
	DeadLettered Fate = "dead-lettered" //
	StalledFate  Fate = "stalled"
	LostFate     Fate = "lost"
	Absent       Fate = "absent"  // never acknowledged, and not there
	Untold       Fate = "unknown" // only where reads were incomplete or the system was not healed
)

// Fates are all fates in the order of a record's way.
var Fates = []Fate{Applied, Superseded, Rejected, DeadLettered, StalledFate, LostFate, Absent, Untold}

// FileFates is the account of one file: Attempted is the sum of Fates.
type FileFates struct {
	File      string       `json:"file"`
	Sent      string       `json:"sent"` // "acknowledged", "indeterminate" or "failed"
	Attempted int          `json:"attempted"`
	Fates     map[Fate]int `json:"fates"`
}

// Latency is the stable latency: from a file's acknowledgement until its
// operations are visible for good. Visibility is known at the reads of the
// documents only: figures are upper bounds (the end of the first read that
// showed the operation and was never contradicted), in seconds.
type Latency struct {
	Operations int           `json:"operations"` // measured
	Reads      int           `json:"reads"`      // of the documents, the last one included
	P50        float64       `json:"p50"`
	P95        float64       `json:"p95"`
	P99        float64       `json:"p99"`
	Max        float64       `json:"max"`
	Files      []FileLatency `json:"files,omitempty"`
}

// FileLatency is the stable latency of a file's slowest operation: more than
// AtLeast (the read AbsentRead still missed it) and at most Seconds (the read
// VisibleRead showed it). P50 and P95 are over its operations.
type FileLatency struct {
	File        string  `json:"file"`
	Operations  int     `json:"operations"`
	P50         float64 `json:"p50"`
	P95         float64 `json:"p95"`
	Seconds     float64 `json:"seconds"`
	AtLeast     float64 `json:"at_least"`
	VisibleRead int     `json:"visible_read"`
	AbsentRead  int     `json:"absent_read,omitempty"`
}

// FaultResult is what became of one fault of the plan.
type FaultResult struct {
	Name     string `json:"name"`
	Target   string `json:"target"`
	Bit      bool   `json:"bit"`
	Healed   bool   `json:"healed"`
	InFlight int    `json:"in_flight"` // operations on their way when it struck; -1: not counted
	Evidence string `json:"evidence"`
}

// OperationResult is what became of one operation of the plan.
type OperationResult struct {
	Name     string `json:"name"`
	Role     string `json:"role"` // in whose container it ran
	Done     bool   `json:"done"` // to its end, and without an error
	Evidence string `json:"evidence"`
}

// Result is what a run proved, and how.
type Result struct {
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"` // one sentence; names what was not judged
	// Counts has every class of Classes and what is counted beside them.
	Counts   map[Class]int `json:"counts"`
	Findings []Finding     `json:"findings"` // sorted by class, record number, version
	Fates    map[Fate]int  `json:"fates"`
	Files    []FileFates   `json:"files"`
	Latency  *Latency      `json:"latency,omitempty"` // nil where no reads were taken while the run went on
	Faults   []FaultResult `json:"faults"`
	// Operations of the plan, in its order.
	Operations []OperationResult `json:"operations,omitempty"`
	// NotJudged names what was not declared or could not be judged.
	NotJudged []string `json:"not_judged"`
}
