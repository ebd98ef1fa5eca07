package gameday

// FileName is the name of the timeline in a run's folder.
const FileName = "gameday.jsonl"

// Schema is the version of the format that this package writes and reads.
const Schema = 1

// Header is the first line of a timeline: what the game day is about.
type Header struct {
	Schema     int               `json:"schema"`
	Started    string            `json:"started"` // wall clock, RFC 3339
	Scenario   string            `json:"scenario"`
	Pipeline   string            `json:"pipeline"`
	Hypothesis string            `json:"hypothesis"`
	Surprise   bool              `json:"surprise,omitempty"` // what breaks is hidden until the debrief
	Roles      map[string]string `json:"roles"`              // who is what, by role
	AbortIf    []string          `json:"abort_if"`           // conditions
	Alert      string            `json:"alert,omitempty"`
	Faults     int               `json:"faults"` // planned
}

// State of a game day.
type State string

// The states, in their order.
const (
	Preflight  State = "preflight"  // may it begin?
	Running    State = "running"    // control, workload, faults
	Recovered  State = "recovered"  // every fault was taken back and proved healed
	Reconciled State = "reconciled" // every record is in its place, and quiet
	Debrief    State = "debrief"    // judged; nothing is hidden any more
	Over       State = "over"
)

// Kind of an event.
type Kind string

// The kinds of events, and what stands in them.
const (
	Entered  Kind = "state"     // Status: the state that was entered
	Checked  Kind = "check"     // a line of the preflight: Name, Status (go, no-go, unproved), Text: why
	Probed   Kind = "probe"     // Name: the abort condition, Status (clear, met, not checked), Text: what was seen
	Alerted  Kind = "alert"     // the same for the alert's probe
	Broke    Kind = "fault"     // Name, Target (empty while hidden), Status ("biting", …), Text: evidence
	Did      Kind = "operation" // the same for an operation of the plan
	Marked   Kind = "mark"      // Name: detected, acknowledged, mitigated; By
	Noted    Kind = "note"      // Text, By
	FollowUp Kind = "follow-up" // Text, By
	Aborted  Kind = "abort"     // Text: why, By
	Undone   Kind = "undone"    // everything was put back, or Text says what was not
	Resumed  Kind = "resumed"   // another process took the game day up
	Judged   Kind = "verdict"   // Status: the run's verdict, Text: its reason
)

// Marks of the responders, in their order.
const (
	Detected     = "detected"
	Acknowledged = "acknowledged"
	Mitigated    = "mitigated"
)

// What a probe saw.
const (
	Clear      = "clear"
	Met        = "met"
	NotChecked = "not checked"
)

// Event is one line of a timeline.
type Event struct {
	Seq    int    `json:"seq"`   // 1, 2, … without gaps
	At     int64  `json:"at_ns"` // monotonic nanoseconds since the game day began; also over a resume it never goes back
	Time   string `json:"time"`  // wall clock, RFC 3339
	Kind   Kind   `json:"kind"`
	Name   string `json:"name,omitempty"`
	Target string `json:"target,omitempty"`
	Status string `json:"status,omitempty"`
	By     string `json:"by,omitempty"` // who; empty: the harness
	Text   string `json:"text,omitempty"`
	// Since is when it happened, in the same time as At, where that was earlier
	// than it was learnt; 0: then.
	Since int64 `json:"since_ns,omitempty"`
}

// When is when the event happened, in the time of At.
func (e Event) When() int64 {
	if e.Since > 0 {
		return e.Since
	}
	return e.At
}
