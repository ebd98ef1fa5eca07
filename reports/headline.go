package reports

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// happened says of a class what became of so many changes, for somebody who
// has not read its definition.
var happened = map[check.Class][2]string{
	check.Lost:              {"is lost", "are lost"},
	check.WronglyRejected:   {"was wrongly rejected", "were wrongly rejected"},
	check.Duplicated:        {"is there twice", "are there twice"},
	check.Altered:           {"has other content than was sent", "have other content than was sent"},
	check.Unexpected:        {"is there that must not be", "are there that must not be"},
	check.RefusedButPresent: {"was refused and is there all the same", "were refused and are there all the same"},
	check.Stale:             {"still shows an older version", "still show an older version"},
	check.Undeleted:         {"was deleted and is still there", "were deleted and are still there"},
	check.Resurrected:       {"was deleted and came back", "were deleted and came back"},
	check.OutOfOrder:        {"fell back to an older version", "fell back to an older version"},
	check.Invisible:         {"is hidden from readers", "are hidden from readers"},
	check.Stalled:           {"is stuck on its way", "are stuck on their way"},
	check.Unconfirmed:       {"was never confirmed", "were never confirmed"},
	check.Misreported:       {"file is reported wrongly by the import itself", "files are reported wrongly by the import itself"},
}

// advice says of a class what to do about its records.
var advice = map[check.Class]string{
	check.Lost:              "Nothing of these is on its way any more: they have to be sent again.",
	check.WronglyRejected:   "Nothing is wrong with these rows: mend the cause, then send them again from the dead letters.",
	check.Duplicated:        "Replay nothing until the extra rows, documents or confirmations are removed; the evidence names them.",
	check.Altered:           "Compare what is stored with what was sent (input/), then send these again.",
	check.Unexpected:        "Find out who wrote these: nobody sent them, or they had to be rejected.",
	check.RefusedButPresent: "Tell the sender: these were refused, and are in effect all the same.",
	check.Stale:             "Send the newest version again; where only the index is behind, a sync is enough.",
	check.Undeleted:         "Send these deletions again.",
	check.Resurrected:       "Delete these again, and find out what brought them back.",
	check.OutOfOrder:        "Find out what applies versions in the wrong order before anything is sent again.",
	check.Invisible:         "The database has these and the index does not: a sync is enough, nothing has to be sent again.",
	check.Stalled:           "These still wait where they were last seen: get what works on them going again, and send nothing again.",
	check.Unconfirmed:       "These are in effect: only their confirmations are missing.",
	check.Misreported:       "Do not trust what the import says of these files: below is what became of each.",
}

// headline is the verdict in one sentence for somebody who was not there.
func headline(run Run) string {
	acknowledged := run.Counts[check.Acknowledged]
	switch run.Verdict {
	case check.Valid:
		return fmt.Sprintf("All %s acknowledged changes arrived once, unchanged and for readers to see%s.", grouped(acknowledged), circumstances(run, "although"))
	case check.Invalid:
		var parts []string
		for _, class := range check.Classes {
			n := run.Counts[class]
			if n == 0 {
				continue
			}
			forms := happened[class]
			form := forms[1]
			if n == 1 {
				form = forms[0]
			}
			parts = append(parts, grouped(n)+" "+form)
		}
		if len(parts) == 0 {
			return sentence(run.Reason)
		}
		return fmt.Sprintf("Of %s acknowledged changes, %s%s.", grouped(acknowledged), enumerated(parts), circumstances(run, "after"))
	case check.Infra:
		return "The trial itself failed; nothing follows for the import: " + sentence(cmp.Or(run.Reason, "no reason was given"))
	default:
		return "It is not known whether the import holds: " + sentence(cmp.Or(run.Reason, "no reason was given"))
	}
}

// circumstances names what was broken, and what people did with the pipeline,
// each once.
func circumstances(run Run, how string) string {
	var faults, deeds []string
	for _, fault := range run.Faults {
		faults = append(faults, fault.Name+" on "+fault.Target)
	}
	for _, operation := range run.Operations {
		deeds = append(deeds, operation.Name)
	}
	var text string
	switch {
	case len(faults) > 0 && len(deeds) > 0:
		text = fmt.Sprintf(", %s this was broken: %s; and this was done: %s", how, enumerated(once(faults)), enumerated(once(deeds)))
	case len(faults) > 0:
		text = fmt.Sprintf(", %s this was broken: %s", how, enumerated(once(faults)))
	case len(deeds) > 0:
		text = fmt.Sprintf(", %s this was done: %s", how, enumerated(once(deeds)))
	}
	return printable(text)
}

// once returns each name once, in the order in which they come, and how often
// it was there.
func once(names []string) []string {
	times, order := map[string]int{}, []string{}
	for _, name := range names {
		if times[name]++; times[name] == 1 {
			order = append(order, name)
		}
	}
	for i, name := range order {
		if n := times[name]; n > 1 {
			order[i] = fmt.Sprintf("%s (%d times)", name, n)
		}
	}
	return order
}

// enumerated joins parts as a sentence does.
func enumerated(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
