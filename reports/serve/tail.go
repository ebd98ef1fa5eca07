package serve

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

const (
	lineBytes   = 1 << 20 // nothing but a read of a place is longer, and it is not shown
	pointsKept  = 600     // moments of the chart; beyond, every second one goes
	actsKept    = 60
	stepsKept   = 200
	queuesKept  = 100
	queuesBytes = 256 // in which a line says what it is
)

// tail is a history that is read as it grows. Half a line at its end is left for later.
type tail struct {
	offset int64 // behind the last whole line
	lines  int

	header  history.Header
	planned int     // operations of the workload, about; 0: not known
	at      float64 // seconds from the beginning to the last line
	ended   bool
	problem string
	stage   string
	marks   history.Marks
	moments moments
	files   files
	steps   []step
	queues  []history.QueueDepth
	acts    []act
}

// files counts what was dropped.
type files struct {
	Sent    int `json:"sent"`
	Failed  int `json:"failed"`
	Unknown int `json:"unknown"`
}

// step is a step of the plan and how far it is.
type step struct {
	N         int     `json:"n"`
	What      string  `json:"what"`
	Operation bool    `json:"operation"`
	Trigger   string  `json:"trigger"`
	State     string  `json:"state"`
	Bit       bool    `json:"bit"`
	Failed    bool    `json:"failed"`
	Evidence  string  `json:"evidence"`
	Begin     float64 `json:"begin"` // -1: not yet
	Over      float64 `json:"over"`  // -1: not yet
}

// act is something that happened, in a line.
type act struct {
	At   float64 `json:"at"`
	Text string  `json:"text"`
}

// moments are the marks over time.
type moments struct {
	At     []float64 `json:"at"`
	Values [6][]mark `json:"values"` // as in markNames
	apart  float64   // seconds between two of them, at least
}

var markNames = []string{"sent", "taken", "queued", "committed", "visible", "confirmed"}

// marksOf returns the figures of marks, as in markNames.
func marksOf(m history.Marks) [6]mark {
	return [6]mark{mark(m.Sent), mark(m.Taken), mark(m.Queued), mark(m.Committed), mark(m.Visible), mark(m.Confirmed)}
}

// mark is a figure, or -1 where it is not known.
type mark int

