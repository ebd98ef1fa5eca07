package check

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
)

// Judge judges a stored run. An error means that this version cannot judge it
// at all: its generator is not known, or header and acts do not fit together.
// A history that is not whole is no error but Unknown.
//
// Time and memory grow with the operations and the entries read: about 30
// bytes are held per operation, and one finding per affected record.
func Judge(run *history.Run) (Result, error) {
	expect, err := parseExpectations(run.Header.Expect)
	if err != nil {
		return Result{}, err
	}
	l, err := openLedger(run.Header, expect.FullDeletes)
	if err != nil {
		return Result{}, err
	}
	course, err := l.follow(run)
	if run.Problem != "" {
		r := empty()
		if err == nil {
			course.tell(&r) // as far as it went
		}
		r.Verdict, r.Reason = Unknown, "Not proved: the history is not whole: "+run.Problem+"."
		return r, nil
	}
	if err != nil {
		return Result{}, err
	}
	j := &judge{run: run, expect: expect, l: l, course: course, compare: map[string]*comparer{}}
	if err := j.observations(); err != nil {
		return Result{}, err
	}
	j.status()      // what the import said, and when: needed to judge what readers saw then
	j.waiting()     // what still lies in queues, inbox and dead letters
	j.rows()        // the table
	j.documents()   // what readers saw, over time and at the end
	j.confirmed()   // what was confirmed downstream
	j.operations()  // what became of each operation
	j.leftWaiting() // messages that wait and could not be read
	j.late()        // what became visible after the deadline only
	j.reported()    // where the status disagrees with all that
	return j.result(), nil
}

// judge is the work of one judgement.
type judge struct {
	run     *history.Run
	expect  Expectations
	l       *ledger
	course  *course
	compare map[string]*comparer // by place, see comparer

	final     map[string]history.Read   // the last read of a place, by place
	live      map[string][]history.Read // all reads of a place that came before it
	partial   map[string]string         // places whose last read is not complete, and why
	notJudged []string

	table  *place // rows at the end; nil if not declared
	index  *place // documents at the end; nil if not declared
	queues map[*op]string
	// unread is the number of messages that wait in queues and could not be
	// told from one another.
	unread      int
	unreadWhere []string
	completed   []int64 // end of the first read that said "completed", by file; 0: none
	unsaid      []int64 // begin of the last read before that one: it was not said until then
	statements  map[int][]history.StatusEntry
	ambiguous   map[string]bool // names of files that the status does not tell apart
	reads       []history.Read  // of the documents, in order: op.since and op.missed point here
	again       again
	resurrected map[int]bool
	misreported map[int]int // index in findings by file

	flags     []uint16 // classes of findings per record, as bits in the order of Classes
	findings  []Finding
	leftovers int
}

// observations sorts the reads by place and chooses the ones at the end.
func (j *judge) observations() error {
	reads, err := j.run.Reads("")
	if err != nil {
		return err
	}
	j.final, j.live, j.partial = history.FinalReads(reads), map[string][]history.Read{}, map[string]string{}
	j.flags = make([]uint16, j.l.w.Records())
	j.resurrected, j.misreported = map[int]bool{}, map[int]int{}
	for _, read := range reads {
		if read.Seq != j.final[read.Place].Seq {
			j.live[read.Place] = append(j.live[read.Place], read)
		}
	}
	for _, place := range j.declared() {
		switch last, ok := j.final[place]; {
		case !ok:
			j.partial[place] = "was not read at the end"
		case !last.Whole:
			j.partial[place] = "could not be read completely at the end"
		}
	}
	// Not declared but tried: what was not read completely proves nothing there
	// either. Messages that a consumer holds cannot be read at all: they are
	// judged by their number, see leftWaiting.
	for _, place := range []string{history.Inbox, history.Staged, history.Queued} {
		last, ok := j.final[place]
		counted := place == history.Queued && j.expect.Queues && j.final[history.Queues].Whole
		if ok && !last.Whole && !counted {
			j.partial[place] = "could not be read completely at the end"
		}
	}
	return nil
}

