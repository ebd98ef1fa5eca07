package reports

import (
	"slices"

	"github.com/seatrial/seatrial/harness/check"
)

// The exit codes of a run and of the command.
const (
	ExitValid       = 0
	ExitInvalid     = 1
	ExitUsage       = 2 // usage or a bad file, before anything starts
	ExitInfra       = 3 // the harness or the machine failed
	ExitAborted     = 4 // by a stop condition or a person
	ExitUndo        = 5 // something that was broken could not be put back
	ExitUnknown     = 6 // not proved either way
	ExitInterrupted = 130
)

// worstFirst is the order in which exit codes hide each other.
var worstFirst = []int{ExitInterrupted, ExitUndo, ExitInvalid, ExitAborted, ExitInfra, ExitUnknown, ExitValid}

// Exit returns the exit code for several runs: the worst of 130, 5, 1, 4, 3,
// 6, 0, in this order. A run whose verdict, undo or exit code disagree counts
// as the worst of them, and no runs at all prove nothing (6): there is no way
// to 0 but valid runs.
func Exit(runs []Run) int {
	if len(runs) == 0 {
		return ExitUnknown
	}
	exit := ExitValid
	for _, run := range runs {
		exit = Worst(exit, run.Exit, run.derivedExit())
	}
	return exit
}

// Worst returns the worst of exit codes; one that no run has counts as infra.
func Worst(codes ...int) int {
	worst := len(worstFirst) - 1
	for _, code := range codes {
		at := slices.Index(worstFirst, code)
		if at < 0 {
			at = slices.Index(worstFirst, ExitInfra)
		}
		worst = min(worst, at)
	}
	return worstFirst[worst]
}

// ExitOf returns the exit code that a verdict alone stands for.
func ExitOf(verdict check.Verdict) int {
	switch verdict {
	case check.Valid:
		return ExitValid
	case check.Invalid:
		return ExitInvalid
	case check.Infra:
		return ExitInfra
	default:
		return ExitUnknown
	}
}

func (r Run) derivedExit() int {
	exit := ExitOf(r.Verdict)
	if r.Exit == ExitAborted || r.Exit == ExitInterrupted {
		exit = Worst(exit, r.Exit)
	}
	if !r.Undo.OK {
		exit = Worst(exit, ExitUndo)
	}
	return exit
}
