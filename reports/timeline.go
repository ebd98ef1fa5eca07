package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// A timeline is a run over time, derived from what is stored: the marks of the
// live observers, the acts, the import's status, and what crossed the wire.
// All times are seconds since the run began.
type timeline struct {
	ends   float64
	charts []chart
	steps  []stepTime
	drops  []float64 // when each file was acknowledged
	queues []history.QueueDepth
	// signs are the last events on the wire of affected records by key, and of
	// their files by name.
	signs map[string]sign
	wired bool // there was a wire to see signs on
	// problem says what of the run could not be read, in a sentence.
	problem string
}

// chart is a picture of quantities of one unit.
type chart struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Unit   string   `json:"unit"`
	At     values   `json:"at"`
	Series []series `json:"series"`
	// Steps: a quantity keeps its value until the next one is known. Otherwise
	// values stand for themselves.
	Steps bool `json:"steps"`
}

type series struct {
	Name   string `json:"name"`
	Values values `json:"values"`
}

// stepTime is when a step of the plan was under way. A moment that never came is -1.
type stepTime struct {
	Step             int
	Name, Target     string
	Operation        bool
	Begin, Bit, Over float64
}

// sign is an event on the wire that named a record or a file.
type sign struct {
	at   float64
	what string
}

// pointsShown is how many moments a chart has at most.
const pointsShown = 2000

// timelineOf derives the timeline of a stored run that was judged. It reads
// what crossed the wire and changes nothing.
func timelineOf(run *history.Run, result check.Result) timeline {
	t := timeline{problem: run.Problem, signs: map[string]sign{}}
	if n := len(run.Events); n > 0 {
		t.ends = inSeconds(run.Events[n-1].At)
	}
	w := wanted(result.Findings)
	published, err := t.wire(run, w)
	if err != nil {
		t.trouble(err)
	}
	marks, err := t.acts(run)
	if err != nil {
		t.trouble(err)
	}
	acked, err := acknowledgements(run)
	if err != nil {
		t.trouble(err)
	}
	for _, at := range acked {
		t.drops = append(t.drops, at.at)
	}
	t.drops = thin(t.drops, pointsShown)
	completed, err := t.status(run, acked)
	if err != nil {
		t.trouble(err)
	}
	dropped, whole := fileTimes(acked, result)
	t.chart("hops", "Records at each hop", "operations",
		slices.Concat([]track{marks["sent"].named("sent")}, published,
			[]track{marks["committed"].named("committed"), marks["visible"].named("visible"), marks["confirmed"].named("confirmed")})...)
	t.chart("waiting", "What waits", "operations or messages",
		marks["queued"].high("messages ready in queues"), marks["flight"].high("sent and not yet visible"))
	t.chart("files", "What the import says, and what is true", "files",
		dropped, marks["taken"].named("taken from the inbox"), completed, whole)
	t.charts = append(t.charts, latencyChart(acked, result.Latency)...)
	return t
}

func (t *timeline) trouble(err error) {
	if t.problem != "" {
		t.problem += "; "
	}
	t.problem += err.Error()
}

// chart adds a chart of the tracks that hold anything.
func (t *timeline) chart(id, title, unit string, tracks ...track) {
	tracks = slices.DeleteFunc(tracks, func(track track) bool { return len(track.at) == 0 })
	if len(tracks) == 0 {
		return
	}
	at := moments(tracks, pointsShown-1)
	if t.ends > at[len(at)-1] { // nothing changed any more
		at = append(at, t.ends)
	}
	c := chart{ID: id, Title: title, Unit: unit, At: at, Steps: true}
	for _, track := range tracks {
		c.Series = append(c.Series, series{Name: track.name, Values: track.on(at)})
	}
	t.charts = append(t.charts, c)
}

