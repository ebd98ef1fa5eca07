package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/seatrial/seatrial/harness/history"
)

// course is what the acts of a history tell about the run, before any
// observation is opened: what was sent, what was broken and healed, and how
// far the run came.
type course struct {
	faults   []*fault
	operated []*operation
	stopped  map[string]bool // roles that the harness stopped and did not start again
	control  history.Phase   // OK, Fail, or "" if it was never tried
	lacking  string          // what the control records did not do, where it is known that they failed
	sentinel history.Phase
	quiet    history.Phase
	aborted  string
	// sentinelSent: the server acknowledged the sentinel's file.
	sentinelSent bool

	emptied []span // when faults may have taken documents away

	first    int64 // begin of the first send
	repaired int64 // end of the last heal, start or operation: deadlines count from here
}

// span is a time from begin to end, in the history's nanoseconds.
type span struct{ begin, end int64 }

// index is the service that readers search, as faults call it.
const index = "elasticsearch"

// emptiedBetween says whether a fault may have taken documents away in a time.
func (c *course) emptiedBetween(from, to int64) bool {
	return slices.ContainsFunc(c.emptied, func(s span) bool { return s.end >= from && s.begin <= to })
}

// fault is one step of the plan and its life.
type fault struct {
	step         int
	notTakenBack string // why it was not recovered from as planned
	FaultResult
}

// operation is one operation of the plan.
type operation struct {
	step int
	OperationResult
}

func (l *ledger) follow(run *history.Run) (*course, error) {
	c := &course{stopped: map[string]bool{}, first: math.MaxInt64}
	if !run.Header.NoFault {
		for _, step := range run.Header.Plan {
			if step.Operation {
				c.operated = append(c.operated, &operation{step: step.Step, OperationResult: OperationResult{Name: step.Name}})
				continue
			}
			c.faults = append(c.faults, &fault{step: step.Step, FaultResult: FaultResult{Name: step.Name, Target: step.Target, InFlight: -1}})
		}
	}
	sending := map[int]int{} // file by Seq of the invoke line
	for _, event := range run.Events {
		var err error
		switch event.Act {
		case history.Send:
			err = l.send(event, sending, c)
		case history.Inject, history.Bite, history.Recover, history.Heal:
			err = c.fault(event, run.Events)
		case history.Stop, history.Start, history.Operate:
			err = c.role(event)
		case history.Control:
			c.control = outcome(c.control, event.Phase)
			if event.Phase == history.Fail {
				c.lacking = cmp.Or(event.Error, "the control records did not pass")
			}
		case history.Sentinel:
			c.sentinel = outcome(c.sentinel, event.Phase)
		case history.Quiet:
			c.quiet = outcome(c.quiet, event.Phase)
		case history.Abort:
			c.aborted = event.Error
			if c.aborted == "" {
				c.aborted = "no reason given"
			}
		}
		if err != nil {
			return nil, err
		}
	}
	c.sentinelSent = l.files[len(l.files)-1].sent == acknowledged
	return c, nil
}

// tell says what became of the steps of the plan.
func (c *course) tell(r *Result) {
	for _, f := range c.faults {
		r.Faults = append(r.Faults, f.FaultResult)
	}
	for _, o := range c.operated {
		r.Operations = append(r.Operations, o.OperationResult)
	}
}

func outcome(before, phase history.Phase) history.Phase {
	switch phase {
	case history.OK, history.Note:
		return history.OK
	case history.Fail, history.Info:
		return history.Fail
	}
	return before
}

// send keeps the best outcome of a file that was sent more than once: an
// acknowledgement is not taken back by a later failure.
func (l *ledger) send(event history.Event, sending map[int]int, c *course) error {
	index, known := sending[event.Of]
	if event.Phase == history.Invoke {
		var data history.Sent
		if err := event.Decode(&data); err != nil {
			return err
		}
		if data.File < 0 { // not of the workload: sent by a fault
			return nil
		}
		if data.File >= len(l.files) || l.files[data.File].name != data.Name {
			return fmt.Errorf("history line %d sends %q as file %d, which is not the workload's: header and acts are not of one run", event.Seq, data.Name, data.File)
		}
		if rows := l.w.Files[data.File].Rows(); data.Rows != 0 && data.Rows != rows {
			return fmt.Errorf("history line %d sends %q with %d rows, the workload gives it %d: header and acts are not of one run", event.Seq, data.Name, data.Rows, rows)
		}
		sending[event.Seq] = data.File
		index = data.File
		if l.files[index].begun == 0 {
			l.files[index].begun = max(event.At, 1)
		}
		c.first = min(c.first, event.At)
		// Without an end the outcome is not known.
		l.files[index].sent = max(l.files[index].sent, indeterminate)
		return nil
	}
	if !known {
		return nil // of a file that is not of the workload
	}
	f := &l.files[index]
	switch event.Phase {
	case history.OK:
		if f.acked == 0 {
			f.acked = max(event.At, 1)
		}
		f.sent = acknowledged
	case history.Fail:
		delete(sending, event.Of)
		if f.sent == indeterminate && !l.pendingOrUnknown(index, sending) {
			f.sent = failed
		}
	}
	return nil
}

// pendingOrUnknown reports whether another sending of the file is under way
// or ended with an unknown outcome.
func (l *ledger) pendingOrUnknown(index int, sending map[int]int) bool {
	for _, other := range sending {
		if other == index {
			return true
		}
	}
	return false
}

