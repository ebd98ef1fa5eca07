package check

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/history"
)

// status keeps what the import said of each file and when it first said
// "completed".
func (j *judge) status() {
	j.completed, j.unsaid = make([]int64, len(j.l.files)), make([]int64, len(j.l.files))
	j.statements, j.ambiguous = map[int][]history.StatusEntry{}, map[string]bool{}
	if !j.expect.Status {
		return
	}
	last, ok := j.final[history.Status]
	reads := j.live[history.Status]
	if ok {
		reads = append(reads[:len(reads):len(reads)], last)
	}
	for _, read := range reads {
		for _, entry := range read.Status {
			index, known := j.about(entry)
			if !known {
				continue
			}
			if entry.Completed && (j.completed[index] == 0 || read.End < j.completed[index]) {
				j.completed[index] = max(read.End, 1)
			}
			if ok && read.Seq == last.Seq {
				j.statements[index] = append(j.statements[index], entry)
			}
		}
		for index, said := range j.completed {
			if said == 0 && read.Whole {
				j.unsaid[index] = read.Begin
			}
		}
	}
}

// about returns the file that an entry of the status is about. Where several
// files have its name it is the one with as many rows; where that does not tell
// them apart, nothing is judged of what the status says of them.
func (j *judge) about(entry history.StatusEntry) (index int, known bool) {
	files := j.l.named[entry.File]
	if len(files) == 1 {
		return files[0], true
	}
	for _, file := range files {
		if j.l.w.Files[file].Rows() == entry.Rows {
			if known {
				known = false
				break
			}
			index, known = file, true
		}
	}
	if !known && len(files) > 0 {
		j.ambiguous[entry.File] = true
	}
	return index, known
}

// reported judges where the import's status disagrees with what happened. It
// judges only what is certain: files of which something is not known are left out.
func (j *judge) reported() {
	if !j.expect.Status {
		return
	}
	j.tooEarly()
	_, read := j.final[history.Status]
	for index := range j.l.files {
		f := &j.l.files[index]
		if j.ambiguous[f.name] || j.l.w.Files[index].Blank {
			continue // a file without a byte need not be known at all
		}
		entries := j.statements[index]
		for _, entry := range entries {
			if entry.Completed {
				j.counts(index, entry)
			}
		}
		if f.sent == acknowledged && read && j.whole(history.Status) {
			j.neverCompleted(index, entries)
		}
	}
}

// misreport adds a finding about a file: one per file, however much is wrong.
func (j *judge) misreport(index int, absence bool, evidence string) {
	if i, ok := j.misreported[index]; ok {
		if f := &j.findings[i]; !absence || f.absence { // what needs a healed system adds nothing to what stands without
			f.Evidence = join(f.Evidence, evidence)
		}
		return
	}
	j.misreported[index] = len(j.findings)
	j.findings = append(j.findings, Finding{
		Class: Misreported, Version: -1, File: j.l.files[index].name, LastSeen: "the import's status", Evidence: evidence,
		number: -1, absence: absence,
	})
}

// tooEarly finds files that were said to be completed before readers saw them.
func (j *judge) tooEarly() {
	type unseen struct {
		count int
		first string
	}
	files := map[int32]*unseen{}
	for number := range j.l.w.Records() {
		ops := j.l.of(number)
		for i := range ops {
			o := &ops[i]
			if o.seen&completedUnseen == 0 || o.fate == fateDeadLettered || o.fate == fateRejected {
				continue // what was rejected is completed without being seen
			}
			u := files[o.file]
			if u == nil {
				u = &unseen{first: fmt.Sprintf("%s version %d", j.l.w.Key(number), o.version)}
				files[o.file] = u
			}
			u.count++
		}
	}
	for index := range j.l.files {
		if u := files[int32(index)]; u != nil {
			j.misreport(index, false, fmt.Sprintf("it said completed while readers did not see all of it: %s, the first %s", count(u.count, "operation", "operations"), u.first))
		}
	}
}

