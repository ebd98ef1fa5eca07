package check

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// run builds the history of a run of a careful pipeline, which tests then
// spoil. Time is the test's own: every act takes a second.
type run struct {
	t      testing.TB
	w      *workload.Workload
	expect Expectations
	stored *history.Run
	now    float64 // seconds
	reads  map[string]int

	// What the world looks like; the final reads show it.
	rows, documents map[int][]history.Entry
	confirmations   []history.Entry
	dead            []history.Entry
	queued          []history.Entry
	inbox           []history.Entry
	staged          []history.Entry
	strangers       map[string][]history.Entry
	depths          []history.QueueDepth
	status          []history.StatusEntry
	absent          map[int]int     // version of the last deletion by absence
	partial         map[string]bool // places whose final read breaks off
	unread          map[string]bool // places that are not read at the end
}

var kill = []history.PlannedFault{{Step: 1, Name: "kill", Target: "loader", Trigger: "when 10 rows are committed"}}

func newRun(t testing.TB, change func(*workload.Config)) *run {
	t.Helper()
	config := workload.Config{Seed: 11, Tag: "T3ST", Files: 4, RecordsPerFile: 25, UpdatePercent: 24, DeletePercent: 12, RejectPercent: 8, Control: 2, Sentinel: 1}
	if change != nil {
		change(&config)
	}
	w, err := workload.New(config)
	require.NoError(t, err)
	raw, err := json.Marshal(config)
	require.NoError(t, err)
	r := &run{
		t: t, w: w, expect: Default(), reads: map[string]int{},
		stored: &history.Run{Dir: t.TempDir(), Header: history.Header{
			Schema: history.Schema, Generator: workload.Generator, Tag: config.Tag, Seed: config.Seed, Scenario: "test", Workload: raw, Plan: kill,
		}},
		rows: map[int][]history.Entry{}, documents: map[int][]history.Entry{}, strangers: map[string][]history.Entry{},
		absent: map[int]int{}, partial: map[string]bool{}, unread: map[string]bool{},
	}
	require.NoError(t, os.Mkdir(filepath.Join(r.stored.Dir, "observed"), 0o700))
	return r
}

func (r *run) event(phase history.Phase, act history.Act, name string, of int, cause string, data any) int {
	raw, err := json.Marshal(data)
	require.NoError(r.t, err)
	seq := len(r.stored.Events) + 1
	r.stored.Events = append(r.stored.Events, history.Event{
		Seq: seq, At: int64(r.now * 1e9), Phase: phase, Of: of, Act: act, Name: name, Error: cause, Data: raw,
	})
	return seq
}

// act writes an act that takes a second.
func (r *run) act(act history.Act, name string, phase history.Phase, data any) {
	r.now += 0.001
	seq := r.event(history.Invoke, act, name, 0, "", data)
	r.now++
	cause := ""
	if phase != history.OK {
		cause = "for the test"
	}
	r.event(phase, act, name, seq, cause, data)
}

func (r *run) send(index int, phase history.Phase) {
	f := r.w.Files[index]
	r.act(history.Send, f.Name, phase, history.Sent{File: index, Name: f.Name, Rows: f.Rows()})
}

// apply does with a file what a careful pipeline does.
func (r *run) apply(index int) {
	f := r.w.Files[index]
	if f.Blank {
		return // nothing says that it is whole
	}
	status := history.StatusEntry{File: f.Name, State: "completed", Completed: true, Rows: f.Rows()}
	for i, op := range f.Ops {
		if op.Accept == workload.Rejectable || op.Twist == workload.NUL {
			for range f.Weight(i) {
				r.dead = append(r.dead, history.Entry{Number: int(op.Number), Version: int(op.Version), Where: "queue records.dead"})
				status.Rejected++
			}
			continue
		}
		if !op.Implied {
			status.Applied++
			status.Superseded += f.Weight(i) - 1
		}
		r.applyOp(op)
	}
	r.status = append(r.status, status)
}

