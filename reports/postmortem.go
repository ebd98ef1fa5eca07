package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// What of report.md is the draft of a postmortem: the questions that are asked
// after an incident, answered as far as the run tells. The rest is for people.

// impact says what is wrong, and for whom.
func (p *page) impact(run Run, findings []check.Finding) {
	p.printf("## Impact\n\n")
	wrong := wrongClasses(run)
	if len(wrong) == 0 {
		switch run.Verdict {
		case check.Valid:
			p.printf("None: what was sent is where it belongs, once, and as it was sent.\n\n")
		default:
			p.printf("Not known: nothing was found, and nothing was proved.\n\n")
		}
		return
	}
	keys, files := named(findings)
	p.printf("- **%s**: %s.\n", notAsSent(run), prose(classCounts(wrong)))
	if len(findings) > 0 {
		p.printf("- %s in %s", counted(len(keys), "record"), counted(len(files), "file"))
		if names := slices.Sorted(maps.Keys(files)); len(names) > 0 {
			p.printf(": %s", prose(strings.Join(firstOf(names, 5), ", ")))
			if more := len(names) - 5; more > 0 {
				p.printf(" and %d more", more)
			}
		}
		p.printf(".\n")
	}
	for _, whom := range concerned {
		if n := sumOf(run.Counts, whom.classes); n > 0 {
			p.printf("- %s: %d.\n", whom.text, n)
		}
	}
	if l := run.Latency; l != nil && l.Operations > 0 {
		p.printf("- Readers saw half of what arrived within %s, 99 %% within %s, the last after %s.\n", seconds(l.P50), seconds(l.P99), seconds(l.Max))
	}
	p.printf("\n")
}

// concerned says who notices findings of which classes.
var concerned = []struct {
	text    string
	classes []check.Class
}{
	{"Readers miss it, or see something else than was sent", []check.Class{check.Lost, check.WronglyRejected, check.Altered, check.Stale, check.Undeleted, check.Resurrected, check.Invisible, check.Stalled, check.Unexpected, check.RefusedButPresent, check.OutOfOrder}},
	{"Stands twice somewhere", []check.Class{check.Duplicated}},
	{"Those who wait for a confirmation have none", []check.Class{check.Unconfirmed}},
	{"Files of which the import's own status says something wrong", []check.Class{check.Misreported}},
}

// notAsSent says how many of the operations are not as they should be.
func notAsSent(run Run) string {
	acked, wrong := run.Counts[check.Acknowledged], run.Counts[check.Acknowledged]-run.Counts[check.OK]
	if acked == 0 || wrong <= 0 {
		return "Something is not as it was sent"
	}
	return fmt.Sprintf("%d of %d operations (%s) are not as they should be", wrong, acked, percent(wrong, acked))
}

// percent never says none or all where it is not.
func percent(part, whole int) string {
	switch share := 100 * float64(part) / float64(whole); {
	case part > 0 && share < 0.1:
		return "less than 0.1 %"
	case part < whole && share > 99.9:
		return "more than 99.9 %"
	default:
		return fmt.Sprintf("%.1f %%", share)
	}
}

func wrongClasses(run Run) map[check.Class]int {
	wrong := map[check.Class]int{}
	for class, n := range run.Counts {
		if n > 0 && Wrong(class) {
			wrong[class] = n
		}
	}
	return wrong
}

func sumOf(counts map[check.Class]int, classes []check.Class) (sum int) {
	for _, class := range classes {
		sum += counts[class]
	}
	return sum
}

// happening is a line of the timeline.
type happening struct {
	at       int64 // nanoseconds since the history was opened
	what     string
	evidence string
}

// course is what happened, in order. Files are told as a whole: there may be thousands.
func (p *page) course(stored *history.Run) {
	if stored == nil {
		return
	}
	p.printf("## Timeline\n\nFrom %s on, in seconds.\n\n", prose(cmp.Or(stored.Header.Started, "an unknown time")))
	p.head(">at", "what", "evidence")
	for _, m := range happeningsOf(stored) {
		p.row(fmt.Sprintf("%.1f", float64(m.at)/1e9), prose(m.what), prose(shorten(m.evidence, 200)))
	}
	p.printf("\n")
	if stored.Problem != "" {
		p.printf("The history ends here: %s.\n\n", prose(stored.Problem))
	}
}

