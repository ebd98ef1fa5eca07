package gameday

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// The files that a scorecard is kept in, in the run's folder.
const (
	ScoreFile     = "scorecard.json"
	ScoreMarkdown = "scorecard.md"
)

// Score is what a game day came to. Machines rely on its names.
type Score struct {
	Scenario   string            `json:"scenario"`
	Pipeline   string            `json:"pipeline"`
	Seed       uint64            `json:"seed"`
	Folder     string            `json:"folder"`
	Started    string            `json:"started"`
	Roles      map[string]string `json:"roles"`
	Surprise   bool              `json:"surprise"`
	Faults     []ScoredFault     `json:"faults"`
	Verdict    check.Verdict     `json:"verdict"`
	Reason     string            `json:"reason"`
	Exit       int               `json:"exit"`
	Hypothesis string            `json:"hypothesis"`
	Held       string            `json:"held"`    // was it right: "yes", "no" or "not decided"
	Aborted    string            `json:"aborted"` // why; empty: it was not
	Seconds    Times             `json:"seconds"`
	Alert      ScoredAlert       `json:"alert"`
	Records    Records           `json:"records"`
	// FalseAlarms are marks of detection before anything was broken.
	FalseAlarms int      `json:"false_alarms"`
	Notes       []Said   `json:"notes"`
	FollowUps   []string `json:"follow_ups"`
}

// ScoredFault is what was broken.
type ScoredFault struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Bit    bool   `json:"bit"`
	Healed bool   `json:"healed"`
}

// Times are seconds from when the first fault was injected; null: it never came.
type Times struct {
	Detect      *float64 `json:"detect"`
	Acknowledge *float64 `json:"acknowledge"`
	Mitigate    *float64 `json:"mitigate"`
	Recover     *float64 `json:"recover"`   // every fault proved healed
	Reconcile   *float64 `json:"reconcile"` // every record in its place
	Undo        *float64 `json:"undo"`      // from the abort until everything was put back
}

// ScoredAlert is what the alert did.
type ScoredAlert struct {
	Watched string   `json:"watched"` // its condition; empty: none was
	Fired   bool     `json:"fired"`   // once something was broken
	Seconds *float64 `json:"seconds"` // from then
	Early   bool     `json:"early"`   // it fired while nothing was broken
}

// Records are operations that did not come out right.
type Records struct {
	Lost    int `json:"lost"`
	Doubled int `json:"doubled"`
	Late    int `json:"late"` // in the database and not visible, or still waiting, at the deadline
	Other   int `json:"other"`
}

// Said is a note.
type Said struct {
	Seconds float64 `json:"seconds"` // since the game day began
	By      string  `json:"by"`
	Text    string  `json:"text"`
}

// NewScore returns what a timeline and the judged run come to.
func NewScore(record Record, run reports.Run) Score {
	s := Score{
		Scenario: record.Header.Scenario, Pipeline: record.Header.Pipeline, Seed: run.Seed, Folder: run.Folder, Started: record.Header.Started,
		Roles: record.Header.Roles, Surprise: record.Header.Surprise, Faults: []ScoredFault{}, Verdict: run.Verdict, Reason: run.Reason, Exit: run.Exit,
		Hypothesis: record.Header.Hypothesis, Held: "not decided", Alert: ScoredAlert{Watched: record.Header.Alert}, Notes: []Said{}, FollowUps: []string{},
	}
	for _, f := range run.Faults {
		s.Faults = append(s.Faults, ScoredFault{f.Name, f.Target, f.Bit, f.Healed})
	}
	switch {
	case run.Verdict == check.Valid:
		s.Held = "yes"
	case run.Verdict == check.Invalid:
		s.Held = "no"
	}
	for class, n := range run.Counts {
		switch {
		case class == check.Lost:
			s.Records.Lost += n
		case class == check.Duplicated:
			s.Records.Doubled += n
		case class == check.Invisible || class == check.Stalled:
			s.Records.Late += n
		case slices.Contains(check.Classes, class):
			s.Records.Other += n
		}
	}
	s.read(record)
	s.suggest(run)
	return s
}

// read takes the times from the timeline.
func (s *Score) read(record Record) {
	broken := int64(-1)
	aborted := int64(-1)
	since := func(event Event) *float64 {
		seconds := time.Duration(event.When() - broken).Seconds()
		return &seconds
	}
	first := func(into **float64, event Event) {
		if broken >= 0 && *into == nil {
			*into = since(event)
		}
	}
	for _, event := range record.Events {
		switch event.Kind {
		case Broke:
			if broken < 0 && event.Status == "injecting" {
				broken = event.When()
			}
		case Marked:
			switch {
			case event.Name == Detected && broken < 0:
				s.FalseAlarms++
			case event.Name == Detected:
				first(&s.Seconds.Detect, event)
			case event.Name == Acknowledged:
				first(&s.Seconds.Acknowledge, event)
			case event.Name == Mitigated:
				first(&s.Seconds.Mitigate, event)
			}
		case Entered:
			switch State(event.Status) {
			case Recovered:
				first(&s.Seconds.Recover, event)
			case Reconciled:
				first(&s.Seconds.Reconcile, event)
			}
		case Alerted:
			if event.Status == Met && broken < 0 {
				s.Alert.Early = true
			} else if event.Status == Met && !s.Alert.Fired {
				s.Alert.Fired, s.Alert.Seconds = true, since(event)
			}
		case Aborted:
			s.Aborted, aborted = event.Text, event.At
		case Undone:
			if aborted >= 0 && s.Seconds.Undo == nil {
				seconds := time.Duration(event.At - aborted).Seconds()
				s.Seconds.Undo = &seconds
			}
		case Noted:
			s.Notes = append(s.Notes, Said{time.Duration(event.At).Seconds(), event.By, event.Text})
		case FollowUp:
			s.FollowUps = append(s.FollowUps, event.Text)
		}
	}
}