// drops sends the trial as its schedule says; again and again what was cut.
func (r *run) drops() {
	for _, d := range r.w.Drops() {
		switch d.How {
		case workload.Cut:
			r.send(d.File, history.Info)
		case workload.Start:
		case workload.Again:
			r.send(d.File, history.OK)
		default:
			r.deliver(d.File)
		}
	}
}

// content is what a version was sent with.
func (r *run) content(number, version int) map[string]string {
	for _, f := range r.w.Files {
		for _, op := range f.Ops {
			if int(op.Number) == number && int(op.Version) == version {
				return stored(r.w.Row(op))
			}
		}
	}
	return r.w.Record(number, version).Map()
}

// stored is how a row is kept: a date that is not known is none.
func stored(row workload.Record) map[string]string {
	content := row.Map()
	if content["birth_date"] == "" {
		delete(content, "birth_date")
	}
	return content
}

func (r *run) applyOp(op workload.Op) {
	n, v := int(op.Number), int(op.Version)
	if now := r.rows[n]; len(now) == 1 && now[0].Version >= v || v < r.absent[n] {
		return
	}
	switch {
	case op.Implied:
		r.absent[n] = v
		if now := r.rows[n]; len(now) == 1 {
			now[0].Deleted, now[0].Fields = true, nil
		}
		delete(r.documents, n)
		return
	case op.Delete:
		r.rows[n] = []history.Entry{{Number: n, Version: v, Deleted: true, Where: fmt.Sprintf("people %d", n)}}
		delete(r.documents, n)
		r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: v, Op: workload.Deletion, Where: "confirm-1.csv"})
		return
	}
	content := stored(r.w.Row(op))
	r.rows[n] = []history.Entry{{Number: n, Version: v, Fields: content, Where: fmt.Sprintf("people %d", n)}}
	r.documents[n] = []history.Entry{{Number: n, Version: v, Fields: content, Where: fmt.Sprintf("doc %d", n)}}
	r.confirmations = append(r.confirmations, history.Entry{Number: n, Version: v, Op: workload.Upsert, Where: "confirm-1.csv"})
}

// deliver sends a file and applies it.
func (r *run) deliver(index int) {
	r.send(index, history.OK)
	r.apply(index)
}

func (r *run) control() {
	r.deliver(0)
	r.act(history.Control, "", history.OK, nil)
}

// fault goes through the whole life of the planned fault.
func (r *run) fault() {
	act := history.FaultAct{Step: 1, Name: "kill", Target: "loader", InFlight: 17, Evidence: "exit code 137"}
	for _, moment := range []history.Act{history.Inject, history.Bite, history.Recover, history.Heal} {
		r.act(moment, "kill", history.OK, act)
	}
}

func (r *run) trial() {
	for i := range r.w.Files {
		if f := r.w.Files[i]; f.Kind == workload.Trial {
			r.deliver(i)
		}
	}
}

func (r *run) sentinel() {
	r.deliver(len(r.w.Files) - 1)
	r.act(history.Sentinel, "", history.OK, nil)
	r.act(history.Quiet, "", history.OK, history.QuietAct{AccountedFor: true})
}

// story is the whole run but for the final reads.
func (r *run) story() *run {
	r.control()
	r.trial()
	r.fault()
	r.sentinel()
	return r
}

// read stores one read of a place; it begins now and takes a second.
func (r *run) read(place string, final, whole bool, fill func(*history.Observation)) {
	r.reads[place]++
	obs := history.Observation{Place: place, N: r.reads[place], Final: final}
	r.now += 0.001
	seq := r.event(history.Invoke, history.Observe, place, 0, "", obs)
	r.now++
	fill(&obs)
	obs.Whole = whole
	phase := history.OK
	if !whole {
		phase = history.Fail
	}
	r.event(phase, history.Observe, place, seq, "", obs)
}