func happeningsOf(stored *history.Run) []happening {
	var happenings []happening
	add := func(event history.Event, what, evidence string) {
		happenings = append(happenings, happening{event.At, what, evidence})
	}
	sent, unsure := 0, 0
	var first, last history.Event
	for _, event := range stored.Events {
		ended := event.Phase != history.Invoke
		failed := event.Phase == history.Fail || event.Phase == history.Info
		switch event.Act {
		case history.Send:
			if first.Seq == 0 {
				first = event
			}
			if ended {
				if sent++; failed {
					unsure++
				}
				last = event
			}
		case history.Control:
			if ended {
				add(event, told(failed, "the control records passed", "the control records did not pass"), event.Error)
			}
		case history.Inject, history.Bite, history.Recover, history.Heal:
			if ended {
				add(event, faultMoment(event, failed), cmp.Or(event.Error, faultEvidence(event)))
			}
		case history.Stop, history.Start:
			if ended {
				add(event, string(event.Act)+" of "+event.Name+told(failed, "", " failed"), event.Error)
			}
		case history.Operate:
			var act history.RoleAct
			_ = event.Decode(&act) // without a payload there is no detail
			switch {
			case !ended:
				add(event, event.Name+" begins", "")
			default:
				add(event, event.Name+told(failed, " is done", " is not done"), cmp.Or(event.Error, act.Detail))
			}
		case history.Sentinel:
			if ended {
				add(event, told(failed, "everything is where it belongs", "not everything came to where it belongs"), event.Error)
			}
		case history.Quiet:
			if ended {
				add(event, told(failed, "quiet", "it never became quiet"), event.Error)
			}
		case history.Abort:
			if ended {
				add(event, "the run was aborted", event.Error)
			}
		}
	}
	if first.Seq > 0 {
		happenings = append(happenings, happening{first.At, "the first file is dropped: " + first.Name, ""})
	}
	if last.Seq > 0 {
		evidence := ""
		if unsure > 0 {
			evidence = fmt.Sprintf("%d of them without the server's OK", unsure)
		}
		happenings = append(happenings, happening{last.At, fmt.Sprintf("the last of %d drops is over: %s", sent, last.Name), evidence})
	}
	slices.SortStableFunc(happenings, func(a, b happening) int { return cmp.Compare(a.at, b.at) })
	return happenings
}

func told(failed bool, good, bad string) string {
	if failed {
		return bad
	}
	return good
}

func faultMoment(event history.Event, failed bool) string {
	var act history.FaultAct
	_ = event.Decode(&act) // the name stands in the event too
	name := cmp.Or(act.Name, event.Name)
	if act.Target != "" {
		name += " on " + act.Target
	}
	switch event.Act {
	case history.Inject:
		return told(failed, "fault "+name, "fault "+name+" could not be injected")
	case history.Bite:
		return told(failed, "it bites: "+name, "not proved to bite: "+name)
	case history.Recover:
		return told(failed, "taken back: "+name, "not taken back: "+name)
	}
	return told(failed, "healed: "+name, "not healed: "+name)
}

func faultEvidence(event history.Event) string {
	var act history.FaultAct
	if event.Act != history.Bite && event.Act != history.Heal || event.Decode(&act) != nil {
		return ""
	}
	return act.Evidence
}

// detection says what of the pipeline told that something was wrong, and what did not.
func (p *page) detection(run Run, result check.Result) {
	if len(wrongClasses(run)) == 0 {
		return
	}
	p.printf("## Detection\n\nFound by comparing, record by record, what was sent with what was there at the end. What the pipeline itself shows of it:\n\n")
	if judged(run, "the import's status") {
		if n := run.Counts[check.Misreported]; n > 0 {
			p.printf("- Its status is wrong about %s: whoever goes by it is told that nothing is wrong, or too early, or the wrong figures.\n", counted(n, "file"))
		} else {
			p.printf("- Its status says nothing that is wrong.\n")
		}
	}
	if n := run.Counts[check.Stalled]; n > 0 {
		p.printf("- %s: an alert on the age of what waits in queues, inbox or staging shows it.\n", counted(n, "operation")+" waited to the end")
	}
	if n := run.Fates[check.DeadLettered]; n > 0 {
		p.printf("- %s among the dead letters.\n", counted(n, "operation"))
	}
	silent := 0
	for _, finding := range result.Findings {
		if finding.Class == check.Lost || finding.Class == check.Duplicated || finding.Class == check.Altered {
			silent++
		}
	}
	if silent > 0 {
		p.printf("- Nothing shows %s by itself: only a reconciliation does, by counts or by keys.\n", counted(silent, "lost, doubled or altered operation"))
	}
	p.printf("- To be filled in: which alert fired, when, and who saw it.\n\n")
}

func judged(run Run, what string) bool { return !slices.Contains(run.NotJudged, what) }

