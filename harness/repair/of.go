package repair

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// The operations whose meaning is known by their names.
const (
	replayOperation = "replay"  // "from": the number of the file to begin with
	syncOperation   = "sync"    // the index is built anew
	moveOperation   = "repoint" // every address that a role has of the broker: "role"
)

// Of returns the plan for a stored run: result is what was found in it, means
// what can be done with its pipeline. Equal runs give equal plans.
//
// An error means that the run cannot be read: the history is broken off, or a
// read is missing. Where findings could not be proved the plan covers only what
// was found, and says so.
func Of(run *history.Run, result check.Result, means history.Means) (Plan, error) {
	if run.Problem != "" {
		return Plan{}, fmt.Errorf("plan the repair of %s: the history is not whole: %s", run.Dir, run.Problem)
	}
	l, err := open(run, result.Findings)
	if err != nil {
		return Plan{}, err
	}
	p := &planner{l: l, means: means, result: result, missing: map[int]map[check.Class]int{}, again: map[int]map[check.Class]int{}, absent: map[op]bool{},
		kept: map[int32]bool{}, resumes: map[check.Class]int{}, takes: map[check.Class]int{}, removes: map[check.Class]int{}, syncs: map[check.Class]int{}}
	p.plan = Plan{
		Scenario: run.Header.Scenario, Pipeline: run.Header.Pipeline, Tag: run.Header.Tag, Verdict: result.Verdict,
		Steps: []Step{}, Files: []File{}, Remove: []Duplicate{}, Left: []Left{}, Passed: map[check.Class]int{}, Notes: []string{},
	}
	p.stalled()
	for _, finding := range result.Findings {
		p.sort(finding)
	}
	p.plan.Guarded = p.guarded()
	p.remove() // first: it goes by where rows stand, and everything else moves them
	p.resume()
	p.bringBack()
	p.status()
	p.sync()
	p.leaves()
	p.plan.Needed = len(p.plan.Steps)+len(p.plan.Left) > 0
	p.plan.Doubles = p.doubles()
	p.notes()
	return p.plan, nil
}

// planner sorts findings by what mends them.
type planner struct {
	l      *ledger
	means  history.Means
	result check.Result
	plan   Plan

	waits map[string]bool // keys of which something waits in a queue
	// Files to bring back, and for what: missing never had an effect, again had
	// one that was overwritten. Absent are the operations themselves.
	missing, again map[int]map[check.Class]int
	absent         map[op]bool
	resumes, takes map[check.Class]int // what waits in queues, and in the inbox
	removes, syncs map[check.Class]int
	unconfirmed    []check.Finding
	misreported    []check.Finding
	kept           map[int32]bool // records of which one row is chosen to stay
	follows        bool           // the index shows rows that are to be removed
}

func (p *planner) stalled() {
	p.waits = map[string]bool{}
	for _, f := range p.result.Findings {
		if number, ok := p.l.w.Number(f.Key); ok && f.Class == check.Stalled && p.l.queued[op{int32(number), int32(f.Version)}] {
			p.waits[f.Key] = true
		}
	}
}

func (p *planner) sort(f check.Finding) {
	number, known := p.l.w.Number(f.Key)
	o := op{int32(number), int32(f.Version)}
	switch f.Class {
	case check.Lost:
		p.lacks(p.missing, f)
	case check.Stale, check.Undeleted:
		switch {
		case p.besides(o.number, f):
			p.removes[f.Class]++
		case !p.behind(int32(number), f.Version):
			p.syncs[f.Class]++
		case p.l.confirmed[o] > 0 || f.Class == check.Stale:
			p.lacks(p.again, f)
		default:
			p.lacks(p.missing, f)
		}
	case check.Invisible:
		if p.l.seen(o) {
			p.plan.Passed[f.Class]++
			return
		}
		p.syncs[f.Class]++
	case check.Stalled:
		switch {
		case !known || p.waits[f.Key]:
			p.resumes[f.Class]++
		case p.l.inbox[o]:
			p.takes[f.Class]++
		default:
			p.lacks(p.missing, f)
		}
	case check.Unconfirmed:
		if p.waits[f.Key] {
			p.resumes[f.Class]++
			return
		}
		p.unconfirmed = append(p.unconfirmed, f)
	case check.Duplicated:
		p.duplicated(int32(number), known, f)
	case check.Misreported:
		p.misreported = append(p.misreported, f)
	case check.OutOfOrder: // what stands there at the end has a finding of its own if it is wrong
		p.plan.Passed[f.Class]++
	case check.Resurrected: // what was deleted and stands there at the end has this one only
		p.resurrected(o.number, known, f)
	case check.Altered, check.Unexpected, check.RefusedButPresent:
		if strings.HasPrefix(f.LastSeen, history.Documents) && p.l.expect.Rows {
			p.syncs[f.Class]++
			return
		}
		p.leave(f, byHand[f.Class])
	default:
		p.leave(f, byHand[f.Class])
	}
}

