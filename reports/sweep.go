package reports

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"

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

	// Clean is the run of which the classes come. If it is not valid, nothing was
	// broken.
	Clean    MatrixRun      `json:"clean"`
	Planned  int            `json:"planned"`
	Findings []SweepTrial   `json:"findings"` // what failed or proved nothing
	Class    []SweepClass   `json:"class"`    // in the order of a record's way
	Actions  []SweepActions `json:"actions"`  // by action
	Results  []SweepTrial   `json:"results"`  // every trial, in the order made

	Shard    string  `json:"shard,omitempty"`
	Parallel int     `json:"parallel"` // stacks at once; of the last sitting
	Started  string  `json:"started"`  // RFC 3339
	Seconds  float64 `json:"seconds"`  // of work, over all sittings

	// TrialsPerMinute is the rate at which trials are made: how many there are, by
	// the sum of the seconds of each by the stacks at once of its sitting. The clean
	// run and the starting of stacks are not in it, trials on which the harness
	// failed are not either. ServiceTrialsPerMinute is the same for trials that
	// kill a service, which are in no other figure. 0: there are none.
	TrialsPerMinute        float64 `json:"trials_per_minute"`
	ServiceTrialsPerMinute float64 `json:"service_trials_per_minute"`

	Exit int `json:"exit"`
}

// killService is the action that strikes a service, and all roles with it.
const killService = "kill-service"

// SweepClass is a class of boundaries: who, what, on what.
type SweepClass struct {
	Service string `json:"service"`
	Role    string `json:"role"`
	Kind    string `json:"kind"`
	Target  string `json:"target"`
	Count   int    `json:"count"` // in the clean run
	// Positions are where it was crossed (first, middle, last), if no record tells
	// its boundaries apart.
	Positions []string `json:"positions,omitempty"`
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
	Class    int                 `json:"class"` // index in the list of classes, from 0
	Position string              `json:"position"`
	Action   string              `json:"action"`
	Held     string              `json:"held,omitempty"` // where it was held and what bit, in words
	Counts   map[check.Class]int `json:"counts,omitempty"`
	Parallel int                 `json:"parallel"` // stacks at once when it was made
	MatrixRun
}

// Begin takes the result of the clean run.
func (s *Sweep) Begin(clean Run) { s.Clean = matrixRun(clean) }

// Add takes the result of one trial.
func (s *Sweep) Add(t SweepTrial, run Run) SweepTrial {
	t.MatrixRun, t.Parallel = matrixRun(run), s.Parallel
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

// Settle counts, and derives the exit code: the worst of all runs, and 6 where
// trials are missing.
func (s *Sweep) Settle() {
	s.Trials, s.Survived, s.Failed, s.Unknown, s.Coverage, s.Findings = len(s.Results), 0, 0, 0, 0, nil
	s.Exit = Worst(s.Clean.Exit)
	s.TrialsPerMinute, s.ServiceTrialsPerMinute = s.rate(false), s.rate(true)
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
	if s.Trials < s.Planned || s.Trials == 0 {
		s.Exit = Worst(s.Exit, ExitUnknown)
	}
}

// rate returns the trials per minute, of those that kill a service or of all others.
func (s *Sweep) rate(services bool) float64 {
	trials, seconds := 0, 0.0 // that go by
	for _, t := range s.Results {
		if (t.Action == killService) == services && t.Verdict != check.Infra {
			trials++
			seconds += t.Seconds / float64(max(t.Parallel, 1))
		}
	}
	if seconds == 0 {
		return 0
	}
	return 60 * float64(trials) / seconds
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
	path := filepath.Join(dir, SweepFile)
	var s Sweep
	if err := readJSON(path, &s); err != nil {
		return Sweep{}, fmt.Errorf("read sweep: %w", err)
	}
	if s.Pipeline == "" {
		return Sweep{}, fmt.Errorf("read sweep: %s names no pipeline: it is not a sweep's", path)
	}
	for _, t := range s.Results {
		if t.Class < 0 || t.Class >= len(s.Class) {
			return Sweep{}, fmt.Errorf("read sweep: %s: trial %q is of class %d, and there are %d", path, t.Name, t.Class, len(s.Class))
		}
	}
	return s, nil
}

// Print writes the sweep as people read it.
func (s Sweep) Print(w io.Writer) error {
	var out strings.Builder
	if s.Clean.Exit != ExitValid {
		fmt.Fprintf(&out, "Nothing was broken: the clean run is %s: %s (%s)\n", s.Clean.Verdict, sentence(s.Clean.Reason), printable(s.Clean.Folder))
		_, err := io.WriteString(w, out.String())
		return err
	}
	rows := [][]string{{"ROLE", "BOUNDARY", "ON", "CROSSED", "SURVIVED"}}
	for _, c := range s.Class {
		rows = append(rows, []string{c.Role, c.Kind, cmp.Or(c.Target, c.Service), fmt.Sprint(c.Count), fmt.Sprintf("%d of %d", c.Survived, c.Planned)})
	}
	out.WriteString(strings.Join(columns(rows), "\n") + "\n\n")
	for _, a := range s.Actions {
		fmt.Fprintf(&out, "%s: %d of %d survived\n", printable(a.Action), a.Survived, a.Planned)
	}
	for _, t := range s.Findings {
		fmt.Fprintf(&out, "%s: %s: %s (%s)\n", printable(t.Name), t.Verdict, sentence(t.Reason), printable(cmp.Or(t.Folder, "no folder")))
	}
	if s.TrialsPerMinute > 0 {
		fmt.Fprintf(&out, "%.1f trials a minute, stacks at once: %d.\n", s.TrialsPerMinute, s.Parallel)
	}
	if s.ServiceTrialsPerMinute > 0 {
		fmt.Fprintf(&out, "%.1f a minute of those that kill a service.\n", s.ServiceTrialsPerMinute)
	}
	if left := s.Planned - s.Trials; left > 0 {
		fmt.Fprintf(&out, "%d of %d trials were not made; --resume makes them.\n", left, s.Planned)
	}
	fmt.Fprintf(&out, "Classes of boundaries: %d; %d of %d breaks survived: %d %% coverage.\n", s.Classes, s.Survived, s.Planned, 100*s.Survived/max(s.Planned, 1)) // 100 is all
	_, err := io.WriteString(w, out.String())
	return err
}
