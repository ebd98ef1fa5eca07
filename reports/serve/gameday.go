package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

const (
	timelineBytes  = 16 << 20 // a timeline that is longer is none of ours
	scoreBytes     = 1 << 20
	happeningsKept = 300             // the last ones
	standingWithin = 2 * time.Second // a game day that does not answer keeps nobody waiting
	hidden         = "hidden until the debrief"
)

// dayTold is what the page of a game day is sent.
type dayTold struct {
	Run        row           `json:"run"`
	Problem    string        `json:"problem"` // why the timeline cannot be read to its end
	Aborted    string        `json:"aborted"` // why; empty: it was not
	Began      int64         `json:"began"`   // milliseconds since 1970
	Elapsed    float64       `json:"elapsed"` // seconds since then, while it goes on; else to its last event
	Hypothesis string        `json:"hypothesis"`
	Surprise   bool          `json:"surprise"`
	Roles      []named       `json:"roles"`
	Checks     []judged      `json:"checks"` // of the preflight
	Probes     []judged      `json:"probes"` // abort conditions, and what each last saw
	Alert      *judged       `json:"alert"`  // null: none is watched
	Marks      []marked      `json:"marks"`
	Broke      *float64      `json:"broke"`   // seconds from the beginning to the first fault; null: none, or hidden
	Seconds    gameday.Times `json:"seconds"` // from then
	Happened   []happening   `json:"happened"`
	Listens    bool          `json:"listens"` // its process takes what is said here
	Asked      string        `json:"asked"`   // the question that it asks; empty: none
	Score      *scoreTold    `json:"score"`   // null: there is none yet
	Commands   []instruction `json:"commands"`
}

type named struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

// judged is a check, or a condition and what it last saw.
type judged struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Text   string `json:"text"`
}

type marked struct {
	Name string  `json:"name"`
	By   string  `json:"by"`
	At   float64 `json:"at"`
}

// happening is a line of the scribe's timeline.
type happening struct {
	At   float64 `json:"at"`
	Kind string  `json:"kind"`
	What string  `json:"what"`
	By   string  `json:"by"`
}

type scoreTold struct {
	Rows      [][2]string `json:"rows"`
	Notes     []happening `json:"notes"`
	FollowUps []string    `json:"follow_ups"`
}

// readDay fills in where the game day of a run is, and whether it is to surprise.
func (x *index) readDay(e *entry) {
	if !e.day.there {
		return
	}
	// Of one that cannot be read to its end, what stands before that holds.
	record, _ := x.timeline(*e)
	e.Day = string(record.State)
	told := record.State == gameday.Debrief || record.State == gameday.Over
	begins := record.Header.Schema == 0 && !e.run.there // its first line is just being written
	e.Hidden = begins || record.Header.Surprise && !told
}

// hide takes out of what the list says of a run what would tell what breaks in it.
// Before its game day begins, only its name says that it will be one with a surprise.
func (x *index) hide(e *entry) {
	if !e.day.there && e.State == UnderWay {
		e.Hidden = e.tail.lines == 0 || strings.HasSuffix(e.tail.header.Scenario, gameday.SurpriseSuffix)
	}
	if !e.Hidden {
		return
	}
	e.Seed, e.Broken, e.History = "", hidden, false
	if e.State == UnderWay {
		e.Reason = text(e.tail.stage + "; what breaks is " + hidden)
	}
}

// timeline reads the timeline of a game day. One that breaks off is returned up to there.
func (x *index) timeline(e entry) (gameday.Record, error) {
	raw, err := x.bytes(e, gameday.FileName, timelineBytes)
	if err != nil {
		return gameday.Record{}, err
	}
	return gameday.Parse(raw)
}

// control returns how the game day of a run is talked to.
func (x *index) control(e entry) (gameday.Control, error) {
	file, _, err := x.open(e.path, gameday.ControlFile)
	if err != nil {
		return gameday.Control{}, fmt.Errorf("%w: %w", gameday.ErrUnattended, withoutPath(err))
	}
	defer file.Close()
	return gameday.ReadControl(file)
}

func (s *Server) day(w http.ResponseWriter, r *http.Request) {
	if e, ok := s.index.find(r.PathValue("id")); !ok || e.Day == "" {
		noDay(w)
		return
	}
	show(w, http.StatusOK, "gameday.html", nil)
}

func noDay(w http.ResponseWriter) {
	failed(w, http.StatusNotFound, "There is no such game day", "Nobody held one in this run, or its folder was removed since the page was loaded.")
}

