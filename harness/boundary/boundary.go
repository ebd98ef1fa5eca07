package boundary

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kind is what happened on a connection.
type Kind string

// The boundaries. Of those that come as request and answer, the request is
// seen before the service has it, the answer before the client has it.
const (
	FileFetched         Kind = "file fetched"         // a file that was read to its end is closed: the request
	FileMarked          Kind = "file marked"          // renamed or removed by a session that did not write it: the answer
	Published           Kind = "published"            // a message leaves for the broker
	Confirmed           Kind = "confirmed"            // the broker has taken messages over: its confirm, or the answer to tx.commit
	Delivered           Kind = "delivered"            // a message leaves for the consumer
	Acked               Kind = "acked"                // the consumer has taken deliveries over
	StatementRequested  Kind = "statement requested"  // a statement that may write, or COMMIT, leaves for the database
	Committed           Kind = "committed"            // the answer that ends a transaction in which something was written
	IndexRequested      Kind = "index requested"      // documents leave for the index
	Indexed             Kind = "indexed"              // the answer to that
	ConfirmationWritten Kind = "confirmation written" // a file that the session wrote has its name: the answer to rename or close
)

// Signs: events that explain boundaries, and can be stopped at like them, but
// at which no responsibility changes hands, or not the way it should.
const (
	MarkRequested  Kind = "mark requested"  // rename or remove leaves for the server
	WriteRequested Kind = "write requested" // rename or close of a written file leaves for the server
	FileWritten    Kind = "file written"    // a written file was closed under a name that looks temporary: the answer
	FileFailed     Kind = "file failed"     // the server refused to rename, remove or close
	Refused        Kind = "refused"         // the broker refuses messages (nack of a publish)
	Returned       Kind = "returned"        // the broker sends a message back: no queue took it
	Rejected       Kind = "rejected"        // the consumer rejects deliveries
	TxRequested    Kind = "tx requested"    // AMQP tx.commit leaves for the broker
	RolledBack     Kind = "rolled back"     // a transaction ended without effect
	Ended          Kind = "ended"           // a transaction ended in which nothing was seen to be written
	ItemsRequested Kind = "items requested" // the end of a request to index: the documents in it
	ItemsAnswered  Kind = "items answered"  // the end of the answer to that: what became of each
	Refreshed      Kind = "refreshed"       // a refresh leaves for the index
	AliasChanged   Kind = "alias changed"   // a change of aliases leaves for the index
	IndexChanged   Kind = "index changed"   // an index is made or deleted: the request
	Closed         Kind = "closed"          // a channel or connection is closed with a code, or a request cancelled
	Unreadable     Kind = "unreadable"      // a connection is passed on unread from here on; once a connection
	Noted          Kind = "noted"           // something that cannot be seen from here on; Note says what
)

// Kinds are the boundaries, in the order of a record's way.
var Kinds = []Kind{FileFetched, FileMarked, Published, Confirmed, Delivered, StatementRequested, Committed, Acked,
	IndexRequested, Indexed, ConfirmationWritten}

// Event is one protocol event. It has its number before its bytes are passed
// on: whatever they cause has a higher number. Seen is not arrived: the
// connection may break behind the tap.
type Event struct {
	Number  int64     `json:"n"` // 1, 2, … in the order seen, over all services
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Role    string    `json:"role"` // whose connection; its address where the tap was not told
	Conn    int64     `json:"conn"` // connection, numbered over all services
	Kind    Kind      `json:"kind"`
	Target  string    `json:"target"` // queue, exchange (the queue for the default one), table, index or folder
	// Ordinal counts within (service, role, kind, target) since the last reset.
	// A confirm or ack that covers several messages counts each: Ordinal is the
	// last one's.
	Ordinal int64 `json:"ordinal"`
	// Count is how many messages, rows, documents or files the event covers.
	Count int `json:"count"`
	// Records are the keys of records as the protocol shows them, at most
	// MostNames of them: keys found by the run's patterns, document ids.
	Records []string `json:"records,omitempty"`
	// Messages are the message ids (correlation ids of messages without one) or
	// file names, at most MostNames of them.
	Messages []string `json:"messages,omitempty"`
	// Failed are the document ids among Records that were refused.
	Failed  []string `json:"failed,omitempty"`
	Routing string   `json:"routing,omitempty"` // routing key, where it is not the target
	Code    int      `json:"code,omitempty"`    // HTTP status, AMQP reply code, SFTP status
	Note    string   `json:"note,omitempty"`    // in words
	Hold    int64    `json:"hold,omitempty"`    // the breakpoint that stopped the connection here
	Many    int      `json:"-"`                 // how far the ordinal moves; 0: by one
}

// signs are all of them.
var signs = []Kind{MarkRequested, WriteRequested, FileWritten, FileFailed, Refused, Returned, Rejected, TxRequested, RolledBack,
	Ended, ItemsRequested, ItemsAnswered, Refreshed, AliasChanged, IndexChanged, Closed, Unreadable, Noted}

// carries lists the kinds whose events can name records.
var carries = []Kind{Published, Confirmed, Delivered, Acked, StatementRequested, Committed, Indexed,
	Refused, Returned, Rejected, RolledBack, ItemsRequested, ItemsAnswered}