func (r *run) readEntries(place string, final, whole bool, entries []history.Entry) {
	r.read(place, final, whole, func(obs *history.Observation) {
		slices.SortStableFunc(entries, func(a, b history.Entry) int {
			if a.Number != b.Number {
				return a.Number - b.Number
			}
			return a.Version - b.Version
		})
		obs.Entries = len(entries)
		obs.File = fmt.Sprintf("observed/%s-%d.jsonl.gz", place, obs.N)
		file, err := os.Create(filepath.Join(r.stored.Dir, obs.File))
		require.NoError(r.t, err)
		zip := gzip.NewWriter(file)
		encoder := json.NewEncoder(zip)
		for _, e := range entries {
			require.NoError(r.t, encoder.Encode(e))
		}
		require.NoError(r.t, zip.Close())
		require.NoError(r.t, file.Close())
	})
}

// look stores a light read of the documents or rows as they are now.
func (r *run) look(place string) {
	var entries []history.Entry
	for _, e := range r.entries(place) {
		e.Fields = nil
		entries = append(entries, e)
	}
	r.readEntries(place, false, true, entries)
}

// lookAgain stores a read that found what the read before had found.
func (r *run) lookAgain(place string) {
	earlier := ""
	for n := 1; n <= r.reads[place]; n++ {
		name := fmt.Sprintf("observed/%s-%d.jsonl.gz", place, n)
		if _, err := os.Stat(filepath.Join(r.stored.Dir, name)); err == nil {
			earlier = name
		}
	}
	r.read(place, false, true, func(obs *history.Observation) {
		obs.File, obs.Entries = earlier, len(r.entries(place))
	})
}

func (r *run) lookStatus() {
	r.read(history.Status, false, true, func(obs *history.Observation) { obs.Status = slices.Clone(r.status) })
}

func (r *run) entries(place string) []history.Entry {
	entries := slices.Clone(r.strangers[place])
	switch place {
	case history.Rows:
		for _, found := range r.rows {
			entries = append(entries, found...)
		}
	case history.Documents:
		for _, found := range r.documents {
			entries = append(entries, found...)
		}
	case history.Confirmations:
		entries = append(entries, r.confirmations...)
	case history.DeadLetters:
		entries = append(entries, r.dead...)
	case history.Queued:
		entries = append(entries, r.queued...)
	case history.Inbox:
		entries = append(entries, r.inbox...)
	case history.Staged:
		entries = append(entries, r.staged...)
	}
	return entries
}

// final takes the last reads.
func (r *run) final() *history.Run {
	for _, place := range []string{history.Inbox, history.Staged, history.Queues, history.Queued, history.DeadLetters, history.Rows, history.Documents, history.Confirmations, history.Status} {
		if r.unread[place] {
			continue
		}
		whole := !r.partial[place]
		switch place {
		case history.Queues:
			r.read(place, true, whole, func(obs *history.Observation) {
				depths := []history.QueueDepth{{Queue: "records.dead", Ready: len(r.dead)}, {Queue: "records", Ready: len(r.queued)}}
				obs.Queues = append(depths, r.depths...)
			})
		case history.Status:
			r.read(place, true, whole, func(obs *history.Observation) { obs.Status = r.status })
		default:
			r.readEntries(place, true, whole, r.entries(place))
		}
	}
	raw, err := json.Marshal(r.expect)
	require.NoError(r.t, err)
	r.stored.Header.Expect = raw
	return r.stored
}

// judged takes the final reads and judges; what must hold of every result is
// held against it.
func (r *run) judged() Result {
	r.t.Helper()
	result, err := Judge(r.final())
	require.NoError(r.t, err)
	sum := 0
	for _, file := range result.Files {
		fates := 0
		for _, count := range file.Fates {
			fates += count
		}
		require.Equal(r.t, file.Attempted, fates, file.File)
		sum += fates
	}
	total := 0
	for _, count := range result.Fates {
		total += count
	}
	require.Equal(r.t, result.Counts[Attempted], sum)
	require.Equal(r.t, result.Counts[Attempted], total)
	counted := map[Class]int{}
	for _, f := range result.Findings {
		counted[f.Class]++
		require.NotEmpty(r.t, f.LastSeen, "%+v", f)
		require.NotEmpty(r.t, f.Evidence, "%+v", f)
	}
	for _, class := range Classes {
		require.Equal(r.t, counted[class], result.Counts[class], class)
	}
	require.Equal(r.t, len(result.Findings) > 0, result.Verdict == Invalid, result.Reason)
	require.NotEmpty(r.t, result.Reason)
	return result
}