// byHand says what to do about findings that no step mends.
var byHand = map[check.Class]string{
	check.Altered:           "mend what changes the content, then put the row back as it was sent",
	check.Unexpected:        "nothing that was sent explains it: look where it comes from before it is removed",
	check.RefusedButPresent: "the sender was told that it was refused: agree with the sender, then remove or keep it",
	check.WronglyRejected:   "mend what rejects it, then send the row once more",
	check.Unconfirmed:       "no operation of the pipeline announces it again: tell those who wait for the confirmation",
	check.Misreported:       "correct by hand what the import says of the file",
	check.Duplicated:        "what was confirmed twice cannot be taken back: tell those who read the confirmations",
}

func (p *planner) leave(f check.Finding, text string) {
	p.plan.Left = append(p.plan.Left, Left{Class: f.Class, Key: f.Key, Version: f.Version, File: f.File, Text: text})
}

// lacks notes that a finding's file must come back.
func (p *planner) lacks(where map[int]map[check.Class]int, f check.Finding) {
	index, known := p.l.find(f)
	if !known {
		p.leave(f, "no file of the run is known to hold it")
		return
	}
	if where[index] == nil {
		where[index] = map[check.Class]int{}
	}
	where[index][f.Class]++
	if number, ok := p.l.w.Number(f.Key); ok {
		p.absent[op{int32(number), int32(f.Version)}] = true
	}
}

// state is the place that counts: the table, or the index where there is none.
func (l *ledger) state() map[int32][]stands {
	if l.expect.Rows {
		return l.rows
	}
	return l.documents
}

// behind reports whether the place that counts shows a record as it was before
// a version. Otherwise only the index does.
func (p *planner) behind(number int32, version int) bool {
	for _, s := range p.l.state()[number] {
		if s.version >= version {
			return false
		}
	}
	return !p.l.expect.Rows || len(present(p.l.rows[number])) > 0
}

// seen reports whether the index shows an operation at the end.
func (l *ledger) seen(o op) bool {
	for _, s := range l.documents[o.number] {
		if s.version >= int(o.version) && !s.deleted {
			return true
		}
	}
	return false
}

// deletedBy returns the version of the last acknowledged operation on a record
// with findings if that deletes it, and otherwise 0.
func (l *ledger) deletedBy(number int32) int32 {
	last := op{number: number}
	for version := int32(1); ; version++ {
		file, known := l.file[op{number, version}]
		if !known {
			break
		}
		if l.acked[file] {
			last.version = version
		}
	}
	if last.version > 0 && slices.ContainsFunc(l.w.Files[l.file[last]].Ops, func(o workload.Op) bool { return op{o.Number, o.Version} == last && o.Delete }) {
		return last.version
	}
	return 0
}

// resurrected sorts a record that came back. If it was deleted last, it goes by
// where it is at the end: beside its deletion, without it, or in the index only.
func (p *planner) resurrected(number int32, known bool, f check.Finding) {
	deletion := f
	deletion.Version = int(p.l.deletedBy(number))
	switch {
	case !known || deletion.Version == 0:
		p.plan.Passed[f.Class]++
	case p.besides(number, deletion):
		p.removes[f.Class]++
	case len(present(p.l.state()[number])) > 0: // its deletion had an effect, which was overwritten
		p.lacks(p.again, deletion)
	case len(present(p.l.documents[number])) > 0:
		p.syncs[f.Class]++
	default:
		p.plan.Passed[f.Class]++
	}
}

// duplicated sorts a record by where it stands twice at the end.
func (p *planner) duplicated(number int32, known bool, f check.Finding) {
	if !known {
		p.leave(f, byHand[check.Duplicated])
		return
	}
	twice := false
	if rows := present(p.l.rows[number]); len(rows) > 1 {
		p.removes[f.Class]++
		p.keepOne(number, f.Key)
		twice = true
	}
	if documents := present(p.l.documents[number]); len(documents) > 1 {
		p.syncs[f.Class]++
		p.plan.Remove = append(p.plan.Remove, keepOne(history.Documents, f.Key, documents))
		twice = true
	}
	for version := int32(1); ; version++ {
		o := op{number, version}
		if _, known := p.l.file[o]; !known {
			break
		}
		if p.l.confirmed[o] > 1 {
			p.leave(f, byHand[check.Duplicated])
			return
		}
	}
	if !twice {
		p.plan.Passed[f.Class]++
	}
}