// declared lists the places that must have been read at the end, and notes
// what is not judged.
func (j *judge) declared() []string {
	var places []string
	for _, declared := range []struct {
		place string
		yes   bool
		what  string
	}{
		{history.Rows, j.expect.Rows, "rows"},
		{history.Documents, j.expect.Documents, "documents"},
		{history.Confirmations, j.expect.Confirmations, "confirmations"},
		{history.DeadLetters, j.expect.DeadLetters, "dead letters"},
		{history.Queues, j.expect.Queues, "queues"},
		{history.Status, j.expect.Status, "the import's status"},
	} {
		if declared.yes {
			places = append(places, declared.place)
		} else {
			j.notJudged = append(j.notJudged, declared.what)
		}
	}
	if !j.expect.FullDeletes {
		for _, f := range j.l.w.Files {
			if f.Full {
				j.notJudged = append(j.notJudged, "deletions by absence from full files")
				break
			}
		}
	}
	if j.expect.Fields != nil && len(newComparer(j.l.w, j.expect.Fields, nil).fields) < len(j.l.w.Fields()) {
		j.notJudged = append(j.notJudged, "the content of undeclared fields")
	}
	if j.expect.DeadlineSeconds == 0 {
		j.notJudged = append(j.notJudged, "a deadline of visibility")
	}
	j.notJudged = append(j.notJudged, j.expect.LeftOut...)
	return places
}

// comparer returns how contents are compared in a place.
func (j *judge) comparer(place string) *comparer {
	if j.compare[place] == nil {
		j.compare[place] = newComparer(j.l.w, j.expect.Fields, j.expect.Shown[place])
	}
	return j.compare[place]
}

// whole reports whether the last read of a place was complete. Places that
// were never to be read are: nothing is expected of them.
func (j *judge) whole(places ...string) bool {
	for _, place := range places {
		if _, broken := j.partial[place]; broken {
			return false
		}
	}
	return true
}

// broken notes that a stored read turned out to be unreadable.
func (j *judge) broken(place string, err error) {
	j.partial[place] = "could not be read back (" + err.Error() + ")"
}

// find adds a finding about an operation (o may be nil where there is none),
// one per class and record. It reports whether it was new.
func (j *judge) find(class Class, number int, version int, o *op, lastSeen, evidence string) bool {
	bit := uint16(1) << slices.Index(Classes, class)
	if j.flags[number]&bit != 0 {
		return false
	}
	j.flags[number] |= bit
	finding := Finding{Class: class, Key: j.l.w.Key(number), Version: version, LastSeen: lastSeen, Evidence: evidence, number: number, absence: class.ByAbsence()}
	if o != nil {
		o.hurt = true
		finding.File, finding.Line = j.l.files[o.file].name, int(o.line)
	}
	j.findings = append(j.findings, finding)
	return true
}

// stranger adds a finding about a key that is none of this run's.
func (j *judge) stranger(class Class, key, lastSeen, evidence string) {
	j.findings = append(j.findings, Finding{Class: class, Key: key, Version: -1, LastSeen: lastSeen, Evidence: evidence, number: math.MaxInt, absence: class.ByAbsence()})
}

// result settles the verdict and counts.
func (j *judge) result() Result {
	healed := j.course.healed()
	suspects := 0
	j.findings = slices.DeleteFunc(j.findings, func(f Finding) bool {
		if f.absence && !healed {
			suspects++
			return true
		}
		return false
	})
	rank := map[Class]int{}
	for i, class := range Classes {
		rank[class] = i
	}
	slices.SortStableFunc(j.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Class], rank[b.Class]), cmp.Compare(a.number, b.number), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Key, b.Key), cmp.Compare(a.File, b.File))
	})
	r := empty()
	r.Findings, r.NotJudged, r.Latency = append(r.Findings, j.findings...), append(r.NotJudged, j.notJudged...), j.latency()
	j.account(&r)
	j.course.tell(&r)
	j.verdict(&r, suspects)
	return r
}

// empty is a result whose lists are there: readers of its JSON find [] and 0
// instead of nothing.
func empty() Result {
	r := Result{
		Findings: []Finding{}, Files: []FileFates{}, Faults: []FaultResult{}, NotJudged: []string{},
		Counts: map[Class]int{Attempted: 0, Acknowledged: 0, OK: 0, Recovered: 0, Leftover: 0}, Fates: map[Fate]int{},
	}
	for _, class := range Classes {
		r.Counts[class] = 0
	}
	return r
}

