package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// result settles the verdict and counts.
func (j *judging) result() (Result, error) {
	c := j.c
	if err := j.statements(); err != nil {
		j.found.close()
		return Result{}, err
	}
	r := Result{SentFiles: len(c.files), SentRecords: c.sent.Len(), found: j.found}
	r.Counts = map[check.Class]int{check.Attempted: j.attempts, check.Acknowledged: j.attempts, check.OK: j.ok, check.Recovered: 0, check.Leftover: j.strange}
	for _, class := range check.Classes {
		r.Counts[class] = j.found.counts[class]
		r.Found += j.found.counts[class]
	}
	r.Findings, r.Fates, r.NotJudged, r.Faults = j.found.kept(), j.fates.byName(), j.notJudged(), []check.FaultResult{}
	for _, file := range c.files {
		r.Files = append(r.Files, check.FileFates{File: file.name, Sent: "read", Attempted: file.account.sum(), Fates: file.account.byName()})
	}
	r.SpilledBytes = c.sent.Bytes()
	for name, place := range c.places {
		r.SpilledBytes += place.sorter.Bytes()
		n := place.sorter.Len() + place.keyless
		switch name {
		case history.Rows:
			r.Rows = n
		case history.Documents:
			r.Documents = n
		case history.Confirmations:
			r.Confirmations = n
		}
	}
	j.verdict(&r)
	return r, nil
}

// verdict says what was proved, in one sentence.
func (j *judging) verdict(r *Result) {
	reasons := j.unproved()
	if j.attempts == 0 && len(reasons) == 0 {
		reasons = append(reasons, "no file has a record: there is nothing to compare")
	}
	if r.Counts[check.OK] != r.Counts[check.Acknowledged] && len(reasons) == 0 && r.Found == 0 {
		// Never a pass by oversight: whatever is not known to be right is not valid.
		reasons = append(reasons, fmt.Sprintf("what became of %d operations cannot be told", r.Counts[check.Acknowledged]-r.Counts[check.OK]))
	}
	var text string
	switch {
	case r.Found > 0:
		r.Verdict = check.Invalid
		var parts []string
		for _, class := range check.Classes {
			if n := r.Counts[class]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(class), "-", " ")))
			}
		}
		text = "Not what was sent: " + strings.Join(parts, ", ")
		if len(reasons) > 0 {
			text += "; besides, " + strings.Join(reasons, ", ")
		}
	case len(reasons) > 0:
		r.Verdict = check.Unknown
		text = "Not proved: " + strings.Join(reasons, ", ")
	default:
		r.Verdict = check.Valid
		text = fmt.Sprintf("Nothing was lost, doubled or changed: all %d operations sent have the right fate", j.attempts)
	}
	if j.suspects > 0 {
		text += fmt.Sprintf("; %s, which proves nothing while that is so", count(j.suspects, "record is not where it belongs", "records are not where they belong"))
	}
	if len(r.NotJudged) > 0 {
		text += "; not judged: " + strings.Join(r.NotJudged, ", ")
	}
	r.Reason = text + "."
}

// unproved lists what keeps absence from being proved.
func (j *judging) unproved() []string {
	c := j.c
	reasons := slices.Clone(c.unreadables)
	if more := c.unreadable - len(reasons); more > 0 {
		reasons = append(reasons, fmt.Sprintf("and %d more in the files could not be read", more))
	}
	for _, name := range []string{history.Rows, history.Documents, history.DeadLetters, history.Confirmations, history.Status} {
		if why := c.partial[name]; why != "" {
			reasons = append(reasons, "the place "+name+" "+why)
		}
	}
	return append(reasons, c.moving...)
}

// notJudged names what was not declared, or cannot be known from files.
func (j *judging) notJudged() []string {
	c := j.c
	list := []string{}
	for _, place := range []struct{ name, text string }{
		{history.Rows, "rows"}, {history.Documents, "documents"}, {history.Confirmations, "confirmations"}, {history.DeadLetters, "rejected rows"},
	} {
		if c.places[place.name] == nil {
			list = append(list, place.text)
		}
	}
	if c.in.Status == nil {
		list = append(list, "the import's status")
	}
	list = append(list, "messages under way")
	for _, place := range []string{history.Rows, history.Documents} {
		if r := c.places[place]; r != nil {
			var names []string
			for at, field := range workload.Fields {
				if c.in.Sent.Format.Holds(field.Name) && !slices.Contains(r.Fields, at) {
					names = append(names, c.in.Sent.Format.Shown(field.Name))
				}
			}
			if len(names) > 0 {
				list = append(list, "the content of "+some(names)+" in "+place)
			}
			if r.keyless > 0 {
				list = append(list, fmt.Sprintf("%s without a key in %s", count(r.keyless, "record", "records"), place))
			}
		}
	}
	if j.strange > 0 {
		list = append(list, fmt.Sprintf("%s under keys that no file has", count(j.strange, "record", "records")))
	}
	if len(c.others) > 0 {
		list = append(list, fmt.Sprintf("what else is in the folder (%s)", some(c.others)))
	}
	return list
}

// statements judges where the import's own status disagrees with what happened.
func (j *judging) statements() error {
	for _, file := range j.c.files {
		if file.unread || len(file.statedAs) == 0 || file.size == 0 {
			continue
		}
		if evidence := j.misreported(file); evidence != "" {
			clear(j.told)
			err := j.note(check.Finding{Class: check.Misreported, Version: -1, File: file.name, LastSeen: "the import's status", Evidence: evidence}, nil)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// misreported says what is wrong with what is said of a file; empty: nothing.
func (j *judging) misreported(file *sentFile) string {
	completed, state := false, ""
	for _, s := range file.statedAs {
		state = s.State
		if !s.Completed {
			continue
		}
		completed = true
		sum := s.Applied + s.Superseded + s.Rejected
		switch {
		case s.Rows >= 0 && s.Rows != file.rows:
			return fmt.Sprintf("it says completed with %d rows, the file has %d", s.Rows, file.rows)
		case s.Applied == 0 && s.Superseded <= 0 && file.account[applied] > 0:
			return fmt.Sprintf("it says completed with nothing imported, %s in effect", count(file.account[applied], "operation of the file is", "operations of the file are"))
		case s.Applied >= 0 && s.Superseded >= 0 && s.Rejected >= 0 && (sum < file.rows || sum > file.rows && !file.full):
			return fmt.Sprintf("it says completed with %d applied, %d superseded and %d rejected, which is %d together; the file has %d rows", s.Applied, s.Superseded, s.Rejected, sum, file.rows)
		}
	}
	switch {
	case completed && file.account[lost] > 0:
		return fmt.Sprintf("it says completed, and %s not in effect", count(file.account[lost], "operation is", "operations are"))
	case !completed && file.account[lost]+file.account[untold]+file.hurt == 0 && file.account.sum() > 0 && j.allSure():
		return fmt.Sprintf("everything of the file is where it belongs, and it says %q", state)
	}
	return ""
}

func (j *judging) allSure() bool { return len(j.unproved()) == 0 }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(n) + " " + many
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func isUsage(err error) bool { return errors.Is(err, ErrUsage) }
