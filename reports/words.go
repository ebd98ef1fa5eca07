package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seatrial/seatrial/harness/check"
)

// meanings says in words what a class counts; the definitions are package check's.
var meanings = map[check.Class]string{
	check.Attempted:         "operations whose sending began",
	check.Acknowledged:      "operations that the server acknowledged",
	check.OK:                "acknowledged, and as they should be everywhere",
	check.Recovered:         "sent without a known outcome, and in effect",
	check.Leftover:          "of other runs, and such as were there before",
	check.Lost:              "acknowledged, and nowhere at the end",
	check.WronglyRejected:   "acceptable, and rejected all the same",
	check.Duplicated:        "two rows, documents or confirmations for one",
	check.Altered:           "right key and version, other content",
	check.Unexpected:        "never sent, or applied although it had to be rejected",
	check.RefusedButPresent: "refused when it was sent, and in effect",
	check.Stale:             "an older version than expected",
	check.Undeleted:         "its deletion was acknowledged, and it is still present",
	check.Resurrected:       "seen deleted, and present later",
	check.OutOfOrder:        "a later read shows a lower version",
	check.Invisible:         "in the database, and not in what readers search by the deadline",
	check.Stalled:           "still queued or where it was dropped at the deadline",
	check.Unconfirmed:       "in effect, and no confirmation downstream",
	check.Misreported:       "the import's own status disagrees with what happened",
}

// harmless are the classes that say how much there was, not what went wrong.
var harmless = []check.Class{check.Attempted, check.Acknowledged, check.OK, check.Recovered, check.Leftover}

// allClasses are all classes in the order in which they are shown.
var allClasses = slices.Concat(harmless, check.Classes)

// words returns a class or a fate as it is written for people.
func words[T ~string](name T) string { return strings.ReplaceAll(string(name), "-", " ") }

// classesIn returns the classes of counts that are not 0, in the
// order of allClasses, unknown ones at the end.
func classesIn(counts map[check.Class]int) []check.Class {
	var classes []check.Class
	for class, n := range counts {
		if n != 0 {
			classes = append(classes, class)
		}
	}
	slices.SortFunc(classes, byPlaceIn(allClasses))
	return classes
}

// byPlaceIn compares names by where they stand in order; unknown ones come
// after all others, by name.
func byPlaceIn[T ~string](order []T) func(a, b T) int {
	place := func(name T) int {
		if at := slices.Index(order, name); at >= 0 {
			return at
		}
		return len(order)
	}
	return func(a, b T) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a, b)) }
}

// countsLine returns the counts that matter in one line: what went wrong
// first, then how many were as expected.
func countsLine(counts map[check.Class]int) string {
	var parts []string
	for _, class := range classesIn(counts) {
		if Wrong(class) {
			parts = append(parts, fmt.Sprintf("%d %s", counts[class], words(class)))
		}
	}
	if counts[check.Recovered] > 0 {
		parts = append(parts, fmt.Sprintf("%d recovered", counts[check.Recovered]))
	}
	if len(parts) == 0 && counts[check.Attempted] == 0 {
		return "nothing sent"
	}
	return strings.Join(append(parts, fmt.Sprintf("%d of %d ok", counts[check.OK], counts[check.Acknowledged])), ", ")
}

// faultState returns how far a fault came.
func faultState(fault check.FaultResult) string {
	switch {
	case !fault.Bit && !fault.Healed:
		return "not proved to have bitten, not healed"
	case !fault.Bit:
		return "not proved to have bitten, healed"
	case !fault.Healed:
		return "bit, not healed"
	default:
		return "bit, healed"
	}
}

func inFlight(fault check.FaultResult) string {
	if fault.InFlight < 0 {
		return "in flight not counted"
	}
	return fmt.Sprintf("%d in flight", fault.InFlight)
}

func faultLine(fault check.FaultResult) string {
	line := fmt.Sprintf("%s on %s: %s, %s", fault.Name, fault.Target, faultState(fault), inFlight(fault))
	if fault.Evidence != "" {
		line += ": " + shorten(fault.Evidence, 200)
	}
	return line
}

