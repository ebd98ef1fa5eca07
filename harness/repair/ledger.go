package repair

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// op names an operation.
type op struct{ number, version int32 }

// stands is one entry of a record in a place.
type stands struct {
	version int
	deleted bool
	where   string
}

// ledger is what was sent, and where it stood at the end of the run. Only of
// records with findings everything is kept: there are few of them.
type ledger struct {
	run    *history.Run
	w      *workload.Workload
	expect check.Expectations
	named  map[string]int // the last file of a name

	acked    []bool // by file
	begun    []int64
	ended    []int64
	archived []string // names below input/
	again    int      // files that were dropped a second time and acknowledged

	hurt map[int32]bool // numbers of the records with findings
	file map[op]int     // of their operations: index of the file that holds it
	// The highest version by record that the place that counts shows, or that
	// was confirmed: what is not above it has had its effect.
	reached []int32

	rows, documents map[int32][]stands
	confirmed       map[op]int
	docsRead        bool // completely
	table           string
	queued          map[op]bool
	inbox, staged   map[op]bool
	depths          []history.QueueDepth // of queues in which work waits
	status          map[string][]history.StatusEntry
	operated        map[string]string // what was done to its end in the run, and what was said of it
}

func open(run *history.Run, findings []check.Finding) (*ledger, error) {
	w, err := workload.Read(run.Header.Workload)
	if err != nil {
		return nil, fmt.Errorf("read the workload of %s: %w", run.Dir, err)
	}
	l := &ledger{
		run: run, w: w, named: map[string]int{}, acked: make([]bool, len(w.Files)), begun: make([]int64, len(w.Files)), ended: make([]int64, len(w.Files)),
		archived: make([]string, len(w.Files)), hurt: map[int32]bool{}, file: map[op]int{}, reached: make([]int32, w.Records()),
		rows: map[int32][]stands{}, documents: map[int32][]stands{}, confirmed: map[op]int{},
		queued: map[op]bool{}, inbox: map[op]bool{}, staged: map[op]bool{}, status: map[string][]history.StatusEntry{}, operated: map[string]string{},
	}
	if err := json.Unmarshal(run.Header.Expect, &l.expect); err != nil {
		return nil, fmt.Errorf("read the expectations of %s: %w", run.Dir, err)
	}
	for _, finding := range findings {
		if number, ok := w.Number(finding.Key); ok {
			l.hurt[int32(number)] = true
		}
	}
	for _, file := range w.Files {
		l.named[file.Name] = file.Index
		for _, o := range file.Ops {
			if l.hurt[o.Number] {
				l.file[op{o.Number, o.Version}] = file.Index
			}
		}
	}
	if err := l.acts(); err != nil {
		return nil, err
	}
	return l, l.reads()
}