// acts takes the marks and the times of the plan's steps from a history.
func (t *timeline) acts(run *history.Run) (map[string]*track, error) {
	marks := map[string]*track{"sent": {}, "taken": {}, "queued": {}, "committed": {}, "visible": {}, "confirmed": {}, "flight": {}}
	begun := map[int]float64{} // of operations, by line
	for _, event := range run.Events {
		at := inSeconds(event.At)
		switch event.Act {
		case history.Progress:
			var m history.Marks
			if err := event.Decode(&m); err != nil {
				return marks, err
			}
			for name, value := range map[string]int{"sent": m.Sent, "taken": m.Taken, "queued": m.Queued, "committed": m.Committed, "visible": m.Visible, "confirmed": m.Confirmed} {
				if value >= 0 {
					marks[name].add(at, float64(value))
				}
			}
			if m.Sent >= 0 && m.Visible >= 0 {
				marks["flight"].add(at, float64(max(0, m.Sent-m.Visible)))
			}
		case history.Inject, history.Bite, history.Recover, history.Heal:
			var act history.FaultAct
			if err := event.Decode(&act); err != nil {
				return marks, err
			}
			t.step(act.Step, act.Name, act.Target, false).fault(event, at)
		case history.Operate:
			if event.Phase == history.Invoke {
				begun[event.Seq] = at
				continue
			}
			var act history.RoleAct
			if err := event.Decode(&act); err != nil {
				return marks, err
			}
			s := t.step(act.Step, event.Name, act.Role, true)
			s.Begin, s.Over = at, at
			if from, ok := begun[event.Of]; ok {
				s.Begin = from
			}
			s.Bit = s.Begin
		}
	}
	return marks, nil
}

// step returns the step with that number; those without one are each their own.
func (t *timeline) step(number int, name, target string, operation bool) *stepTime {
	for i := range t.steps {
		s := &t.steps[i]
		if s.Step == number && s.Name == name && s.Target == target && (number != 0 || s.Over < 0) {
			return s
		}
	}
	t.steps = append(t.steps, stepTime{Step: number, Name: name, Target: target, Operation: operation, Begin: -1, Bit: -1, Over: -1})
	return &t.steps[len(t.steps)-1]
}

func (s *stepTime) fault(event history.Event, at float64) {
	if s.Begin < 0 {
		s.Begin = at
	}
	if event.Phase != history.OK && event.Phase != history.Note {
		return
	}
	switch event.Act {
	case history.Bite:
		if s.Bit < 0 {
			s.Bit = at
		}
	case history.Heal:
		s.Over = at
	}
}

// status counts the files that the import called completed at each read, and
// takes the depths of the queues at the end. An import may have several entries
// for a file (after a replay): no more of them count than were dropped by that name.
func (t *timeline) status(run *history.Run, acked []ack) (completed track, err error) {
	dropped := map[string]int{}
	for _, file := range acked {
		dropped[file.name]++
	}
	reads, err := run.Reads("")
	if err != nil {
		return completed, err
	}
	completed.name = "completed, says the import"
	for _, read := range reads {
		switch {
		case !read.Whole:
		case read.Place == history.Queues && read.Final:
			t.queues = read.Queues
		case read.Place == history.Status:
			n, counted := 0, map[string]int{}
			for _, entry := range read.Status {
				if entry.Completed && counted[entry.File] < dropped[entry.File] {
					counted[entry.File]++
					n++
				}
			}
			completed.add(inSeconds(read.End), float64(n))
		}
	}
	return completed, nil
}

// wireEvent is what a timeline needs of an event on the wire; the whole of it
// is package boundary's Event.
type wireEvent struct {
	Time     time.Time `json:"time"`
	Service  string    `json:"service"`
	Role     string    `json:"role"`
	Kind     string    `json:"kind"`
	Target   string    `json:"target"`
	Count    int       `json:"count"`
	Records  []string  `json:"records"`
	Messages []string  `json:"messages"`
}

// publishersShown is how many roles get a line of their own.
const publishersShown = 4

// wire counts what each role published, and keeps the last sign of what is wanted.
func (t *timeline) wire(run *history.Run, wanted map[string]bool) ([]track, error) {
	started, err := time.Parse(time.RFC3339Nano, run.Header.Started)
	if err != nil {
		return nil, fmt.Errorf("read when the run began: %w", err)
	}
	var roles []string
	published := map[string]*track{}
	err = run.Crossed(func(raw json.RawMessage) error {
		t.wired = true
		if len(wanted) == 0 && !bytes.Contains(raw, []byte(`"published"`)) {
			return nil // there are millions in a long run, and decoding them is most of the work
		}
		var e wireEvent
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read what crossed the wire: %w", err)
		}
		at := inSeconds(int64(e.Time.Sub(started)))
		if e.Kind == "published" {
			if published[e.Role] == nil {
				published[e.Role] = &track{name: "published by " + printable(shorten(e.Role, cellShown))}
				roles = append(roles, e.Role)
			}
			published[e.Role].count(at, max(e.Count, 1))
		}
		for _, key := range e.Records {
			if wanted[key] {
				t.signs[key] = sign{at, e.what()}
			}
		}
		if e.Service == "sftp" {
			for _, file := range e.Messages {
				if file = path.Base(file); wanted[file] {
					t.signs[file] = sign{at, e.what()}
				}
			}
		}
		return nil
	})
	var tracks []track
	for _, role := range roles[:min(len(roles), publishersShown)] {
		tracks = append(tracks, *published[role])
	}
	return tracks, err
}