// suggest adds the follow-ups that follow from what was found.
func (s *Score) suggest(run reports.Run) {
	add := func(format string, args ...any) { s.FollowUps = append(s.FollowUps, fmt.Sprintf(format, args...)) }
	for _, class := range check.Classes {
		if n := run.Counts[class]; n > 0 {
			add("%d %s: the records are in %s", n, class, filepath.Join(run.Folder, reports.FindingsFile))
		}
	}
	if run.Verdict == check.Invalid {
		add("keep it from coming back: seatrial gameday --scenario-from %s NAME", run.Folder)
	}
	if !run.Undo.OK && run.Undo.Error != "" {
		add("not everything was put back: %s", run.Undo.Error)
	}
	if len(s.Faults) == 0 {
		return
	}
	if s.Alert.Watched == "" {
		add("no alert was watched: which one should have fired?")
	} else if !s.Alert.Fired {
		add("the alert did not fire: %s", s.Alert.Watched)
	}
	if s.Seconds.Detect == nil && s.Aborted == "" {
		add("nobody marked that it was detected")
	}
}

// Write keeps the scorecard in dir, for machines and for people.
func (s Score) Write(dir string) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encode scorecard: %w", err)
	}
	for name, content := range map[string][]byte{ScoreFile: append(raw, '\n'), ScoreMarkdown: []byte(s.Markdown())} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("write scorecard: %w", err)
		}
	}
	return nil
}

// Rows returns the scorecard as lines of two cells.
func (s Score) Rows() [][2]string {
	rows := [][2]string{{"verdict", string(s.Verdict) + ": " + s.Reason}}
	if s.Aborted != "" {
		rows = append(rows, [2]string{"aborted", s.Aborted}, [2]string{"put back after the abort", took(s.Seconds.Undo)})
	}
	broken := "nothing"
	if len(s.Faults) > 0 {
		var names []string
		for _, f := range s.Faults {
			names = append(names, f.Name+" on "+f.Target)
		}
		broken = strings.Join(names, ", ")
	}
	rows = append(rows, [2]string{"what broke", broken},
		[2]string{"hypothesis", s.Hypothesis}, [2]string{"was it right", s.Held},
		[2]string{"time to detect", took(s.Seconds.Detect)}, [2]string{"time to acknowledge", took(s.Seconds.Acknowledge)},
		[2]string{"time to mitigate", took(s.Seconds.Mitigate)}, [2]string{"time to recover", took(s.Seconds.Recover)},
		[2]string{"time to reconcile", took(s.Seconds.Reconcile)},
		[2]string{"records", fmt.Sprintf("%d lost, %d doubled, %d late, %d otherwise wrong", s.Records.Lost, s.Records.Doubled, s.Records.Late, s.Records.Other)},
		[2]string{"alert", s.Alert.String()})
	if s.FalseAlarms > 0 {
		rows = append(rows, [2]string{"false alarms", fmt.Sprintf("%d", s.FalseAlarms)})
	}
	for _, follow := range s.FollowUps {
		rows = append(rows, [2]string{"follow-up", follow})
	}
	return rows
}

func (a ScoredAlert) String() string {
	text := "did not fire"
	switch {
	case a.Watched == "":
		return "none was watched"
	case a.Fired:
		text = "fired after " + took(a.Seconds)
	}
	if a.Early {
		text += "; it fired while nothing was broken, too"
	}
	return text
}

func took(seconds *float64) string {
	if seconds == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f s", *seconds)
}

// Markdown returns the scorecard for people.
func (s Score) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# Game day: %s on %s\n\n%s, seed %d\n\n| | |\n| --- | --- |\n", reports.Prose(s.Scenario), reports.Prose(s.Pipeline), reports.Prose(s.Started), s.Seed)
	for _, row := range s.Rows() {
		if row[0] != "follow-up" {
			fmt.Fprintf(&out, "| %s | %s |\n", row[0], reports.Prose(row[1]))
		}
	}
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&out, "\n## %s\n\n- %s\n", title, strings.Join(lines, "\n- "))
		}
	}
	var people, notes, follow []string
	for _, role := range slices.Sorted(maps.Keys(s.Roles)) {
		people = append(people, reports.Prose(role+": "+s.Roles[role]))
	}
	for _, note := range s.Notes {
		line := reports.Prose(note.Text)
		if note.By != "" {
			line = reports.Prose(note.By) + ": " + line
		}
		notes = append(notes, fmt.Sprintf("%.1f s: %s", note.Seconds, line))
	}
	for _, each := range s.FollowUps {
		follow = append(follow, reports.Prose(each))
	}
	section("Who", people)
	section("Notes", notes)
	section("Follow-ups", follow)
	return out.String()
}