// Class is what ordinals count within, and what a sweep breaks one by one.
type Class struct {
	Service string `json:"service"`
	Role    string `json:"role"`
	Kind    Kind   `json:"kind"`
	Target  string `json:"target"`
}

// Class returns what the event is one of.
func (e *Event) Class() Class { return Class{e.Service, e.Role, e.Kind, e.Target} }

// At returns the breakpoint at the nth of a class.
func (c Class) At(nth int, max time.Duration) Breakpoint {
	return Breakpoint{Service: c.Service, Role: c.Role, Kind: c.Kind, Target: c.Target, Nth: nth, Max: max}
}

// MostNames limits each list of names in an event; Count is not limited.
const MostNames = 1000

// Of returns the breakpoint at the nth event of this kind on the connections
// of a role, counted from when the breakpoint is armed. In a scenario's plan the
// role is what it does (fault.Loader, …).
func (k Kind) Of(role string, nth int) Breakpoint {
	return Breakpoint{Kind: k, Role: role, Nth: nth}
}

// On returns the breakpoint at events with one target only: a queue, a table,
// an index or a folder.
func (b Breakpoint) On(target string) Breakpoint {
	b.Target = target
	return b
}

// With returns the breakpoint at events only that name one record of the
// workload (0, 1, …): the same moment in every run, however events are batched.
// Not every kind's events name records: a request to the index is seen before
// what is in it, its answer (Indexed) names them.
func (b Breakpoint) With(number int) Breakpoint {
	b.Number = number + 1
	if number < 0 { // refused by Validate
		b.Number = number
	}
	return b
}

// Mode says what becomes of the bytes that a hold kept back.
type Mode string

const (
	Forward Mode = "forward" // they go their way, and so does what follows
	// Drop: they never arrive. The connection is closed on both sides, at the
	// earliest DefaultSettle after the hold began: what went before has arrived.
	Drop Mode = "drop"
)

// Breakpoint says where to stop one connection, once.
type Breakpoint struct {
	Service string `json:"service,omitempty"` // empty: any
	Role    string `json:"role,omitempty"`    // empty: any
	Kind    Kind   `json:"kind"`
	Target  string `json:"target,omitempty"`  // empty: any
	Routing string `json:"routing,omitempty"` // routing key; empty: any
	Record  string `json:"record,omitempty"`  // only events that name this record, by its key; empty: any
	// Number is Record by its number in the workload, in a scenario's plan, plus
	// 1: keys differ from run to run. 0: any.
	Number int `json:"-"`
	Nth    int `json:"nth"` // counted from arming; 1 is the next
	// Max bounds the hold; then the bytes are forwarded.
	Max time.Duration `json:"max"`
	Cut bool          `json:"cut,omitempty"` // drop without being asked, once it has settled
	// Settle is how long a hold lasts at least before it drops; 0: DefaultSettle.
	// A cut that does not wait is no barrier: what was sent before may be lost, too.
	Settle time.Duration `json:"settle,omitempty"`
}

// Limits of a hold.
const (
	LongestHold   = 10 * time.Minute
	DefaultSettle = 100 * time.Millisecond
)

// Validate says what is wrong with a breakpoint.
func (b Breakpoint) Validate() error {
	switch {
	case b.Kind == "":
		return errors.New("a breakpoint needs a kind")
	case !slices.Contains(Kinds, b.Kind) && !slices.Contains(signs, b.Kind):
		return fmt.Errorf("a breakpoint's kind is %q, which is none; there are %q and %q", b.Kind, Kinds, signs)
	case b.Number < 0:
		return fmt.Errorf("a breakpoint's record is %d; the first one is 0", b.Number)
	case (b.Number > 0 || b.Record != "") && !slices.Contains(carries, b.Kind):
		return fmt.Errorf("a breakpoint waits for a record at %q, which names none; there are %q", b.Kind, carries)
	case b.Nth < 1:
		return fmt.Errorf("a breakpoint's nth is %d; the next one is 1", b.Nth)
	case b.Max <= 0 || b.Max > LongestHold:
		return fmt.Errorf("a breakpoint's maximum is %s; it must be above 0 and at most %s", b.Max, LongestHold)
	case b.Settle < 0 || b.Settle >= b.Max:
		return fmt.Errorf("a breakpoint settles for %s; its maximum is %s", b.Settle, b.Max)
	}
	return nil
}

// Matches says whether an event is of the kind that the breakpoint counts.
func (b Breakpoint) Matches(e *Event) bool {
	if b.Kind != e.Kind ||
		b.Service != "" && b.Service != e.Service ||
		b.Role != "" && b.Role != e.Role ||
		b.Target != "" && b.Target != e.Target ||
		b.Routing != "" && b.Routing != e.Routing {
		return false
	}
	if b.Record == "" {
		return true
	}
	for _, record := range e.Records {
		if record == b.Record {
			return true
		}
	}
	return false
}

func (b Breakpoint) String() string {
	text := fmt.Sprintf("%s, %d. from now", b.Kind, b.Nth)
	for _, part := range []string{b.Role, b.Service, b.Target, b.Routing, b.Record} {
		if part != "" {
			text += ", " + part
		}
	}
	return text
}