func (c *course) fault(event history.Event, events []history.Event) error {
	if event.Phase == history.Invoke {
		return nil
	}
	var data history.FaultAct
	if err := event.Decode(&data); err != nil {
		return err
	}
	var f *fault
	for _, planned := range c.faults {
		if planned.step == data.Step {
			f = planned
		}
	}
	if f == nil { // by hand, or not in the plan: it must be proved all the same
		f = &fault{step: data.Step, FaultResult: FaultResult{Name: data.Name, Target: data.Target, InFlight: -1}}
		c.faults = append(c.faults, f)
	}
	ok := event.Phase == history.OK || event.Phase == history.Note
	switch event.Act {
	case history.Inject:
		if data.Destroys && data.Target == index {
			began := int64(0)
			if event.Of > 0 && event.Of <= len(events) {
				began = events[event.Of-1].At
			}
			c.emptied = append(c.emptied, span{began, event.At})
		}
		f.Healed = false
		if !ok {
			f.Evidence = "not injected: " + event.Error
		}
	case history.Bite:
		if ok {
			f.Bit = true
			f.InFlight = max(f.InFlight, data.InFlight)
			f.Evidence = data.Evidence
		} else if !f.Bit {
			f.Evidence = "no proof that it bit: " + event.Error
		}
	case history.Recover:
		if !ok {
			f.notTakenBack = event.Error
		}
	case history.Heal:
		f.Healed = ok
		if ok {
			c.repaired = max(c.repaired, event.At)
		} else {
			f.Evidence = join(f.Evidence, "not healed: "+event.Error)
		}
	}
	return nil
}

func (c *course) role(event history.Event) error {
	if event.Phase == history.Invoke {
		return nil
	}
	var data history.RoleAct
	if err := event.Decode(&data); err != nil {
		return err
	}
	ok := event.Phase == history.OK || event.Phase == history.Note
	switch {
	case event.Act == history.Stop:
		c.stopped[data.Role] = true
	case event.Act == history.Start && ok:
		delete(c.stopped, data.Role)
		c.repaired = max(c.repaired, event.At)
	case event.Act == history.Operate:
		c.operation(data, event, ok)
		if ok {
			c.repaired = max(c.repaired, event.At)
		}
	}
	return nil
}

func (c *course) operation(data history.RoleAct, event history.Event, ok bool) {
	var o *operation
	for _, planned := range c.operated {
		if planned.step == data.Step && data.Step != 0 {
			o = planned
		}
	}
	if o == nil { // by hand
		o = &operation{step: data.Step, OperationResult: OperationResult{Name: event.Name}}
		c.operated = append(c.operated, o)
	}
	o.Role, o.Done, o.Evidence = data.Role, ok, data.Detail
	if !ok {
		o.Evidence = join(event.Error, data.Detail)
	}
}

// strikes reports whether a fault of the plan was aimed at target.
func (c *course) strikes(target string) bool {
	for _, f := range c.faults {
		if f.Target == target {
			return true
		}
	}
	return false
}

// neverWorked says how the pipeline failed while nothing was broken yet; empty
// if that is not why the run ended. All that the run lacks follows from it.
func (c *course) neverWorked() string {
	if c.lacking == "" || c.aborted != "" {
		return ""
	}
	return "while nothing was broken yet, " + c.lacking
}

// unproved names what keeps absence from being a finding, in the order of the run.
func (c *course) unproved() []string {
	var reasons []string
	if c.aborted != "" {
		reasons = append(reasons, "the run was aborted ("+c.aborted+")")
	}
	if c.control != history.OK {
		reasons = append(reasons, "no control records passed before anything was broken")
	}
	for _, f := range c.faults {
		name := f.Name
		if f.Target != "" {
			name += " on " + f.Target
		}
		switch {
		case !f.Bit:
			reasons = append(reasons, "the fault "+name+" is not proved to have bitten")
		case !f.Healed:
			reasons = append(reasons, "the fault "+name+" was not healed")
		case f.notTakenBack != "":
			reasons = append(reasons, "the fault "+name+" was not taken back as planned ("+f.notTakenBack+")")
		case f.InFlight == 0:
			reasons = append(reasons, "nothing was in flight when the fault "+name+" struck")
		case f.InFlight < 0:
			reasons = append(reasons, "what was in flight when the fault "+name+" struck was not counted")
		}
	}
	for _, o := range c.operated {
		if !o.Done {
			reasons = append(reasons, "the operation "+o.Name+" was not done to its end ("+o.Evidence+")")
		}
	}
	for _, role := range sortedKeys(c.stopped) {
		reasons = append(reasons, "the role "+role+" was stopped and not started again")
	}
	if c.sentinel == "" || !c.sentinelSent {
		reasons = append(reasons, "no sentinel could be sent after all that")
	}
	switch c.quiet {
	case history.OK:
	case history.Fail:
		reasons = append(reasons, "it never became quiet")
	default:
		reasons = append(reasons, "nobody waited until it was quiet")
	}
	return reasons
}

// healed reports whether everything that was broken or stopped is whole again
// and the run came to its end: the condition of findings by absence. A fault
// that did not bite, or struck when nothing was in flight, leaves a whole
// system too: what is missing then is missing all the same.
func (c *course) healed() bool {
	for _, f := range c.faults {
		if !f.Bit || !f.Healed {
			return false
		}
	}
	for _, o := range c.operated {
		if !o.Done {
			return false
		}
	}
	// Where the sentinel's deadline passed, what still moves waits for ever.
	waited := c.quiet == history.OK || c.quiet == history.Fail && c.sentinel == history.Fail
	return c.aborted == "" && c.control == history.OK && len(c.stopped) == 0 && c.sentinel != "" && c.sentinelSent && waited
}
