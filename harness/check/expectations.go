package check

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seatrial/seatrial/harness/workload"
)

// Expectations is what a pipeline declares of itself, stored in the history's
// header. What is not declared is not judged, and the verdict's sentence says so.
type Expectations struct {
	Rows          bool `json:"rows"`          // a table holds every record
	Documents     bool `json:"documents"`     // search returns every record
	Confirmations bool `json:"confirmations"` // every applied operation is confirmed downstream, once
	DeadLetters   bool `json:"dead_letters"`  // rejected rows are found in dead-letter queues
	Status        bool `json:"status"`        // the import says of each file how far it is
	Queues        bool `json:"queues"`        // queue depths are read

	// DeadlineSeconds is how long an operation may take from its
	// acknowledgement (from the last heal, restart or repair if that is later)
	// until it is visible for good. 0: not judged.
	DeadlineSeconds float64 `json:"deadline_seconds,omitempty"`
	// QuietSeconds is twice the longest poll, retry or sync interval: how long
	// nothing may change before the last reads are taken.
	QuietSeconds float64 `json:"quiet_seconds,omitempty"`
	// FullDeletes says that a full file is a snapshot: keys that it leaves out
	// are deleted.
	FullDeletes bool `json:"full_deletes"`
	// RejectsApart: what is read as dead letters stands in a table, and not only in
	// queues.
	RejectsApart bool `json:"rejects_apart,omitempty"`
	// Fields are the content fields to compare and how. Nil: all of
	// workload.Fields by their types.
	Fields map[string]workload.Type `json:"fields,omitempty"`
	// Shown are, by place (rows, documents), the content fields that it shows, where
	// these are not all: what a place does not show is not compared there.
	Shown map[string][]string `json:"shown,omitempty"`
	// LeftOut names what else is not judged, in words: what the records cannot
	// say, for example.
	LeftOut []string `json:"left_out,omitempty"`
	// DeadLetterQueues are queues whose messages are not waiting work.
	DeadLetterQueues []string `json:"dead_letter_queues,omitempty"`
}

// Default declares everything, as the reference pipeline does.
func Default() Expectations {
	return Expectations{
		Rows: true, Documents: true, Confirmations: true, DeadLetters: true, Status: true, Queues: true,
		DeadlineSeconds: 60, QuietSeconds: 2, FullDeletes: true,
	}
}

// Validate says what cannot be judged, naming the field as in JSON.
func (e Expectations) Validate() error {
	if !e.Rows && !e.Documents {
		return fmt.Errorf("expectations: neither rows nor documents are declared: nothing can be judged; declare the table or the index of the pipeline")
	}
	if e.DeadlineSeconds < 0 || e.QuietSeconds < 0 {
		return fmt.Errorf("expectations: deadline_seconds and quiet_seconds must not be negative")
	}
	for name, kind := range e.Fields {
		if !slices.ContainsFunc(workload.Fields, func(f workload.Field) bool { return f.Name == name }) {
			return fmt.Errorf("expectations: fields: the workload has no field %q", name)
		}
		switch kind {
		case workload.Text, workload.Date, workload.Timestamp, workload.Number:
		default:
			return fmt.Errorf("expectations: fields: %s has type %q, which is none of text, date, timestamp, number", name, kind)
		}
	}
	return nil
}

func parseExpectations(raw json.RawMessage) (Expectations, error) {
	var e Expectations
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("read the expectations in the history's header: %w", err)
	}
	return e, e.Validate()
}
