package reports

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/seatrial/seatrial/harness/check"
)

// The files that a matrix leaves.
const (
	MatrixFile         = "matrix.json"
	MatrixMarkdownFile = "matrix.md"
)

// Matrix is the content of matrix.json: every defect against the scenario
// meant for it, the clean pipeline against every scenario, and defects that
// nothing triggers. Machines rely on its names; more may be added, none is
// taken away.
type Matrix struct {
	Defects []MatrixDefect `json:"defects"`
	Clean   []MatrixClean  `json:"clean"`
	Quiet   []MatrixQuiet  `json:"quiet"`  // without the trigger, defects show nothing
	Others  []MatrixDefect `json:"others"` // defects against scenarios not meant for them: for information

	Caught      int `json:"caught"`
	FalseAlarms int `json:"false_alarms"` // clean or quiet runs that were found invalid
	Unproved    int `json:"unproved"`     // clean or quiet runs without a verdict for them or against them

	Planned  int     `json:"planned"` // runs; more than are listed where the matrix was interrupted
	Shard    string  `json:"shard,omitempty"`
	Parallel int     `json:"parallel"` // stacks at once
	Started  string  `json:"started"`  // RFC 3339
	Seconds  float64 `json:"seconds"`  // in all
	Exit     int     `json:"exit"`
}

// MatrixDefect is one planted defect under one scenario.
type MatrixDefect struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Scenario string `json:"scenario"`
	// Expected is the class fixed beforehand. ExpectedAll has those that must
	// be found besides, where a defect shows in two ways.
	Expected    check.Class         `json:"expected"`
	ExpectedAll []check.Class       `json:"expected_all"`
	Found       []check.Class       `json:"found"`
	Counts      map[check.Class]int `json:"counts"` // of the classes found
	Caught      bool                `json:"caught"` // invalid, and every expected class found
	MatrixRun
}

// MatrixClean is one run of the clean pipeline.
type MatrixClean struct {
	Scenario string `json:"scenario"`
	MatrixRun
}

// MatrixQuiet is one run of several defects at once that nothing triggers.
type MatrixQuiet struct {
	Scenario string   `json:"scenario"`
	NoFault  bool     `json:"no_fault"` // the scenario's plan was left out
	Defects  []string `json:"defects"`
	Quiet    bool     `json:"quiet"` // nothing found, and nothing else kept it from being valid
	MatrixRun
}

// MatrixRun is what the entries have in common.
type MatrixRun struct {
	Seed    uint64        `json:"seed"`
	Verdict check.Verdict `json:"verdict"`
	Exit    int           `json:"exit"`
	Seconds float64       `json:"seconds"`
	Folder  string        `json:"folder"` // of the run, to look at
	Reason  string        `json:"reason"`
}

func matrixRun(run Run) MatrixRun {
	return MatrixRun{Seed: run.Seed, Verdict: cmp.Or(run.Verdict, check.Unknown), Exit: Exit([]Run{run}),
		Seconds: run.Seconds["total"], Folder: run.Folder, Reason: run.Reason}
}

// AddDefect adds a defect's run under the scenario meant for it or, with
// other, under another one.
func (m *Matrix) AddDefect(id int, name string, expected []check.Class, run Run, other bool) MatrixDefect {
	entry := MatrixDefect{ID: id, Name: name, Scenario: run.Scenario, ExpectedAll: expected, Found: []check.Class{}, Counts: map[check.Class]int{}, MatrixRun: matrixRun(run)}
	for _, class := range check.Classes {
		if n := run.Counts[class]; n > 0 {
			entry.Found, entry.Counts[class] = append(entry.Found, class), n
		}
	}
	entry.Caught = run.Verdict == check.Invalid && len(expected) > 0
	for _, class := range expected {
		entry.Caught = entry.Caught && run.Counts[class] > 0
	}
	if len(expected) > 0 {
		entry.Expected = expected[0]
	}
	if other {
		m.Others = append(m.Others, entry)
	} else {
		m.Defects = append(m.Defects, entry)
	}
	return entry
}

// AddClean adds a run of the clean pipeline.
func (m *Matrix) AddClean(run Run) MatrixClean {
	entry := MatrixClean{Scenario: run.Scenario, MatrixRun: matrixRun(run)}
	m.Clean = append(m.Clean, entry)
	return entry
}