// held lists what was proved to be as it should, and what was not.
func (p *page) held(run Run, findings []check.Finding) {
	wrong := wrongClasses(run)
	proved := run.Verdict == check.Valid || run.Verdict == check.Invalid
	p.printf("## What held\n\n")
	nothing := true
	say := func(format string, args ...any) {
		nothing = false
		p.printf("- "+format+"\n", args...)
	}
	if ok := run.Counts[check.OK]; ok > 0 {
		say("%d of %d acknowledged operations are as they should be everywhere.", ok, run.Counts[check.Acknowledged])
	}
	var none []string
	for _, class := range check.Classes {
		if proved && run.Counts[check.Attempted] > 0 && wrong[class] == 0 && judged(run, declaredBy[class]) && (run.Verdict == check.Valid || !class.ByAbsence() || absenceProved(run)) {
			none = append(none, words(class))
		}
	}
	if len(none) > 0 {
		say("Nothing is %s.", prose(strings.Join(none, ", ")))
	}
	for _, fault := range run.Faults {
		if fault.Bit && fault.Healed && len(wrong) == 0 && run.Verdict == check.Valid {
			say("%s on %s was survived, %s.", prose(fault.Name), prose(fault.Target), inFlight(fault))
		}
	}
	if nothing {
		p.printf("Nothing is proved to have held.\n")
	}
	p.printf("\n")
	if len(wrong) == 0 {
		return
	}
	p.printf("## What did not\n\n")
	for _, class := range classesIn(wrong) {
		p.printf("- **%d %s**: %s.", wrong[class], prose(words(class)), meanings[class])
		if at := slices.IndexFunc(findings, func(f check.Finding) bool { return f.Class == class }); at >= 0 {
			p.printf(" The first: %s", code(Where(findings[at])))
		}
		p.printf("\n")
	}
	p.printf("\n")
}

// declaredBy names what a pipeline must declare for a class to be judged at all.
var declaredBy = map[check.Class]string{
	check.Invisible: "documents", check.Stalled: "queues", check.Unconfirmed: "confirmations", check.Misreported: "the import's status",
	check.WronglyRejected: "dead letters",
}

// absenceProved reports whether everything that was broken is whole again, so
// that what is not missing is proved not to be.
func absenceProved(run Run) bool {
	for _, fault := range run.Faults {
		if !fault.Bit || !fault.Healed {
			return false
		}
	}
	for _, operation := range run.Operations {
		if !operation.Done {
			return false
		}
	}
	return !strings.Contains(run.Reason, "besides, ") && !strings.Contains(run.Reason, "proves nothing")
}

// followUps are what is left to be done, as a list to tick off.
func (p *page) followUps(run Run) {
	var list []string
	switch {
	case run.Repair != nil && run.Repaired == nil:
		for _, step := range run.Repair.Steps {
			list = append(list, "Repair: "+prose(step.Text)+".")
		}
		if n := len(run.Repair.Left); n > 0 {
			list = append(list, fmt.Sprintf("By hand: %s that no step mends.", counted(n, "finding")))
		}
	case run.Repaired != nil && run.Repaired.Verdict != check.Valid:
		list = append(list, "The repair did not mend everything: "+prose(sentence(run.Repaired.Reason)))
	}
	wrong := wrongClasses(run)
	for _, class := range classesIn(wrong) {
		if text := causes[class]; text != "" {
			list = append(list, fmt.Sprintf("%s (%d %s).", text, wrong[class], prose(words(class))))
		}
	}
	if len(wrong) > 0 {
		list = append(list, "Have something fire that would have told it: see Detection.", "Keep this run's scenario in CI until it is valid.")
	}
	for _, fault := range run.Faults {
		if !fault.Bit {
			list = append(list, fmt.Sprintf("Have %s on %s meet work: it is not proved to have bitten.", prose(fault.Name), prose(fault.Target)))
		} else if !fault.Healed {
			list = append(list, fmt.Sprintf("Find out why %s on %s was not healed.", prose(fault.Name), prose(fault.Target)))
		}
	}
	if !run.Undo.OK {
		list = append(list, "Remove what could not be put back: `seatrial clean`.")
	}
	if len(list) == 0 {
		return
	}
	p.printf("## Follow-ups\n\n")
	for _, item := range list {
		p.printf("- [ ] %s\n", item)
	}
	p.printf("\n")
}

// causes say what is to be found out where something of a class was found.
var causes = map[check.Class]string{
	check.Lost:              "Find the hop that let go of records before the next one had them: `seatrial trace` tells where each was last seen",
	check.WronglyRejected:   "Find out why acceptable rows are rejected",
	check.Duplicated:        "Find the hop that works twice on what comes twice, and give it a key to know it by",
	check.Altered:           "Find the hop that changes content",
	check.Unexpected:        "Find out where records come from that nobody sent, or why rows that must be rejected are applied",
	check.RefusedButPresent: "Find out why what was refused is in effect",
	check.Stale:             "Have versions decide, not the order of arrival",
	check.Undeleted:         "Find out where deletions get lost",
	check.Resurrected:       "Have a deletion outlive what comes late",
	check.OutOfOrder:        "Have versions decide, not the order of arrival",
	check.Invisible:         "Find out what keeps committed records from the index",
	check.Stalled:           "Find out what nobody takes any more, and why nobody was told",
	check.Unconfirmed:       "Find out where confirmations get lost",
	check.Misreported:       "Have the import say what readers see",
}
