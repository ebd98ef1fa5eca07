package history

import "encoding/json"

// Schema is the version of the format that this package writes and reads.
const Schema = 1

// Header is the first line of a history: what a judge needs to know of the
// run before it reads the first act.
type Header struct {
	Schema    int    `json:"schema"`
	Generator string `json:"generator"` // workload generator, for example "people/1"
	Tag       string `json:"tag"`       // run tag: part of every key of the run
	Seed      uint64 `json:"seed"`
	Scenario  string `json:"scenario"`
	Pipeline  string `json:"pipeline"`
	Started   string `json:"started"` // wall clock, RFC 3339; all other times are monotonic
	// Workload is the configuration that the workload was generated from and
	// Expect what is judged (package check's Expectations), both as JSON.
	Workload json.RawMessage `json:"workload"`
	Expect   json.RawMessage `json:"expect"`
	// Plan lists the faults that the run was to inject, in order. Empty for a
	// run without faults.
	Plan []PlannedFault `json:"plan"`
	// NoFault says that the plan was left out on purpose.
	NoFault bool `json:"no_fault,omitempty"`
	// Means is what can be done with the pipeline by hand; nil: not said.
	Means *Means `json:"means,omitempty"`
}

// Means is what people can do with a pipeline by hand, for those who plan how
// its data is mended.
type Means struct {
	Operations []string          `json:"operations"`          // by name, sorted: "replay", "sync"
	Consumers  map[string]string `json:"consumers,omitempty"` // by queue: the role that takes its work from it
	Takes      string            `json:"takes,omitempty"`     // the role that takes files from the inbox
}

// PlannedFault is one step of a plan as it stands in the header.
type PlannedFault struct {
	Step    int    `json:"step"` // 1, 2, … in the plan's order
	Name    string `json:"name"`
	Target  string `json:"target"`
	Trigger string `json:"trigger"` // in words: "when 1000 rows are committed"
	// Operation says that the step breaks nothing: it is something that people
	// do with the pipeline (an Operate in the history).
	Operation bool `json:"operation,omitempty"`
}

// Phase says where in its life an act is.
type Phase string

// An act is an invoke line followed by exactly one of OK, Fail or Info; Note
// stands alone. Info means that the outcome is not known (a lost reply).
const (
	Invoke Phase = "invoke"
	OK     Phase = "ok"
	Fail   Phase = "fail"
	Info   Phase = "info"
	Note   Phase = "note"
)

// Act names what kind of thing was done.
type Act string

// The acts of a run. The payload of each (Event.Data) is the type named beside it.
const (
	Send     Act = "send"     // Sent: one file dropped on SFTP
	Inject   Act = "inject"   // FaultAct: a fault is injected
	Bite     Act = "bite"     // FaultAct: the proof that it bit
	Recover  Act = "recover"  // FaultAct: the fault is taken back
	Heal     Act = "heal"     // FaultAct: the proof that the target is healthy again
	Stop     Act = "stop"     // RoleAct: the harness stopped a role
	Start    Act = "start"    // RoleAct: the harness started a role
	Operate  Act = "operate"  // RoleAct: replay, sync and other operations on the pipeline
	Observe  Act = "observe"  // Observation: one read of a place
	Control  Act = "control"  // the control records passed (ok) or did not (fail)
	Sentinel Act = "sentinel" // the sentinel is everywhere it belongs (ok) or its deadline passed (fail)
	Quiet    Act = "quiet"    // QuietAct: nothing changed any more
	Abort    Act = "abort"    // the run ended early; Error says why
	Progress Act = "progress" // Marks: how far the run is, for timelines
	Crossed  Act = "crossed"  // Crossings: what crossed the wire, for traces
)

// Event is one line of a history.
type Event struct {
	Seq   int             `json:"seq"`          // 1, 2, … without gaps
	At    int64           `json:"at_ns"`        // monotonic nanoseconds since the history was opened
	Phase Phase           `json:"phase"`        //
	Of    int             `json:"of,omitempty"` // for OK, Fail and Info: Seq of the invoke line
	Act   Act             `json:"act"`
	Name  string          `json:"name,omitempty"` // file, fault, role or place
	Error string          `json:"error,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// Sent is the payload of a Send: which file of the workload, and what the
// server said. The invoke line carries it without the reply.
type Sent struct {
	File   int    `json:"file"` // index in the workload
	Name   string `json:"name"` // name on the server, without folder
	Rows   int    `json:"rows"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"` // of the bytes that were to be sent
	// How it was dropped (workload.How) where not whole in one go, and the name
	// under which it is kept below input/ where it is not its own.
	How      string `json:"how,omitempty"`
	Archived string `json:"archived,omitempty"`
	// Step is what had been begun when the outcome became unknown or failed:
	// "open", "write", "close" or "rename".
	Step string `json:"step,omitempty"`
}