// found lists findings as "class key-number/version".
func (r *run) found(result Result) []string {
	list := []string{}
	for _, f := range result.Findings {
		number, _ := r.w.Number(f.Key)
		switch {
		case f.Class == Misreported:
			list = append(list, fmt.Sprintf("%s %s", f.Class, f.File))
		case number < 0:
			list = append(list, fmt.Sprintf("%s %q", f.Class, f.Key))
		default:
			list = append(list, fmt.Sprintf("%s %d/%d", f.Class, number, f.Version))
		}
	}
	return list
}

// pick returns the operation with number n's first match in the trial files.
func (r *run) pick(match func(op workload.Op, ops []workload.Op) bool) workload.Op {
	r.t.Helper()
	byNumber := map[int32][]workload.Op{}
	for _, f := range r.w.Files {
		for _, op := range f.Ops {
			byNumber[op.Number] = append(byNumber[op.Number], op)
		}
	}
	for _, f := range r.w.Files {
		if f.Kind != workload.Trial {
			continue
		}
		for _, op := range f.Ops {
			if match(op, byNumber[op.Number]) {
				return op
			}
		}
	}
	r.t.Fatal("the workload has no such operation")
	return workload.Op{}
}

// single is an insert that nothing follows.
func (r *run) single() int {
	return int(r.pick(func(op workload.Op, ops []workload.Op) bool { return len(ops) == 1 && op.Accept == workload.Acceptable }).Number)
}

// updated is a record whose last operation is an acceptable update.
func (r *run) updated() (number, version int) {
	op := r.pick(func(op workload.Op, ops []workload.Op) bool {
		last := ops[len(ops)-1]
		return len(ops) == 2 && op == last && !op.Delete && op.Accept == workload.Acceptable && ops[0].Accept == workload.Acceptable
	})
	return int(op.Number), int(op.Version)
}

// deleted is a record whose last operation deletes it.
func (r *run) deleted() (number, version int) {
	op := r.pick(func(op workload.Op, ops []workload.Op) bool {
		return len(ops) == 2 && op.Delete && op == ops[1] && ops[0].Accept == workload.Acceptable
	})
	return int(op.Number), int(op.Version)
}

// rejected is a row that has to be rejected.
func (r *run) rejected() workload.Op {
	return r.pick(func(op workload.Op, ops []workload.Op) bool { return op.Accept == workload.Rejectable && len(ops) == 1 })
}

func (r *run) drop(entries *[]history.Entry, number, version int) {
	before := len(*entries)
	*entries = slices.DeleteFunc(*entries, func(e history.Entry) bool { return e.Number == number && e.Version == version })
	require.Less(r.t, len(*entries), before)
}

// older puts an older version in a place.
func (r *run) older(place map[int][]history.Entry, number, version int) {
	place[number] = []history.Entry{{Number: number, Version: version, Fields: r.content(number, version), Where: "old"}}
}

// fileOf returns the index of the file with the operation.
func (r *run) fileOf(number, version int) int {
	for i, f := range r.w.Files {
		for _, op := range f.Ops {
			if int(op.Number) == number && int(op.Version) == version {
				return i
			}
		}
	}
	r.t.Fatalf("no operation %d/%d", number, version)
	return -1
}

// statusOf returns what the import says of a file.
func (r *run) statusOf(index int) *history.StatusEntry {
	for i := range r.status {
		if r.status[i].File == r.w.Files[index].Name {
			return &r.status[i]
		}
	}
	r.t.Fatalf("no status of file %d", index)
	return nil
}

// forget takes an operation out of everything the pipeline knows.
func (r *run) forget(number int) {
	delete(r.rows, number)
	delete(r.documents, number)
	r.confirmations = slices.DeleteFunc(r.confirmations, func(e history.Entry) bool { return e.Number == number })
}