// besides reports whether the table holds what is expected of a record, and
// something older beside it, which then is to be removed.
func (p *planner) besides(number int32, f check.Finding) bool {
	right, older := false, false
	for _, s := range p.l.rows[number] {
		right = right || s.version >= f.Version
		older = older || s.version < f.Version && !s.deleted
	}
	if right && older {
		p.keepOne(number, f.Key)
	}
	return right && older
}

// keepOne plans that of a record's rows only the newest stays, once. Where
// readers see another one the index has to follow.
func (p *planner) keepOne(number int32, key string) {
	if p.kept[number] {
		return
	}
	p.kept[number] = true
	all := slices.Clone(p.l.rows[number])
	top := 0
	for _, s := range all {
		top = max(top, s.version)
	}
	// Of what is older only what is there counts: marks of deletions hurt nobody.
	all = slices.DeleteFunc(all, func(s stands) bool { return s.deleted && s.version < top })
	d := keepOne(history.Rows, key, all)
	p.plan.Remove = append(p.plan.Remove, d)
	stays := slices.ContainsFunc(all, func(s stands) bool { return s.where == d.Keep && !s.deleted })
	shown := present(p.l.documents[number])
	if p.l.docsRead && (stays != (len(shown) > 0) || stays && shown[0].version != d.Version) {
		p.follows = true
	}
}

// keepOne chooses the highest version, the first of several, and of what is
// equal the one that is named first.
func keepOne(place, key string, all []stands) Duplicate {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b stands) int {
		return cmp.Or(cmp.Compare(b.version, a.version), cmp.Compare(a.where, b.where))
	})
	d := Duplicate{Place: place, Key: key, Version: sorted[0].version, Keep: sorted[0].where, Remove: []string{}}
	for _, s := range sorted[1:] {
		d.Remove = append(d.Remove, s.where)
	}
	return d
}

// resume has roles take what waits.
func (p *planner) resume() {
	for i, depth := range p.l.depths {
		n := depth.Ready + depth.Unacked
		role := p.means.Consumers[depth.Queue]
		step := Step{Do: Resume, Role: role, Queue: depth.Queue, Broker: depth.Broker, Messages: n, Mends: map[check.Class]int{}}
		if i == 0 { // messages do not tell which finding is whose
			step.Mends = p.resumes
		}
		who := "whoever consumes it"
		if role != "" {
			who = role
		}
		step.ByHand = role == ""
		step.Text = fmt.Sprintf("%s in queue %s and nobody takes them: have %s consume it, for example by a restart", inWords(n, "message waits", "messages wait"), depth.Queue, who)
		if depth.Broker != "" {
			step.Text = fmt.Sprintf("%s in queue %s on broker %s and nobody takes them: give %s that broker's address wherever its configuration has one, and start it again", inWords(n, "message waits", "messages wait"), depth.Queue, depth.Broker, who)
			if step.ByHand = step.ByHand || !p.has(moveOperation); !step.ByHand {
				step.Operation, step.Args = moveOperation, map[string]string{"role": role}
			}
		}
		p.plan.Steps = append(p.plan.Steps, step)
	}
	if len(p.takes) > 0 {
		who := p.means.Takes
		step := Step{Do: Resume, Role: who, ByHand: who == "", Mends: p.takes,
			Text: "Files still lie where they were dropped: have " + cmp.Or(who, "whoever takes them") + " look again, for example by a restart"}
		p.plan.Steps = append(p.plan.Steps, step)
	}
}