// FaultAct is the payload of Inject, Bite, Recover and Heal.
type FaultAct struct {
	Step     int    `json:"step"` // PlannedFault.Step
	Name     string `json:"name"`
	Target   string `json:"target"`
	Destroys bool   `json:"destroys,omitempty"` // what was stored at the target is gone by it, also what was in its place before
	InFlight int    `json:"in_flight"`          // operations acknowledged and not yet visible when the fault struck (Bite only); -1: not counted
	Evidence string `json:"evidence,omitempty"`
	// Held is the boundary at which the pipeline was stopped when the fault
	// struck, and Released what became of the bytes that were kept back.
	Held     json.RawMessage `json:"held,omitempty"`
	Released string          `json:"released,omitempty"`
}

// Crossings is the payload of Crossed: the protocol events of the pipeline's
// connections, one a line of a file beside the reads.
type Crossings struct {
	File   string `json:"file"`
	Events int    `json:"events"`
	// TrialFrom and TrialTo are the numbers of the last events before the trial's
	// first file and before the sentinel; 0: the run did not come so far.
	TrialFrom int64 `json:"trial_from,omitempty"`
	TrialTo   int64 `json:"trial_to,omitempty"`
	// Settled are the numbers of the last events before sending went on where it
	// had waited until all was in its place.
	Settled []int64 `json:"settled,omitempty"`
	// Missing counts events that the tap had forgotten before they were read:
	// traces may have holes then.
	Missing int64 `json:"missing,omitempty"`
}

// RoleAct is the payload of Start, Stop and Operate.
type RoleAct struct {
	Role   string `json:"role"`
	Step   int    `json:"step,omitempty"` // PlannedFault.Step, of an Operate
	Detail string `json:"detail,omitempty"`
}

// QuietAct is the payload of Quiet. OK means that no change was seen for the
// declared time, after everything was accounted for or the deadline passed.
type QuietAct struct {
	AccountedFor bool    `json:"accounted_for"` // every acknowledged operation was in its place before the deadline
	Seconds      float64 `json:"seconds"`       // from the sentinel's acknowledgement to the last change seen
}

// Marks is how far the run is, at one moment. -1 stands for not known.
type Marks struct {
	Sent      int `json:"sent"`      // operations acknowledged by SFTP
	Taken     int `json:"taken"`     // files that the pipeline took from the inbox
	Queued    int `json:"queued"`    // messages ready in the pipeline's queues
	Committed int `json:"committed"` // operations found in Postgres
	Visible   int `json:"visible"`   // operations returned by search
	Confirmed int `json:"confirmed"` // operations confirmed downstream
}

// Observation is the payload of an Observe: what was read, completely or not.
// Places with records (rows, documents, confirmations, dead letters) have
// their entries in a file; queues and status stand here.
type Observation struct {
	Place   string        `json:"place"`
	N       int           `json:"n"`     // 1, 2, … per place
	Final   bool          `json:"final"` // read after quiet: judged for absence
	Whole   bool          `json:"whole"` // false: the read broke off or could not be complete
	Entries int           `json:"entries"`
	File    string        `json:"file,omitempty"` // below the run's folder
	Queues  []QueueDepth  `json:"queues,omitempty"`
	Status  []StatusEntry `json:"status,omitempty"`
	// Evidence says in words what the entries cannot: "alias people does not exist".
	Evidence string `json:"evidence,omitempty"`
}

// The places that are observed.
const (
	Rows          = "rows"          // the pipeline's table in Postgres
	Documents     = "documents"     // what search on the readers' alias returns
	Confirmations = "confirmations" // confirmation files on SFTP
	DeadLetters   = "dead-letters"  // messages in dead-letter queues
	Queued        = "queued"        // messages still in queues at the end, read by key where they can be
	Inbox         = "inbox"         // files that still lie where they were dropped
	Staged        = "staged"        // files taken from the inbox that the pipeline has still to work on
	Queues        = "queues"        // depths of all queues: ready plus unacknowledged
	Status        = "status"        // the import's own status table
)

// QueueDepth is the number of messages in a queue.
type QueueDepth struct {
	Queue   string `json:"queue"`
	Broker  string `json:"broker,omitempty"` // where it is not the one that the pipeline began with
	Ready   int    `json:"ready"`
	Unacked int    `json:"unacked"`
}

// StatusEntry is what the import says of one file. -1 stands for not said.
type StatusEntry struct {
	File       string `json:"file"`
	State      string `json:"state"`
	Completed  bool   `json:"completed"` // the state is the one declared as success
	Rows       int    `json:"rows"`
	Applied    int    `json:"applied"`
	Superseded int    `json:"superseded"`
	Rejected   int    `json:"rejected"`
}

// Entry is one record as it was found in a place.
type Entry struct {
	Number  int               `json:"n"`           // record number; -1: the key is none of this run's
	Version int               `json:"v"`           // -1: the place does not say
	Key     string            `json:"k,omitempty"` // always set where Number is -1
	Deleted bool              `json:"d,omitempty"` // present, but matches the soft-delete condition
	Op      string            `json:"op,omitempty"`
	Fields  map[string]string `json:"f,omitempty"` // content, in final reads
	Where   string            `json:"w,omitempty"` // evidence: row, document id, file and line, queue
}