// counts compares the numbers that a completed import gives of a file with
// the file. Deletions by absence may be counted as applied or not.
func (j *judge) counts(index int, entry history.StatusEntry) {
	planned := j.l.w.Files[index]
	rows := planned.Rows()
	implied := len(planned.Ops) - rows
	if entry.Rows >= 0 && entry.Rows != rows {
		j.misreport(index, false, fmt.Sprintf("it says completed with %d rows, the file has %d", entry.Rows, rows))
		return
	}
	if entry.Applied == 0 && entry.Superseded <= 0 {
		if there := j.there(index); there > 0 {
			j.misreport(index, false, fmt.Sprintf("it says completed with nothing imported, %s of the file there", count(there, "operation is", "operations are")))
			return
		}
	}
	if entry.Applied < 0 || entry.Superseded < 0 || entry.Rejected < 0 {
		return
	}
	sum := entry.Applied + entry.Superseded + entry.Rejected
	if sum != rows && sum != rows+implied {
		j.misreport(index, false, fmt.Sprintf("it says completed with %d applied, %d superseded and %d rejected, which is %d together; the file has %d rows", entry.Applied, entry.Superseded, entry.Rejected, sum, rows))
		return
	}
	least, most := 0, 0
	for i, op := range planned.Ops {
		if op.Accept == rejectable {
			least += planned.Weight(i)
		}
		if op.Accept != acceptable {
			most += planned.Weight(i)
		}
	}
	switch {
	case entry.Rejected < least:
		j.misreport(index, false, fmt.Sprintf("it says completed with %d rejected, the file has %d rows that had to be", entry.Rejected, least))
	case entry.Rejected > most && j.fates(index)[fateRejected]+j.fates(index)[fateDeadLettered] < entry.Rejected && j.wholeState():
		j.misreport(index, false, fmt.Sprintf("it says completed with %d rejected, only %d were", entry.Rejected, j.fates(index)[fateRejected]+j.fates(index)[fateDeadLettered]))
	}
}

// neverCompleted judges a file whose operations are all where they belong and
// of which the import does not say so, and a file said to be completed of
// which something is lost.
func (j *judge) neverCompleted(index int, entries []history.StatusEntry) {
	completed, state := false, "nothing"
	for _, entry := range entries {
		completed = completed || entry.Completed
		state = fmt.Sprintf("%q", entry.State)
	}
	fates := j.fates(index)
	switch {
	case completed && fates[fateLost] > 0:
		j.misreport(index, true, fmt.Sprintf("it says completed, and %s not in effect", count(fates[fateLost], "operation is", "operations are")))
	case !completed && fates[fateLost]+fates[fateStalled]+fates[fateUntold]+fates[fateAbsent] == 0 && j.allVisible(index):
		j.misreport(index, true, fmt.Sprintf("everything of the file is where it belongs, and it says %s", state))
	}
}

// fates counts the fates of a file's operations.
func (j *judge) fates(index int) [16]int {
	var counts [16]int
	for _, planned := range j.l.w.Files[index].Ops {
		if o := find(j.l.of(int(planned.Number)), int(planned.Version)); o != nil {
			counts[o.fate]++
		}
	}
	return counts
}

func (j *judge) allVisible(index int) bool {
	if j.index == nil {
		return true
	}
	if !j.index.whole {
		return false
	}
	for _, planned := range j.l.w.Files[index].Ops {
		ops := j.l.of(int(planned.Number))
		o := find(ops, int(planned.Version))
		if o != nil && o.accept == acceptable && (o.fate == fateApplied || o.fate == fateSuperseded) && j.inEffect(j.index, int(planned.Number), ops) < o.version {
			return false
		}
	}
	return true
}

// there counts the operations of a file that were seen to be in effect.
func (j *judge) there(index int) int {
	there := 0
	for _, planned := range j.l.w.Files[index].Ops {
		o := find(j.l.of(int(planned.Number)), int(planned.Version))
		if o != nil && !o.delete && o.fate == fateApplied && o.seen&(inRows|inDocuments) != 0 {
			there++
		}
	}
	return there
}

func (j *judge) wholeState() bool {
	return (j.table == nil || j.table.whole) && (j.index == nil || j.index.whole) && j.whole(history.DeadLetters)
}