// plannedFaults counts the steps of the plan that break something.
func plannedFaults(run Run) int {
	faults := 0
	for _, step := range run.Plan {
		if !step.Operation {
			faults++
		}
	}
	return faults
}

// faultsLine returns the state of all faults and operations in a few words, for a table.
func faultsLine(run Run) string {
	planned := max(plannedFaults(run), len(run.Faults))
	operations := max(len(run.Plan)-plannedFaults(run), len(run.Operations))
	switch {
	case planned+operations == 0:
		return "none"
	case run.NoFault:
		return "left out"
	}
	bit, healed := 0, 0
	for _, fault := range run.Faults {
		if fault.Bit {
			bit++
		}
		if fault.Healed {
			healed++
		}
	}
	line := fmt.Sprintf("%d of %d bit, %d healed", bit, planned, healed)
	if planned == 0 {
		line = "none"
	}
	if operations > 0 {
		done := 0
		for _, operation := range run.Operations {
			if operation.Done {
				done++
			}
		}
		line += fmt.Sprintf("; %d of %d operations done", done, operations)
	}
	return line
}

// operationState returns how far an operation came.
func operationState(operation check.OperationResult) string {
	state := "not done to its end"
	if operation.Done {
		state = "done"
	}
	if operation.Role != "" {
		state += ", in " + operation.Role
	}
	return state
}

func operationLine(operation check.OperationResult) string {
	line := operation.Name + ": " + operationState(operation)
	if operation.Evidence != "" {
		line += ": " + shorten(operation.Evidence, 200)
	}
	return line
}

func findingLine(finding check.Finding) string {
	what := "the whole file"
	if finding.Key != "" {
		what = fmt.Sprintf("%s version %d", finding.Key, finding.Version)
	}
	line := words(finding.Class) + ": " + what
	if finding.File != "" {
		line += fmt.Sprintf(", sent in %s", finding.File)
		if finding.Line > 0 {
			line += fmt.Sprintf(" line %d", finding.Line)
		}
	}
	if finding.LastSeen != "" {
		line += ", last seen: " + shorten(finding.LastSeen, 200)
	}
	if finding.Evidence != "" {
		line += " (" + shorten(finding.Evidence, 200) + ")"
	}
	return line
}

// Where says in one line of which record a finding is, and where it was last
// seen or, where it was seen once too often, what was seen.
func Where(finding check.Finding) string {
	what := fmt.Sprintf("%s version %d", finding.Key, finding.Version)
	if finding.Key == "" {
		what = "the whole of " + finding.File
	}
	seen := cmp.Or(finding.LastSeen, finding.Evidence)
	if !finding.Class.ByAbsence() {
		seen = cmp.Or(finding.Evidence, seen)
	}
	return printable(shorten(what+": "+seen, 200))
}

// named returns the keys and the files that findings name.
func named(findings []check.Finding) (keys, files map[string]bool) {
	keys, files = map[string]bool{}, map[string]bool{}
	for _, finding := range findings {
		if finding.Key != "" {
			keys[finding.Key] = true
		}
		if finding.File != "" {
			files[finding.File] = true
		}
	}
	return keys, files
}

// selectFindings returns at most limit findings, in their order, so that every
// class that was found is among them: 5,000 lost records do not hide the
// three that stand twice.
func selectFindings(findings []check.Finding, limit int) []check.Finding {
	if len(findings) <= limit {
		return findings
	}
	byClass := map[check.Class][]int{}
	var classes []check.Class
	for i, finding := range findings {
		if len(byClass[finding.Class]) == 0 {
			classes = append(classes, finding.Class)
		}
		if len(byClass[finding.Class]) < limit {
			byClass[finding.Class] = append(byClass[finding.Class], i)
		}
	}
	var chosen []int
	for turn := 0; len(chosen) < limit; turn++ {
		for _, class := range classes {
			if turn < len(byClass[class]) && len(chosen) < limit {
				chosen = append(chosen, byClass[class][turn])
			}
		}
	}
	slices.Sort(chosen)
	shown := make([]check.Finding, len(chosen))
	for i, at := range chosen {
		shown[i] = findings[at]
	}
	return shown
}