// inWords says how many there are of what one or many of it is called.
func inWords(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (p *planner) has(operation string) bool { return slices.Contains(p.means.Operations, operation) }

// bringBack plans what is to come once more. What had an effect that was
// overwritten is known to a pipeline that works on everything once: it has to
// come under other names, and whatever is newer after it. What never had an
// effect comes by the pipeline's own replay, if it has one.
func (p *planner) bringBack() {
	mends := map[check.Class]int{}
	// A replay announces again what was never kept downstream.
	for _, f := range p.unconfirmed {
		if p.has(replayOperation) {
			p.lacks(p.missing, f)
		} else {
			p.leave(f, byHand[check.Unconfirmed])
		}
	}
	// So does it what the import says of a file that never came to its end.
	p.misreported = slices.DeleteFunc(p.misreported, func(f check.Finding) bool {
		comes := p.l.saysNothing(f.File) && (p.has(replayOperation) || len(p.again) == 0)
		if comes {
			p.lacks(p.missing, f)
		}
		return comes
	})
	first := -1
	for _, files := range []map[int]map[check.Class]int{p.missing, p.again} {
		for index, classes := range files {
			for class, n := range classes {
				mends[class] += n
			}
			if first < 0 || p.l.w.Files[index].Seq < p.l.w.Files[first].Seq {
				first = index
			}
		}
	}
	if first < 0 {
		return
	}
	// What was lost and overtaken is missed by nobody, but its file never comes to its end.
	for _, file := range p.l.w.Files[:first] {
		if p.l.unfinished(file) {
			first = file.Index
			break
		}
	}
	from := p.l.w.Files[first]
	if len(p.again) == 0 && p.has(replayOperation) {
		p.files(func(file workload.File) bool { return p.l.acked[file.Index] && file.Seq >= from.Seq }, false)
		p.plan.Steps = append(p.plan.Steps, Step{Do: Replay, Operation: replayOperation, Args: map[string]string{"from": strconv.Itoa(from.Seq)}, Mends: mends,
			Text: fmt.Sprintf("Replay from file number %d (%s) on: %s, in the order in which they were written", from.Seq, from.Name, inWords(len(p.plan.Files), "file", "files"))})
		p.window()
		return
	}
	chosen := p.closure()
	p.files(func(file workload.File) bool { return chosen[file.Index] }, len(p.again) > 0)
	text := fmt.Sprintf("Drop %s once more, each only when the one before it was taken", inWords(len(p.plan.Files), "file", "files"))
	if len(p.again) > 0 {
		text = fmt.Sprintf("Drop %s once more under the names given, each only when the one before it was taken: an older version overwrote a newer one, and a file that the pipeline knows would change nothing", inWords(len(p.plan.Files), "file", "files"))
	}
	p.plan.Steps = append(p.plan.Steps, Step{Do: Drop, Mends: mends, Text: text})
	p.window()
}

// closure returns the files that must come, and those after them that hold newer
// versions of the same records, unless the pipeline keeps these anyway.
func (p *planner) closure() map[int]bool {
	chosen, touched := map[int]bool{}, map[int32]bool{}
	for _, file := range p.l.w.Files {
		take := p.missing[file.Index] != nil || p.again[file.Index] != nil || len(p.again) == 0 && p.l.unfinished(file)
		if !take && p.plan.Guarded.Answer != Yes && p.l.acked[file.Index] {
			take = slices.ContainsFunc(file.Ops, func(o workload.Op) bool { return touched[o.Number] })
		}
		if !take {
			continue
		}
		chosen[file.Index] = true
		for _, o := range file.Ops {
			touched[o.Number] = true
		}
	}
	return chosen
}

// files lists what comes, in the order in which it was written.
func (p *planner) files(take func(workload.File) bool, renamed bool) {
	last := map[int32]string{}
	for _, file := range p.l.w.Files {
		if !take(file) {
			continue
		}
		f := File{File: file.Name, As: file.Name, Input: p.l.kept(file.Index), Index: file.Index, Seq: file.Seq, Operations: len(file.Ops)}
		if renamed {
			f.As = againName(file.Name)
		}
		nearest := ""
		for _, o := range file.Ops {
			switch {
			case p.absent[op{o.Number, o.Version}]:
				f.Missing++
			case o.Accept != workload.Rejectable && p.l.arrived(o):
				f.Arrived++
			}
			if before := last[o.Number]; before != "" && before != file.Name && before > nearest {
				nearest, f.Key = before, p.l.w.Key(int(o.Number))
			}
		}
		f.After = nearest
		for _, o := range file.Ops {
			last[o.Number] = file.Name
		}
		p.plan.Arrived += f.Arrived
		p.plan.Files = append(p.plan.Files, f)
	}
}

// againName is another name of the same number: what is sorted by it keeps its place.
func againName(name string) string {
	return strings.TrimSuffix(name, path.Ext(name)) + "-again" + path.Ext(name)
}

// window tells the files by time.
func (p *planner) window() {
	var from, to int64
	for _, file := range p.plan.Files {
		if begun := p.l.begun[file.Index]; begun > 0 && (from == 0 || begun < from) {
			from = begun
		}
		to = max(to, p.l.ended[file.Index])
	}
	if from > 0 && p.l.clock(from) != "" {
		p.plan.Window = &Window{From: p.l.clock(from), To: p.l.clock(to)}
	}
}

// status sorts what the import says of files: what comes back by a replay is
// said anew, what has come right by the end needs nothing.
func (p *planner) status() {
	comes := map[string]bool{}
	for _, step := range p.plan.Steps {
		if step.Do == Replay {
			for _, file := range p.plan.Files {
				comes[file.File] = true
			}
		}
	}
	for _, f := range p.misreported {
		switch {
		case comes[f.File]:
			p.plan.Steps[len(p.plan.Steps)-1].Mends[f.Class]++
		case p.l.saysRight(f.File):
			p.plan.Passed[f.Class]++
		default:
			p.leave(f, byHand[check.Misreported])
		}
	}
}

// saysRight reports whether the status of a file is right at the end: completed,
// and the counts are those of its rows.
func (l *ledger) saysRight(name string) bool {
	index, known := l.named[name]
	if !known || len(l.status[name]) == 0 {
		return false
	}
	rows := l.w.Files[index].Rows()
	return !slices.ContainsFunc(l.status[name], func(e history.StatusEntry) bool {
		sum := e.Applied + e.Superseded + e.Rejected
		return !e.Completed || e.Rows >= 0 && e.Rows != rows || e.Applied >= 0 && e.Superseded >= 0 && e.Rejected >= 0 && sum < rows
	})
}

// saysNothing reports whether nothing was said of a file at the end, or that it
// is not done, or done without its rows. What is said wrongly of a file that is done stays.
func (l *ledger) saysNothing(name string) bool {
	index, known := l.named[name]
	return known && l.expect.Status && !slices.ContainsFunc(l.status[name], func(e history.StatusEntry) bool {
		return e.Completed && (e.Rows != 0 || l.w.Files[index].Rows() == 0)
	})
}

// unfinished reports whether a file was acknowledged, and the import never says
// that it came to its end.
func (l *ledger) unfinished(file workload.File) bool {
	return l.acked[file.Index] && !file.Blank && l.saysNothing(file.Name)
}

// sync plans the index anew, last: so it shows what the steps before brought back.
func (p *planner) sync() {
	if len(p.syncs) == 0 && !p.follows {
		return
	}
	var why []string
	if len(p.syncs) > 0 {
		why = append(why, "the table is right and the index is not ("+counted(p.syncs)+")")
	}
	if p.follows {
		why = append(why, "it shows what was removed from the table")
	}
	step := Step{Do: Sync, Mends: p.syncs, ByHand: !p.has(syncOperation), Text: "Build the index anew from the database: " + strings.Join(why, ", and ")}
	if !step.ByHand {
		step.Operation = syncOperation
	}
	p.plan.Steps = append(p.plan.Steps, step)
}

// counted lists counts of findings in the order of their classes.
func counted(counts map[check.Class]int) string {
	var parts []string
	for _, class := range check.Classes {
		if n := counts[class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(class), "-", " ")))
		}
	}
	return strings.Join(parts, ", ")
}