func (e wireEvent) what() string {
	what := e.Role + ": " + e.Kind + ", " + e.Service
	if e.Target != "" {
		what += " " + e.Target
	}
	return what
}

// wanted are the keys and the files that findings name.
func wanted(findings []check.Finding) map[string]bool {
	keys, files := named(findings)
	maps.Copy(keys, files)
	return keys
}

// ack is when a file was acknowledged.
type ack struct {
	name string
	at   float64
}

// acknowledgements returns the first one of each file, in the order of time.
func acknowledgements(run *history.Run) ([]ack, error) {
	var acks []ack
	known := map[int]bool{}
	for _, event := range run.Events {
		if event.Act != history.Send || event.Phase != history.OK {
			continue
		}
		var sent history.Sent
		if err := event.Decode(&sent); err != nil {
			return acks, err
		}
		if sent.File < 0 || known[sent.File] {
			continue
		}
		known[sent.File] = true
		acks = append(acks, ack{sent.Name, inSeconds(event.At)})
	}
	return acks, nil
}

// byName takes what is known of files one after the other: several can have one name.
type byName[T any] map[string][]T

func (b byName[T]) take(name string) (value T, ok bool) {
	list := b[name]
	if len(list) == 0 {
		return value, false
	}
	b[name] = list[1:]
	return list[0], true
}

func latencies(latency *check.Latency) byName[check.FileLatency] {
	of := byName[check.FileLatency]{}
	if latency != nil {
		for _, file := range latency.Files {
			of[file.File] = append(of[file.File], file)
		}
	}
	return of
}

// fileTimes counts the files that were dropped, and those of which everything was
// visible: from when on its slowest operation was, if nothing of it is missing.
func fileTimes(acked []ack, result check.Result) (dropped, whole track) {
	dropped.name, whole.name = "dropped", "wholly visible, in truth"
	latency := latencies(result.Latency)
	fates := byName[check.FileFates]{}
	for _, file := range result.Files {
		fates[file.File] = append(fates[file.File], file)
	}
	lacking := map[string]bool{}
	for _, finding := range result.Findings {
		switch finding.Class {
		case check.Lost, check.Stale, check.Undeleted, check.Invisible:
			lacking[finding.File] = true
		}
	}
	var since []float64
	for _, file := range acked {
		dropped.count(file.at, 1)
		took, measured := latency.take(file.name)
		fate, judged := fates.take(file.name)
		missing := fate.Fates[check.LostFate] + fate.Fates[check.StalledFate] + fate.Fates[check.Untold]
		if measured && judged && missing == 0 && !lacking[file.name] {
			since = append(since, file.at+took.Seconds)
		}
	}
	whole.counts(since)
	return dropped, whole
}

// latencyChart shows how long the operations of each file took, by when it was
// acknowledged.
func latencyChart(acked []ack, latency *check.Latency) []chart {
	of := latencies(latency)
	half, most, slowest := track{name: "half within"}, track{name: "95 % within"}, track{name: "slowest"}
	for _, file := range acked {
		if took, ok := of.take(file.name); ok {
			half.add(file.at, took.P50)
			most.add(file.at, took.P95)
			slowest.add(file.at, took.Seconds)
		}
	}
	if len(half.at) == 0 {
		return nil
	}
	// Of files that fall together the slower one is shown: what matters here is the worst.
	half.peaks, most.peaks, slowest.peaks = true, true, true
	at := moments([]track{half, most, slowest}, pointsShown)
	c := chart{ID: "latency", Title: "From acknowledged to visible for good, by when the file was acknowledged", Unit: "seconds", At: at}
	for _, track := range []track{half, most, slowest} {
		c.Series = append(c.Series, series{Name: track.name, Values: track.on(at)})
	}
	return []chart{c}
}

func inSeconds(ns int64) float64 { return math.Round(float64(ns)/1e6) / 1e3 }
