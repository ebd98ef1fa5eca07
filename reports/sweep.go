package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/seatrial/seatrial/harness/check"
)

// SweepFile is the file that a sweep leaves, rewritten after every trial.
const SweepFile = "sweep.json"

// Sweep is the content of sweep.json: every boundary that a pipeline crosses,
// broken. Machines rely on its names; more may be added, none is taken away.
type Sweep struct {
	Pipeline string `json:"pipeline"`
	Seed     uint64 `json:"seed"` // of the workload, the same in every trial

	Classes  int     `json:"classes"`
	Trials   int     `json:"trials"` // that were made
	Survived int     `json:"survived"`
	Failed   int     `json:"failed"`
	Unknown  int     `json:"unknown"`
	Coverage float64 `json:"coverage"` // survived, of all that are planned: 0 to 1

	Planned  int            `json:"planned"`
	Findings []SweepTrial   `json:"findings"` // what failed or proved nothing
	Class    []SweepClass   `json:"class"`    // in the order of a record's way
	Actions  []SweepActions `json:"actions"`  // by action
	Results  []SweepTrial   `json:"results"`  // every trial, in the order made

	Shard    string  `json:"shard,omitempty"`
	Parallel int     `json:"parallel"` // stacks at once
	Started  string  `json:"started"`  // RFC 3339
	Seconds  float64 `json:"seconds"`  // of work, over all sittings
	Exit     int     `json:"exit"`
}

// SweepClass is a class of boundaries: who, what, on what.
type SweepClass struct {
	Service string `json:"service"`
	Role    string `json:"role"`
	Kind    string `json:"kind"`
	Target  string `json:"target"`
	Count   int    `json:"count"` // in the clean run
	// Varies: the number depends on how the pipeline batches; the first and the
	// second are broken.
	Varies bool `json:"varies"`
	// Records are the numbers of the records seen there, in the order of their
	// first crossing.
	Records  []int `json:"records,omitempty"`
	Planned  int   `json:"planned"`
	Survived int   `json:"survived"`
}

// SweepActions is how the trials of one action came out. Kills of services are
// told apart from what strikes one role or connection.
type SweepActions struct {
	Action   string `json:"action"`
	Planned  int    `json:"planned"`
	Trials   int    `json:"trials"`
	Survived int    `json:"survived"`
}

// SweepTrial is one break and what came of it.
type SweepTrial struct {
	Name     string              `json:"name"`
	Class    int                 `json:"class"` // index in the list of classes
	Position string              `json:"position"`
	Action   string              `json:"action"`
	Held     string              `json:"held,omitempty"` // where it was held and what bit, in words
	Counts   map[check.Class]int `json:"counts,omitempty"`
	MatrixRun
}

// Add takes the result of one trial.
func (s *Sweep) Add(t SweepTrial, run Run) SweepTrial {
	t.MatrixRun = matrixRun(run)
	for _, f := range run.Faults {
		t.Held = f.Evidence
	}
	for _, class := range check.Classes {
		if n := run.Counts[class]; n > 0 {
			if t.Counts == nil {
				t.Counts = map[check.Class]int{}
			}
			t.Counts[class] = n
		}
	}
	s.Results = append(s.Results, t)
	return t
}

// Settle counts, and derives the exit code.
func (s *Sweep) Settle() {
	s.Trials, s.Survived, s.Failed, s.Unknown, s.Exit, s.Findings = len(s.Results), 0, 0, 0, ExitValid, nil
	for i := range s.Class {
		s.Class[i].Survived = 0
	}
	for i := range s.Actions {
		s.Actions[i].Trials, s.Actions[i].Survived = 0, 0
	}
	for _, t := range s.Results {
		survived := t.Exit == ExitValid
		switch {
		case survived:
			s.Survived++
			s.Class[t.Class].Survived++
		case t.Verdict == check.Invalid:
			s.Failed++
		default:
			s.Unknown++
		}
		for i := range s.Actions {
			if s.Actions[i].Action == t.Action {
				s.Actions[i].Trials++
				if survived {
					s.Actions[i].Survived++
				}
			}
		}
		if !survived {
			s.Findings = append(s.Findings, t)
		}
		s.Exit = Worst(s.Exit, t.Exit)
	}
	if s.Planned > 0 {
		s.Coverage = float64(s.Survived) / float64(s.Planned)
	}
	if s.Trials < s.Planned {
		s.Exit = Worst(s.Exit, ExitUnknown)
	}
}

// JSON writes the sweep as machines get it: no list is nil.
func (s Sweep) JSON(w io.Writer) error {
	s.Findings, s.Results = append([]SweepTrial{}, s.Findings...), append([]SweepTrial{}, s.Results...)
	s.Class, s.Actions = append([]SweepClass{}, s.Class...), append([]SweepActions{}, s.Actions...)
	return writeJSON(w, s)
}

// Write leaves sweep.json in dir.
func (s Sweep) Write(dir string) error { return replaceFile(filepath.Join(dir, SweepFile), s.JSON) }

// ReadSweep returns the sweep stored in dir.
func ReadSweep(dir string) (Sweep, error) {
	var s Sweep
	raw, err := os.ReadFile(filepath.Join(dir, SweepFile))
	if err != nil {
		return s, fmt.Errorf("read sweep: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read sweep: %s: %w", filepath.Join(dir, SweepFile), err)
	}
	return s, nil
}

// Print writes the sweep as people read it.
func (s Sweep) Print(w io.Writer) error {
	rows := [][]string{{"ROLE", "BOUNDARY", "ON", "CROSSED", "SURVIVED"}}
	for _, c := range s.Class {
		rows = append(rows, []string{c.Role, c.Kind, cmp.Or(c.Target, c.Service), fmt.Sprint(c.Count), fmt.Sprintf("%d of %d", c.Survived, c.Planned)})
	}
	widths := columnWidths(rows)
	for _, row := range rows {
		var line strings.Builder
		for column, cell := range row {
			line.WriteString(runewidth.FillRight(printable(cell), widths[column]) + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
	fmt.Fprintln(w)
	for _, a := range s.Actions {
		fmt.Fprintf(w, "%s: %d of %d survived\n", a.Action, a.Survived, a.Planned)
	}
	for _, t := range s.Findings {
		fmt.Fprintf(w, "%s: %s: %s (%s)\n", t.Name, t.Verdict, t.Reason, t.Folder)
	}
	_, err := fmt.Fprintf(w, "%d classes of boundaries; %d of %d breaks survived: %.0f %% coverage.\n", s.Classes, s.Survived, s.Planned, 100*s.Coverage)
	return err
}
