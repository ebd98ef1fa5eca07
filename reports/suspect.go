package reports

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/check"
)

// suspect is the step of the plan that most affected records point to, by
// what the wire shows of them. It says when, not why.
type suspect struct {
	step          int // index in timeline.steps
	records       int // that point to it
	of            int // with a sign on the wire
	afterItStruck bool
}

// suspected returns the step that more than half of the affected records point
// to. What is lost points to the step that struck next after its last sign;
// everything else, which still moved when it went wrong, to the last step that
// had begun before. False: nothing was seen on the wire, or they disagree.
func (t *timeline) suspected(findings []check.Finding) (suspect, bool) {
	type vote struct {
		step  int
		after bool
	}
	votes, voted := map[vote]int{}, map[string]bool{}
	for _, finding := range findings {
		last, ok := t.sign(finding)
		if !ok || finding.Key == "" || voted[finding.Key] {
			continue
		}
		voted[finding.Key] = true
		next, before := t.around(last.at)
		switch {
		case (finding.Class == check.Lost || finding.Class == check.Undeleted) && next >= 0:
			votes[vote{next, false}]++
		case before >= 0:
			votes[vote{before, true}]++
		}
	}
	best, most := vote{}, 0
	for i := range t.steps {
		for _, after := range []bool{false, true} {
			if n := votes[vote{i, after}]; n > most {
				best, most = vote{i, after}, n
			}
		}
	}
	return suspect{step: best.step, records: most, of: len(voted), afterItStruck: best.after}, 2*most > len(voted)
}

// around returns the step that struck next after a moment and the one that
// began last before it; -1: none.
func (t *timeline) around(at float64) (next, before int) {
	next, before = -1, -1
	for i, s := range t.steps {
		if s.Bit >= at && (next < 0 || s.Bit < t.steps[next].Bit) {
			next = i
		}
		if s.Begin >= 0 && s.Begin <= at && (before < 0 || s.Begin >= t.steps[before].Begin) {
			before = i
		}
	}
	return next, before
}

// sign returns where the record of a finding was last seen on the wire, or
// where it never was, its file.
func (t *timeline) sign(finding check.Finding) (sign, bool) {
	if last, ok := t.signs[finding.Key]; ok && finding.Key != "" {
		return last, true
	}
	last, ok := t.signs[finding.File]
	if ok && finding.Key != "" {
		last.what += " (its file)"
	}
	return last, ok && finding.File != ""
}

func (s suspect) String() string {
	if s.afterItStruck {
		return fmt.Sprintf("%d of %d affected records crossed the wire after this began, and after no later step.", s.records, s.of)
	}
	return fmt.Sprintf("%d of %d affected records were last seen on the wire before this struck, and not after it.", s.records, s.of)
}