// AddQuiet adds a run of defects that nothing triggered.
func (m *Matrix) AddQuiet(defects []string, run Run) MatrixQuiet {
	entry := MatrixQuiet{Scenario: run.Scenario, NoFault: run.NoFault, Defects: defects, Quiet: run.Quiet(), MatrixRun: matrixRun(run)}
	m.Quiet = append(m.Quiet, entry)
	return entry
}

// Quiet says whether a run found nothing and proved it: it is valid, or would
// be if its plan had not been left out on purpose.
func (r Run) Quiet() bool {
	if r.NoFault && r.Verdict == check.Unknown {
		return r.Undo.OK && check.OnlyPlanLeftOut(r.Reason) && r.Counts[check.OK] == r.Counts[check.Acknowledged]
	}
	return Exit([]Run{r}) == ExitValid
}

// Settle sorts the entries, counts, and derives the exit code: what was not
// caught and false alarms are 1, runs that proved nothing 6, and runs that
// broke off what they are.
func (m *Matrix) Settle() {
	byDefect := func(a, b MatrixDefect) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Scenario, b.Scenario))
	}
	slices.SortStableFunc(m.Defects, byDefect)
	slices.SortStableFunc(m.Others, byDefect)
	slices.SortStableFunc(m.Clean, func(a, b MatrixClean) int { return cmp.Compare(a.Scenario, b.Scenario) })
	slices.SortStableFunc(m.Quiet, func(a, b MatrixQuiet) int { return cmp.Compare(a.Scenario, b.Scenario) })
	m.Caught, m.FalseAlarms, m.Unproved, m.Exit = 0, 0, 0, ExitValid
	for _, d := range m.Defects {
		if d.Caught {
			m.Caught++
		}
		m.Exit = Worst(m.Exit, d.exit(d.Caught))
	}
	alarm := func(run MatrixRun, good bool) {
		switch {
		case good:
		case run.Verdict == check.Invalid:
			m.FalseAlarms++
		default:
			m.Unproved++
		}
	}
	for _, c := range m.Clean {
		alarm(c.MatrixRun, c.Verdict == check.Valid)
		m.Exit = Worst(m.Exit, c.Exit)
	}
	for _, q := range m.Quiet {
		alarm(q.MatrixRun, q.Quiet)
		if !q.Quiet {
			m.Exit = Worst(m.Exit, q.Exit, ExitUnknown)
		}
	}
	for _, d := range m.Others { // only what says nothing of defects counts
		if d.broken() {
			m.Exit = Worst(m.Exit, d.Exit)
		}
	}
	if m.ran() == 0 {
		m.Exit = Worst(m.Exit, ExitUnknown)
	}
}

// exit is what a defect's run adds to the exit code: that it is invalid is
// what it is for.
func (r MatrixRun) exit(caught bool) int {
	switch {
	case r.broken():
		return r.Exit
	case caught:
		return ExitValid
	}
	return ExitInvalid
}

// broken says that a run ended for reasons that have nothing to do with what it tries.
func (r MatrixRun) broken() bool {
	return r.Exit != ExitValid && r.Exit != ExitInvalid && r.Exit != ExitUnknown
}

func (m *Matrix) ran() int { return len(m.Defects) + len(m.Clean) + len(m.Quiet) + len(m.Others) }

// filled returns the matrix as machines get it: no list is nil.
func (m Matrix) filled() Matrix {
	m.Defects, m.Others = append([]MatrixDefect{}, m.Defects...), append([]MatrixDefect{}, m.Others...)
	m.Clean, m.Quiet = append([]MatrixClean{}, m.Clean...), append([]MatrixQuiet{}, m.Quiet...)
	return m
}

// JSON writes the matrix as machines get it.
func (m Matrix) JSON(w io.Writer) error { return writeJSON(w, m.filled()) }

// Write leaves matrix.json and matrix.md in dir.
func (m Matrix) Write(dir string) error {
	if err := replaceFile(filepath.Join(dir, MatrixMarkdownFile), m.Markdown); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, MatrixFile), m.JSON)
}

// ReadMatrix returns the matrix stored in the file at path.
func ReadMatrix(path string) (Matrix, error) {
	var m Matrix
	if err := readJSON(path, &m); err != nil {
		return m, fmt.Errorf("read matrix: %w", err)
	}
	return m, nil
}