// account adds up the fates.
func (j *judge) account(r *Result) {
	r.Counts[Leftover] = j.leftovers
	for _, finding := range r.Findings {
		r.Counts[finding.Class]++
	}
	byFile := make([][]int, len(j.l.files))
	for i := range j.l.ops {
		o := &j.l.ops[i]
		sent := j.l.sent(o)
		if sent == notSent {
			continue
		}
		if byFile[o.file] == nil {
			byFile[o.file] = make([]int, len(Fates)+1)
		}
		byFile[o.file][o.fate]++
		r.Counts[Attempted]++
		good := o.good()
		switch {
		case sent == acknowledged:
			r.Counts[Acknowledged]++
			if good && !o.hurt {
				r.Counts[OK]++
			}
		case sent == indeterminate && Fates[o.fate-1] == Applied:
			r.Counts[Recovered]++
		}
	}
	for i, fates := range byFile {
		if fates == nil {
			continue
		}
		f := FileFates{File: j.l.files[i].name, Sent: j.l.files[i].sent.String(), Fates: map[Fate]int{}}
		for k, count := range fates {
			if count == 0 {
				continue
			}
			f.Fates[Fates[k-1]] = count
			f.Attempted += count
			r.Fates[Fates[k-1]] += count
		}
		r.Files = append(r.Files, f)
	}
}

// unproved names what keeps the run from being a proof.
func (j *judge) unproved() []string {
	if cause := j.course.neverWorked(); cause != "" {
		return []string{cause}
	}
	reasons := j.course.unproved()
	for _, place := range sortedKeys(j.partial) {
		reasons = append(reasons, "the place "+place+" "+j.partial[place])
	}
	never, acked, refused := 0, 0, 0
	for i, f := range j.l.files {
		if f.sent == notSent {
			never++
		}
		if f.sent == failed || f.sent == indeterminate {
			refused++
		}
		if f.sent == acknowledged && j.l.w.Files[i].Kind == trialKind {
			acked++
		}
	}
	if never > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %d files were never sent", never, len(j.l.files)))
	}
	if 2*refused >= len(j.l.files) && !j.course.strikes("sftp") {
		reasons = append(reasons, fmt.Sprintf("%d of %d files were not acknowledged, and nothing of the plan explains it", refused, len(j.l.files)))
	}
	if acked == 0 {
		reasons = append(reasons, "no file of the trial was acknowledged")
	}
	if j.run.Header.NoFault && len(j.run.Header.Plan) > 0 {
		reasons = append(reasons, planLeftOut)
	}
	return reasons
}

// verdict says what was proved, in one sentence.
func (j *judge) verdict(r *Result, suspects int) {
	reasons := j.unproved()
	if wrong := r.Counts[Acknowledged] - r.Counts[OK]; wrong > 0 && len(reasons) == 0 && len(r.Findings) == 0 {
		// Never a pass by oversight: whatever is not known to be right is not valid.
		reasons = append(reasons, fmt.Sprintf("what became of %d acknowledged operations cannot be told", wrong))
	}
	var text string
	switch {
	case len(r.Findings) > 0:
		r.Verdict = Invalid
		text = "Not what was sent: " + summary(r.Findings)
		if len(reasons) > 0 {
			text += "; besides, " + strings.Join(reasons, ", ")
		}
	case len(reasons) > 0:
		r.Verdict = Unknown
		text = notProved + strings.Join(reasons, ", ")
	default:
		r.Verdict = Valid
		text = fmt.Sprintf("Nothing was lost, doubled or changed: all %d acknowledged operations have the right fate", r.Counts[Acknowledged])
		if n := len(r.Faults); n > 0 {
			text += fmt.Sprintf(", through %s that bit and healed", count(n, "fault", "faults"))
		}
	}
	if suspects > 0 {
		text += fmt.Sprintf("; %s were not where they belong, which proves nothing while that is so", count(suspects, "operation", "operations"))
	}
	if len(r.NotJudged) > 0 {
		text += "; not judged: " + strings.Join(r.NotJudged, ", ")
	}
	r.Reason = text + "."
}

const (
	notProved   = "Not proved: "
	planLeftOut = "the plan's faults were left out"
)

// OnlyPlanLeftOut says whether the reason of an unknown verdict is that the
// plan was left out on purpose, and nothing else.
func OnlyPlanLeftOut(reason string) bool {
	rest, found := strings.CutPrefix(reason, notProved+planLeftOut)
	return found && (rest == "." || strings.HasPrefix(rest, "; not judged: "))
}

func summary(findings []Finding) string {
	counts := map[Class]int{}
	for _, finding := range findings {
		counts[finding.Class]++
	}
	var parts []string
	for _, class := range Classes {
		if counts[class] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[class], strings.ReplaceAll(string(class), "-", " ")))
		}
	}
	return strings.Join(parts, ", ")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