// MarshalJSON writes null for what is not known.
func (m mark) MarshalJSON() ([]byte, error) {
	if m < 0 {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%d", int(m)), nil
}

func newTail() *tail {
	return &tail{stage: "prepare", marks: history.Marks{Sent: -1, Taken: -1, Queued: -1, Committed: -1, Visible: -1, Confirmed: -1}}
}

// read takes in what was written since the last time.
func (t *tail) read(file io.ReaderAt) error {
	lines := bufio.NewReaderSize(io.NewSectionReader(file, t.offset, math.MaxInt64-t.offset), lineBytes)
	for t.problem == "" && !t.ended {
		line, err := lines.ReadSlice('\n')
		length, long := int64(len(line)), errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = lines.ReadSlice('\n')
			length += int64(len(line))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		t.offset += length
		t.lines++
		switch {
		case !long:
			t.line(line)
		case t.lines == 1:
			t.problem = "its first line is too long"
		}
	}
	return nil
}

// line takes in a line. One that cannot be read ends the story.
func (t *tail) line(line []byte) {
	begin := line[:min(len(line), queuesBytes)]
	switch {
	case t.lines == 1:
		if err := json.Unmarshal(line, &t.header); err != nil {
			t.problem = "its first line cannot be read: " + err.Error()
			return
		}
		t.plan()
	case bytes.HasPrefix(line, []byte(`{"end":true`)):
		t.ended, t.stage = true, "over"
	case bytes.Contains(begin, []byte(`"act":"observe"`)):
		// Most of a history is reads; of these only how much waits is told.
		if bytes.Contains(begin, []byte(`"final":true`)) {
			t.stage = "observe"
		}
		if bytes.Contains(begin, []byte(`"name":"queues"`)) {
			t.event(line)
		}
	default:
		t.event(line)
	}
}

// plan takes what is to be sent and done from the header.
func (t *tail) plan() {
	var sent struct {
		Files    int `json:"files"`
		Rows     int `json:"records_per_file"`
		Control  int `json:"control"`
		Sentinel int `json:"sentinel"`
	}
	if json.Unmarshal(t.header.Workload, &sent) == nil && sent.Files > 0 && sent.Rows > 0 && sent.Files < math.MaxInt32 && sent.Rows < math.MaxInt32 {
		t.planned = sent.Files*sent.Rows + sent.Control + sent.Sentinel
	}
	for _, planned := range t.header.Plan[:min(len(t.header.Plan), stepsKept)] {
		s := step{N: planned.Step, What: what(planned.Name, planned.Target), Operation: planned.Operation, Trigger: text(planned.Trigger), State: "waits", Begin: -1, Over: -1}
		if t.header.NoFault {
			s.State = "left out on purpose"
		}
		t.steps = append(t.steps, s)
	}
}

func (t *tail) event(line []byte) {
	var event history.Event
	if err := json.Unmarshal(line, &event); err != nil {
		t.problem = fmt.Sprintf("line %d cannot be read: %v", t.lines, err)
		return
	}
	t.at = float64(event.At) / 1e9
	var err error
	switch event.Act {
	case history.Progress:
		if err = event.Decode(&t.marks); err == nil {
			t.moments.add(t.at, t.marks)
		}
	case history.Send:
		t.send(event)
	case history.Inject, history.Bite, history.Recover, history.Heal:
		var fault history.FaultAct
		if err = event.Decode(&fault); err == nil {
			t.fault(event, fault)
		}
	case history.Operate:
		var role history.RoleAct
		if err = event.Decode(&role); err == nil {
			t.operate(event, role)
		}
	case history.Observe:
		var seen history.Observation
		if event.Phase == history.OK && event.Decode(&seen) == nil {
			t.queues = seen.Queues[:min(len(seen.Queues), queuesKept)]
		}
	case history.Control, history.Sentinel, history.Quiet:
		t.reach(event)
	case history.Stop, history.Start, history.Abort:
		if event.Phase != history.Invoke {
			t.say(string(event.Act)+" "+event.Name, event)
		}
	}
	if err != nil {
		t.problem = err.Error()
	}
}

func (t *tail) send(event history.Event) {
	switch event.Phase {
	case history.OK:
		t.files.Sent++
		return
	case history.Fail:
		t.files.Failed++
	case history.Info:
		t.files.Unknown++
	default:
		return
	}
	t.say("send "+event.Name, event)
}

// stages after which the harness says nothing of the next one.
var next = map[history.Act]string{history.Control: "trial", history.Sentinel: "quiet", history.Quiet: "observe"}

func (t *tail) reach(event history.Event) {
	if event.Phase == history.Invoke {
		t.stage = string(event.Act)
		return
	}
	if event.Phase == history.OK {
		t.stage = next[event.Act]
	}
	t.say(string(event.Act), event)
}

// say keeps what came of an act.
func (t *tail) say(what string, event history.Event) {
	line := what + ": " + map[history.Phase]string{history.OK: "done", history.Fail: "failed", history.Info: "outcome not known", history.Note: "noted"}[event.Phase]
	if event.Error != "" {
		line += ": " + event.Error
	}
	t.tell(line)
}

func (t *tail) tell(line string) {
	t.acts = append(t.acts, act{t.at, text(line)})
	if len(t.acts) > actsKept {
		t.acts = slices.Delete(t.acts, 0, len(t.acts)-actsKept)
	}
}

// faultStates say how far a fault is while something is done and when it came out well.
var faultStates = map[history.Act][2]string{
	history.Inject:  {"being injected", "injected"},
	history.Bite:    {"injected, to be proved", "bites"},
	history.Recover: {"being taken back", "taken back"},
	history.Heal:    {"taken back, to be proved", "healed"},
}

var faultFailed = map[history.Act]string{
	history.Inject: "not injected", history.Bite: "did not bite", history.Recover: "not taken back", history.Heal: "not healed",
}

func (t *tail) fault(event history.Event, fault history.FaultAct) {
	s := t.step(fault.Step, what(fault.Name, fault.Target), false)
	if s == nil {
		return
	}
	if s.Begin < 0 {
		s.Begin = t.at
	}
	states := faultStates[event.Act]
	switch event.Phase {
	case history.Invoke:
		s.State = states[0]
		return
	case history.OK, history.Note:
		s.State = states[1]
		s.Bit = s.Bit || event.Act == history.Bite
		if event.Act == history.Heal {
			s.Over = t.at
		}
	default:
		s.State, s.Failed = faultFailed[event.Act], true
	}
	if fault.Evidence != "" {
		s.Evidence = text(fault.Evidence)
	}
	line := s.What + ": " + s.State
	if event.Error != "" {
		line += ": " + event.Error
	} else if fault.Evidence != "" && (event.Act == history.Bite || event.Act == history.Heal) {
		line += " (" + fault.Evidence + ")"
	}
	t.tell(line)
}

func (t *tail) operate(event history.Event, role history.RoleAct) {
	s := t.step(role.Step, what(event.Name, ""), true)
	if s == nil {
		return
	}
	if event.Phase == history.Invoke {
		s.State, s.Begin = "under way", t.at
		return
	}
	s.Over, s.State = t.at, "done"
	if event.Phase != history.OK {
		s.State, s.Failed = "failed", true
	}
	s.Evidence = text(role.Detail)
	t.say(s.What, event)
}

// step returns the step with that number, or by what it is where it has none;
// nil if there are too many.
func (t *tail) step(number int, what string, operation bool) *step {
	for i := range t.steps {
		s := &t.steps[i]
		if s.N == number && (number > 0 || s.What == what && s.Over < 0) {
			return s
		}
	}
	if len(t.steps) >= stepsKept {
		return nil
	}
	t.steps = append(t.steps, step{N: number, What: what, Operation: operation, Begin: -1, Over: -1})
	return &t.steps[len(t.steps)-1]
}

func what(name, target string) string {
	if target == "" {
		return text(name)
	}
	return text(name + " on " + target)
}

// text is a line that a record or a service may have written.
func text(line string) string { return shorten(reports.Line(line)) }

func (m *moments) add(at float64, marks history.Marks) {
	if n := len(m.At); n > 0 && at-m.At[n-1] < m.apart {
		return // the last figures are told beside the chart
	}
	if len(m.At) >= pointsKept {
		m.halve()
	}
	m.At = append(m.At, math.Round(at*1000)/1000)
	for i, value := range marksOf(marks) {
		m.Values[i] = append(m.Values[i], value)
	}
}

// halve leaves out every second moment.
func (m *moments) halve() {
	n := len(m.At)
	m.apart = 2 * (m.At[n-1] - m.At[0]) / float64(n)
	m.At = everySecond(m.At)
	for i := range m.Values {
		m.Values[i] = everySecond(m.Values[i])
	}
}

func everySecond[T any](list []T) []T {
	kept := list[:0]
	for i := 0; i < len(list); i += 2 {
		kept = append(kept, list[i])
	}
	return kept
}

// came says in a line how far the run is.
func (t *tail) came() string {
	line := ""
	for i, n := range marksOf(t.marks) {
		if name := markNames[i]; n >= 0 && name != "taken" {
			line += fmt.Sprintf(", %d %s", n, name)
			if name == "sent" && t.planned > 0 {
				line += fmt.Sprintf(" of %d", t.planned)
			}
		}
	}
	if line == "" {
		return "nothing sent"
	}
	return line[2:]
}

// broken says in a line how far the plan is.
func (t *tail) broken() string {
	faults, bit, healed, operations, done := 0, 0, 0, 0, 0
	for _, s := range t.steps {
		switch {
		case s.Operation:
			operations++
			if s.State == "done" {
				done++
			}
		default:
			faults++
			if s.Bit {
				bit++
			}
			if s.State == "healed" {
				healed++
			}
		}
	}
	if faults+operations == 0 {
		return "none"
	}
	if t.header.NoFault {
		return "left out"
	}
	line := fmt.Sprintf("%d of %d bit, %d healed", bit, faults, healed)
	if operations > 0 {
		line += fmt.Sprintf("; %d of %d operations done", done, operations)
	}
	return line
}

// doing says what the run does now.
func (t *tail) doing() string {
	line := t.stage
	for _, s := range t.steps {
		if s.Begin >= 0 && s.Over < 0 {
			line += "; " + s.What + " " + s.State
		}
	}
	return text(line)
}

// story is what a history told so far.
type story struct {
	Stage   string               `json:"stage"`
	At      float64              `json:"at"`
	Planned int                  `json:"planned"` // operations, about; 0: not known
	Marks   map[string]mark      `json:"marks"`
	Moments moments              `json:"moments"`
	Files   files                `json:"files"`
	Steps   []step               `json:"steps"`
	Queues  []history.QueueDepth `json:"queues"` // at the last count
	Acts    []act                `json:"acts"`   // the last ones, the latest first
	Problem string               `json:"problem"`
}

// story returns a copy that reading on does not change.
func (t *tail) story() *story {
	s := &story{Stage: t.stage, At: t.at, Planned: t.planned, Files: t.files, Problem: text(t.problem), Marks: map[string]mark{},
		Steps: append([]step{}, t.steps...), Acts: append([]act{}, t.acts...), Queues: []history.QueueDepth{}, Moments: moments{At: append([]float64{}, t.moments.At...)}}
	for i, n := range marksOf(t.marks) {
		s.Marks[markNames[i]] = n
		s.Moments.Values[i] = append([]mark{}, t.moments.Values[i]...)
	}
	for _, queue := range t.queues {
		queue.Queue, queue.Broker = text(queue.Queue), text(queue.Broker)
		s.Queues = append(s.Queues, queue)
	}
	slices.Reverse(s.Acts)
	return s
}
