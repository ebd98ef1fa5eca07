package check

import (
	"encoding/json"
	"fmt"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// sent is the outcome of sending a file.
type sent uint8

const (
	notSent sent = iota
	failed
	indeterminate
	acknowledged
)

func (s sent) String() string {
	return [...]string{"not sent", "failed", "indeterminate", "acknowledged"}[s]
}

// file is what is known of a file of the workload.
type file struct {
	name  string
	sent  sent
	begun int64 // when its sending began first
	acked int64 // when the server's reply came; 0: never
}

// op is an operation and what was seen of it. Operations are held densely,
// sorted by record number and version: millions fit into memory.
type op struct {
	version   int32
	line      int32
	file      int32
	since     int32 // read of the documents from which on it was visible for good; -1: none
	missed    int32 // last read of the documents that should have shown it and did not; -1: none
	accept    workload.Acceptability
	twist     workload.Twist
	fate      fate
	seen      seen
	confirmed uint8 // confirmations, 255 for more
	delete    bool
	implied   bool
	marked    bool // of a deletion: a place shows its own version, marked deleted
	hurt      bool // a finding names it
}

// seen is where an operation was seen, as bits.
type seen uint16

const (
	inRows seen = 1 << iota
	inDocuments
	inRowsOnce      // in any read of the rows
	inDocumentsOnce // in any read of the documents, or a later version was
	inQueue
	inDeadLetters
	inInbox
	inStaging
	completedUnseen // the import said completed, a later read lacked it
)

// fate is the index of a Fate in Fates, plus one.
type fate uint8

// ledger is everything that was to be sent, by record number.
type ledger struct {
	w     *workload.Workload
	files []file
	start []int32 // ops of record n are ops[start[n]:start[n+1]]
	ops   []op
	named map[string][]int // indices of the files of a name
}

func openLedger(header history.Header, fullDeletes bool) (*ledger, error) {
	var config workload.Config
	if err := json.Unmarshal(header.Workload, &config); err != nil {
		return nil, fmt.Errorf("read the workload in the history's header: %w", err)
	}
	if header.Generator != workload.Generator {
		return nil, fmt.Errorf("the history is of generator %q, this version knows %q: judge it with the version that wrote it", header.Generator, workload.Generator)
	}
	if config.Tag != header.Tag || config.Seed != header.Seed {
		return nil, fmt.Errorf("the history's header has tag %s and seed %d, its workload %s and %d: they are not of one run", header.Tag, header.Seed, config.Tag, config.Seed)
	}
	w, err := workload.New(config)
	if err != nil {
		return nil, err
	}
	l := &ledger{w: w, files: make([]file, len(w.Files)), start: make([]int32, w.Records()+1), named: map[string][]int{}}
	for i, f := range w.Files {
		l.files[i].name = f.Name
		l.named[f.Name] = append(l.named[f.Name], i)
		for _, o := range f.Ops {
			if !o.Implied || fullDeletes {
				l.start[o.Number+1]++
			}
		}
	}
	for n := range w.Records() {
		l.start[n+1] += l.start[n]
	}
	l.ops = make([]op, l.start[w.Records()])
	next := append([]int32(nil), l.start...)
	for i, f := range w.Files {
		for _, o := range f.Ops {
			if o.Implied && !fullDeletes {
				continue
			}
			l.ops[next[o.Number]] = op{
				version: o.Version, line: o.Line, file: int32(i), accept: o.Accept, twist: o.Twist, delete: o.Delete, implied: o.Implied,
				since: -1, missed: -1,
			}
			next[o.Number]++ // files are planned in the order of versions
		}
	}
	return l, nil
}

// of returns the operations of a record, by version.
func (l *ledger) of(number int) []op { return l.ops[l.start[number]:l.start[number+1]] }

func (l *ledger) sent(o *op) sent { return l.files[o.file].sent }

// find returns the operation with that version, nil if there is none.
func find(ops []op, version int) *op {
	for i := range ops {
		if int(ops[i].version) == version {
			return &ops[i]
		}
	}
	return nil
}

// expected returns the operation that must be in effect: the highest
// acknowledged acceptable one; nil if there is none.
func (l *ledger) expected(ops []op) *op {
	for i := len(ops) - 1; i >= 0; i-- {
		if l.sent(&ops[i]) == acknowledged && ops[i].accept == workload.Acceptable {
			return &ops[i]
		}
	}
	return nil
}

// lastDeletion returns the highest version of a deletion that was sent (or
// may have been) before the given time; 0 if there is none.
func (l *ledger) lastDeletion(ops []op, before int64) int32 {
	for i := len(ops) - 1; i >= 0; i-- {
		if o := &ops[i]; o.delete && l.sent(o) >= indeterminate && l.files[o.file].begun <= before {
			return o.version
		}
	}
	return 0
}

// row returns the content that an operation was sent with.
func (l *ledger) row(number int, o *op) workload.Record {
	return l.w.Row(workload.Op{Number: int32(number), Version: o.version, Delete: o.delete, Accept: o.accept, Twist: o.twist})
}

// sentWhere says where an operation was sent and what became of the sending.
func (l *ledger) sentWhere(o *op) string {
	place := l.files[o.file].name
	switch {
	case o.implied:
		place += " (left out there)"
	default:
		place += fmt.Sprintf(" line %d", o.line)
	}
	switch l.sent(o) {
	case acknowledged:
		return "acknowledged by SFTP in " + place
	case indeterminate:
		return "sent in " + place + ", its acknowledgement unknown"
	case failed:
		return "refused by SFTP in " + place
	}
	return "never sent (planned in " + place + ")"
}