// leaves puts what is left in the order of findings.
func (p *planner) leaves() {
	slices.SortStableFunc(p.plan.Left, func(a, b Left) int {
		return cmp.Compare(slices.Index(check.Classes, a.Class), slices.Index(check.Classes, b.Class))
	})
}

func (p *planner) notes() {
	note := func(format string, args ...any) { p.plan.Notes = append(p.plan.Notes, fmt.Sprintf(format, args...)) }
	if p.result.Verdict == check.Unknown || p.result.Verdict == check.Infra {
		note("The run proved nothing either way: the plan covers what was found only.")
	}
	for i, step := range p.plan.Steps {
		if step.Do == Drop || step.Do == Replay {
			note("Before step %d: mend what made the records go astray, and let no new files in until it is done.", i+1)
		}
		if step.Do == Remove {
			note("The SQL of step %d goes by where rows stood at the end of the run: nobody may write to the table in between.", i+1)
		}
	}
	if p.plan.Doubles.Answer == Yes {
		note("Up to %d operations will be doubled: mend that first, or remove them once they are there.", p.plan.Arrived)
	}
	unkept := 0
	for _, file := range p.plan.Files {
		if file.Input == "" {
			unkept++
		}
	}
	if unkept > 0 {
		note("%s below input/: take them from the sender, or from the pipeline's archive.", isOrAre(unkept, len(p.plan.Files)))
	}
}

func isOrAre(n, of int) string {
	if n == 1 {
		return fmt.Sprintf("1 of %d files is not kept", of)
	}
	return fmt.Sprintf("%d of %d files are not kept", n, of)
}