func (s *Server) apiDay(w http.ResponseWriter, r *http.Request) {
	e, ok := s.index.find(r.PathValue("id"))
	if !ok || e.Day == "" {
		noDay(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.tellDay(r.Context(), e)); err != nil {
		return // whoever asked is gone
	}
}

func (s *Server) tellDay(ctx context.Context, e entry) dayTold {
	record, err := s.index.timeline(e)
	d := dayTold{Run: e.row, Hypothesis: text(record.Header.Hypothesis), Surprise: record.Header.Surprise, Commands: s.instructions(e),
		Roles: []named{}, Checks: []judged{}, Probes: []judged{}, Marks: []marked{}, Happened: []happening{}}
	if err != nil {
		d.Problem = text(withoutPath(err).Error())
	}
	for role, name := range record.Header.Roles {
		d.Roles = append(d.Roles, named{text(role), text(name)})
	}
	slices.SortFunc(d.Roles, func(a, b named) int { return strings.Compare(a.Role, b.Role) })
	for _, condition := range record.Header.AbortIf {
		d.Probes = append(d.Probes, judged{Name: text(condition)})
	}
	if record.Header.Alert != "" {
		d.Alert = &judged{Name: text(record.Header.Alert)}
	}
	d.read(record, e.Hidden)
	d.ask(ctx, s.index, e)
	if started, err := time.Parse(time.RFC3339Nano, record.Header.Started); err == nil {
		d.Began = started.UnixMilli()
		if d.Listens && record.State != gameday.Over {
			d.Elapsed = time.Since(started).Seconds()
		}
	}
	if record.State == gameday.Over {
		d.Score = s.index.score(e)
	}
	return d
}

// read takes what the timeline tells.
func (d *dayTold) read(record gameday.Record, hides bool) {
	if !hides {
		d.Seconds = gameday.NewScore(record, reports.Run{}).Seconds
	}
	events := slices.Clone(record.Events)
	slices.SortStableFunc(events, func(a, b gameday.Event) int { return cmp.Compare(a.When(), b.When()) })
	for _, event := range events {
		at := time.Duration(event.When()).Seconds()
		d.Elapsed = max(d.Elapsed, time.Duration(event.At).Seconds())
		switch event.Kind {
		case gameday.Checked:
			d.Checks = append(d.Checks, judged{text(event.Name), text(event.Status), text(event.Text)})
			continue
		case gameday.Probed:
			d.saw(event.Kind, event.Name, event.Status, event.Text)
		case gameday.Alerted:
			d.saw(event.Kind, event.Name, event.Status, event.Text)
		case gameday.Marked:
			d.Marks = append(d.Marks, marked{text(event.Name), text(event.By), at})
		case gameday.Aborted:
			d.Aborted = text(event.Text)
		case gameday.Broke:
			// What was hidden stands there once more, with its name, after the debrief.
			if hides || record.Header.Surprise && event.Name == "" {
				continue
			}
			if d.Broke == nil && event.Status == "injecting" {
				d.Broke = &at
			}
		}
		d.Happened = append(d.Happened, happening{at, text(string(event.Kind)), text(happened(event)), text(event.By)})
	}
	slices.Reverse(d.Happened)
	d.Happened = d.Happened[:min(len(d.Happened), happeningsKept)]
}

// saw keeps what a condition last saw.
func (d *dayTold) saw(kind gameday.Kind, name, status, seen string) {
	name = text(name)
	if kind == gameday.Alerted && d.Alert != nil {
		*d.Alert = judged{name, text(status), text(seen)}
		return
	}
	for i := range d.Probes {
		if d.Probes[i].Name == name {
			d.Probes[i] = judged{name, text(status), text(seen)}
		}
	}
}

// happened says an event in a line.
func happened(event gameday.Event) string {
	said := func(what string) string {
		if event.Text == "" {
			return what
		}
		return what + ": " + event.Text
	}
	switch event.Kind {
	case gameday.Entered:
		return event.Status
	case gameday.Probed:
		return said("abort if " + event.Name + ": " + event.Status)
	case gameday.Alerted:
		return said(event.Name + ": " + event.Status)
	case gameday.Broke, gameday.Did:
		return said(what(event.Name, event.Target) + ": " + event.Status)
	case gameday.Marked:
		return event.Name
	case gameday.Undone:
		if event.Text == "" {
			return "everything is put back"
		}
		return "NOT everything is put back: " + event.Text
	case gameday.Judged:
		return said(event.Status)
	}
	return event.Text
}

// ask asks the process that holds the game day what those at its desk see now.
func (d *dayTold) ask(ctx context.Context, x *index, e entry) {
	control, err := x.control(e)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, standingWithin)
	defer cancel()
	standing, err := control.Standing(ctx)
	if err != nil {
		return
	}
	d.Listens, d.Asked = true, text(standing.Asked)
	for _, probe := range standing.Probes {
		d.saw(probe.Kind, probe.Name, probe.Status, probe.Seen)
	}
}

// score reads the scorecard of a game day that is over; nil: there is none.
func (x *index) score(e entry) *scoreTold {
	raw, err := x.bytes(e, gameday.ScoreFile, scoreBytes)
	if err != nil {
		return nil
	}
	var score gameday.Score
	if err := json.Unmarshal(raw, &score); err != nil {
		return nil
	}
	told := &scoreTold{Rows: [][2]string{}, Notes: []happening{}, FollowUps: []string{}}
	for _, row := range score.Rows() {
		if row[0] != "follow-up" {
			told.Rows = append(told.Rows, [2]string{text(row[0]), text(row[1])})
		}
	}
	for _, note := range score.Notes {
		told.Notes = append(told.Notes, happening{note.Seconds, string(gameday.Noted), text(note.Text), text(note.By)})
	}
	for _, follow := range score.FollowUps {
		told.FollowUps = append(told.FollowUps, text(follow))
	}
	return told
}