// acts takes in what was sent and done.
func (l *ledger) acts() error {
	for _, event := range l.run.Events {
		switch {
		case event.Act == history.Operate && event.Phase == history.OK:
			var act history.RoleAct
			if err := event.Decode(&act); err != nil {
				return err
			}
			l.operated[event.Name] = act.Detail
		case event.Act == history.Send:
			if err := l.sent(event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *ledger) sent(event history.Event) error {
	var sent history.Sent
	if err := event.Decode(&sent); err != nil {
		return err
	}
	i := sent.File
	if i < 0 || i >= len(l.w.Files) {
		return nil
	}
	if event.Phase == history.Invoke {
		if l.begun[i] == 0 {
			l.begun[i] = max(event.At, 1)
		}
		l.archived[i] = sent.Name
		if sent.Archived != "" {
			l.archived[i] = sent.Archived
		}
		return nil
	}
	l.ended[i] = max(l.ended[i], event.At)
	if event.Phase == history.OK {
		l.acked[i] = true
		if sent.How == string(workload.Again) {
			l.again++
		}
	}
	return nil
}

// reads takes in what the places showed at the end.
func (l *ledger) reads() error {
	all, err := l.run.Reads("")
	if err != nil {
		return err
	}
	final := history.FinalReads(all)
	l.docsRead = final[history.Documents].Whole
	for place, take := range map[string]func(history.Entry){
		history.Rows:      l.standing(l.rows, l.expect.Rows),
		history.Documents: l.standing(l.documents, !l.expect.Rows),
		history.Confirmations: func(e history.Entry) {
			if e.Number < 0 || e.Number >= l.w.Records() || e.Version < 0 {
				return
			}
			l.reached[e.Number] = max(l.reached[e.Number], int32(e.Version))
			if l.hurt[int32(e.Number)] {
				l.confirmed[op{int32(e.Number), int32(e.Version)}]++
			}
		},
		history.Queued: waiting(l.queued),
		history.Inbox:  waiting(l.inbox),
		history.Staged: waiting(l.staged),
	} {
		read, ok := final[place]
		if !ok {
			continue
		}
		if err := l.run.Entries(read, func(e history.Entry) error { take(e); return nil }); err != nil {
			return err
		}
	}
	dead := map[string]bool{}
	for _, queue := range l.expect.DeadLetterQueues {
		dead[queue] = true
	}
	for _, depth := range final[history.Queues].Queues {
		if depth.Ready+depth.Unacked > 0 && !dead[depth.Queue] {
			l.depths = append(l.depths, depth)
		}
	}
	for _, entry := range final[history.Status].Status {
		l.status[entry.File] = append(l.status[entry.File], entry)
	}
	return nil
}

func (l *ledger) standing(place map[int32][]stands, counts bool) func(history.Entry) {
	return func(e history.Entry) {
		if e.Number < 0 || e.Number >= l.w.Records() {
			return
		}
		if counts {
			l.reached[e.Number] = max(l.reached[e.Number], int32(e.Version))
		}
		if table, _, ok := tuple(e.Where); ok && l.table == "" {
			l.table = table
		}
		if n := int32(e.Number); l.hurt[n] {
			place[n] = append(place[n], stands{version: e.Version, deleted: e.Deleted, where: e.Where})
		}
	}
}

func waiting(place map[op]bool) func(history.Entry) {
	return func(e history.Entry) {
		if e.Number >= 0 {
			place[op{int32(e.Number), int32(e.Version)}] = true
		}
	}
}

// redelivered counts the messages that the broker delivered more than once.
func (l *ledger) redelivered() (messages int) {
	seed := maphash.MakeSeed()
	seen := map[uint64]bool{} // and whether it was counted
	// What cannot be read back says nothing: it is no proof of anything.
	_ = l.run.Crossed(func(raw json.RawMessage) error {
		var event struct {
			Kind     string   `json:"kind"`
			Target   string   `json:"target"`
			Messages []string `json:"messages"`
		}
		if err := json.Unmarshal(raw, &event); err != nil || event.Kind != "delivered" {
			return err
		}
		for _, message := range event.Messages {
			at := maphash.String(seed, event.Target+"\x00"+message)
			counted, before := seen[at]
			if before && !counted {
				messages++
			}
			seen[at] = before
		}
		return nil
	})
	return messages
}

// find returns the file of an operation; where the workload does not know it,
// the last file of that name.
func (l *ledger) find(finding check.Finding) (index int, known bool) {
	if number, ok := l.w.Number(finding.Key); ok {
		if index, ok := l.file[op{int32(number), int32(finding.Version)}]; ok {
			return index, true
		}
	}
	index, known = l.named[finding.File]
	return index, known
}

// present returns the entries of a record that are not marked deleted.
func present(all []stands) []stands {
	var there []stands
	for _, s := range all {
		if !s.deleted {
			there = append(there, s)
		}
	}
	return there
}

// arrived reports whether an operation had its effect: it or a later one was
// confirmed, or is what the place that counts shows.
func (l *ledger) arrived(o workload.Op) bool { return l.reached[o.Number] >= o.Version }

// kept returns where a file lies below the run's folder, empty where it does not.
func (l *ledger) kept(index int) string {
	name := l.archived[index]
	if name == "" || !filepath.IsLocal(name) {
		return ""
	}
	if _, err := os.Stat(filepath.Join(l.run.Dir, "input", name)); err != nil {
		return ""
	}
	return "input/" + name
}

// clock returns the wall-clock time of a moment of the run; empty if it is not known.
func (l *ledger) clock(at int64) string {
	began, err := time.Parse(time.RFC3339, l.run.Header.Started)
	if err != nil {
		return ""
	}
	return began.Add(time.Duration(at)).UTC().Format("2006-01-02T15:04:05.000Z")
}
