package harness

import (
	"fmt"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// Scenario is what to try and what must hold. It is a small value: everything
// it needs to run stands in it.
type Scenario struct {
	Name       string
	Incident   Incident // the published incident it comes from; may be empty
	Hypothesis string   // what should be true of a good pipeline, in a sentence
	// Workload changes the default trial (20 files of 250 records, 20 % updates,
	// 2 % deletions); nil leaves it.
	Workload func(*workload.Config)
	// Deployment changes how the pipeline is deployed; the zero value leaves it.
	Deployment Deployment
	// Hastened is how many times as fast as written the plan is carried out, and
	// the workload sent, unless a run is to take the real time: a scenario that
	// is true to its incident's times can be tried in seconds. 0 counts as 1.
	Hastened float64
	// Pauses halt the sending, in order of Percent, so that a plan which takes
	// its time meets work however slow the machine is. Without the plan there
	// are none but those until all has Settled.
	Pauses []Pause
	// Plan is what is broken and done, in order. Empty: a control.
	Plan []Step
	// Catches names the defects that this scenario must find.
	Catches []string
	// Repairs names the operation of the plan (replay, sync) that brings back
	// what the plan destroys. A plan that destroys something must have one.
	Repairs string
	// Settles: the trial's files are sent only once the control is quiet, and the
	// sentinel once everything before it is in its place and quiet, or nothing
	// moves any more.
	Settles bool
	// Deadline is how long after the sentinel everything must be in its place;
	// 0: 60 s.
	Deadline time.Duration
}

// Incident is what happened to somebody, and was published so that others learn from it.
type Incident struct {
	Number   int
	Title    string // "the wiped inbox"
	Happened string // in a sentence or two
}

// String returns number and title; nothing for the zero value.
func (i Incident) String() string {
	if i.Number == 0 {
		return ""
	}
	return fmt.Sprintf("%d, %s", i.Number, i.Title)
}

// Step is one fault of a plan, or one operation on the pipeline.
type Step struct {
	When    Trigger // when it is injected, or begun; steps come in order
	Fault   fault.Fault
	Recover Trigger // when the fault is taken back, counted from the proof that it bit
	// Release is what becomes of the bytes that a breakpoint kept back (see At),
	// once the fault was proved to bite; empty counts as boundary.Forward.
	Release boundary.Mode
	// Operation is done instead of a fault. Its step counts as biting from its
	// begin and as healed from its end; the next steps do not wait for it.
	Operation Operation
}

// Operation is something that people do with a pipeline by hand. What it
// takes stands in the pipeline's description, under the name. Every operation
// is given "from" and "from_file": number and name of the file to replay from,
// some files before the first one of which something may have been destroyed.
type Operation struct {
	Name string            // "replay", "sync", …, or NewBroker
	Args map[string]string // what the description leaves open, by name, beside what every operation is given; may be nil
}

// NewBroker is an operation that every pipeline has: a second broker appears
// beside the first one, with nothing in it. What uses it must be moved to it.
const NewBroker = "new-broker"

// MoveToBroker is the operation that gives a role the second broker's address.
// Does says what the role does: fault.Collector, …
func MoveToBroker(does string) Operation {
	return Operation{Name: "move-to-broker", Args: map[string]string{"role": does}}
}

// Pause is a halt in the sending of the trial's files.
type Pause struct {
	Percent int     // of the files, which are sent before it
	Until   Trigger // when sending goes on
	Arms    bool    // the breakpoint that the plan begins with counts from the end of this pause
}

// Deployment is how a pipeline is deployed for a scenario.
type Deployment struct {
	// Replicas by what a role does (fault.Collector, …); the others have one.
	Replicas map[string]int
	// Settings of the reference pipeline, by the names of its environment;
	// other pipelines keep their own.
	Settings map[string]string
	// Intervals are settings that are times; they are hastened with the plan.
	Intervals map[string]time.Duration
}

// onlyWhen is why a breakpoint is refused anywhere else.
const onlyWhen = "a breakpoint is only for when a fault begins, and alone"

// Validate says what is wrong with a scenario before anything is started.
func (s Scenario) Validate() error {
	if s.Name == "" || s.Hypothesis == "" {
		return fmt.Errorf("scenario %q: name and hypothesis must be given", s.Name)
	}
	percent, arms := 0, 0
	for i, pause := range s.Pauses {
		if pause.Percent < percent || pause.Percent >= 100 {
			return fmt.Errorf("scenario %s, pause %d: %d %% is not between %d and 99", s.Name, i+1, pause.Percent, percent)
		}
		if pause.Until.at.Kind != "" {
			return fmt.Errorf("scenario %s, pause %d: it lasts until %s: %s", s.Name, i+1, pause.Until.Text, onlyWhen)
		}
		if pause.Arms {
			arms++
			switch {
			case arms > 1:
				return fmt.Errorf("scenario %s, pause %d: an earlier one arms the breakpoint already", s.Name, i+1)
			case pause.Until.step > 0:
				return fmt.Errorf("scenario %s, pause %d: it arms the breakpoint that the plan begins with, and waits for step %d of that plan", s.Name, i+1, pause.Until.step)
			case len(s.Plan) > 0 && s.Plan[0].When.at.Kind == "":
				return fmt.Errorf("scenario %s, pause %d: the plan begins with no breakpoint that it could arm", s.Name, i+1)
			}
		}
		if percent = pause.Percent; pause.Until.met == nil || pause.Until.step > len(s.Plan) {
			return fmt.Errorf("scenario %s, pause %d: it must last until something that comes", s.Name, i+1)
		}
	}
	repaired := s.Repairs == ""
	for i, step := range s.Plan {
		repaired = repaired || step.Operation.Name == s.Repairs
		if operates := step.Operation.Name != ""; operates == (step.Fault.Name != "") {
			return fmt.Errorf("scenario %s, step %d: it must have either a fault or an operation", s.Name, i+1)
		} else if operates {
			step.Recover = Immediately()
		}
		if step.When.met == nil || step.Recover.met == nil {
			return fmt.Errorf("scenario %s, step %d: when and recover must be given", s.Name, i+1)
		}
		if at := step.When.at.Kind != ""; at && step.Operation.Name != "" {
			return fmt.Errorf("scenario %s, step %d: %s begins %s: %s", s.Name, i+1, step.Operation.Name, step.When.Text, onlyWhen)
		} else if at && step.When.both {
			return fmt.Errorf("scenario %s, step %d: it begins %s: %s", s.Name, i+1, step.When.Text, onlyWhen)
		} else if step.Recover.at.Kind != "" {
			return fmt.Errorf("scenario %s, step %d: it is taken back %s: %s", s.Name, i+1, step.Recover.Text, onlyWhen)
		}
		if held := step.When.at.Kind != ""; step.Fault.Holds && !held {
			return fmt.Errorf("scenario %s, step %d: a hold keeps back what a breakpoint stopped: let it begin at a boundary", s.Name, i+1)
		} else if step.Fault.Holds && step.Fault.HoldsFor <= 0 && step.Release != boundary.Drop {
			return fmt.Errorf("scenario %s, step %d: a hold of no time that lets go breaks nothing: give it time, or drop what is held", s.Name, i+1)
		} else if held {
			if err := step.When.at.Validate(); err != nil {
				return fmt.Errorf("scenario %s, step %d: %w", s.Name, i+1, err)
			}
			if step.When.at.Cut {
				return fmt.Errorf("scenario %s, step %d: a breakpoint that cuts by itself does not wait for the fault: release it with boundary.Drop", s.Name, i+1)
			}
			if then := step.Release; then != "" && then != boundary.Forward && then != boundary.Drop {
				return fmt.Errorf("scenario %s, step %d: what is held cannot be released by %q; there are %q and %q", s.Name, i+1, then, boundary.Forward, boundary.Drop)
			}
			if step.When.at.Role == "" {
				return fmt.Errorf("scenario %s, step %d: a breakpoint needs the role whose connections it is on", s.Name, i+1)
			}
		} else if step.Release != "" {
			return fmt.Errorf("scenario %s, step %d: nothing is held that could be released: let it begin at a boundary", s.Name, i+1)
		}
		if step.When.step > i {
			return fmt.Errorf("scenario %s, step %d: it begins %s, which comes no earlier than itself", s.Name, i+1, step.When.Text)
		}
		if step.Recover.step > len(s.Plan) || step.Recover.step == i+1 && !step.Recover.grew {
			return fmt.Errorf("scenario %s, step %d: it is taken back %s, which never comes before that", s.Name, i+1, step.Recover.Text)
		}
		if step.Fault.Destroys != "" && s.Repairs == "" {
			return fmt.Errorf("scenario %s, step %d: %s destroys %s: name the repair", s.Name, i+1, step.Fault.Name, step.Fault.Destroys)
		}
	}
	if !repaired {
		return fmt.Errorf("scenario %s: %s is to repair what is destroyed, and no step of the plan does it", s.Name, s.Repairs)
	}
	return nil
}

// pace returns how many times as fast as written a run takes place.
func (s Scenario) pace(realTime bool) float64 {
	if realTime {
		return 1
	}
	return max(s.Hastened, 1)
}

const defaultDeadline = time.Minute

func (s Scenario) deadline() time.Duration {
	if s.Deadline == 0 {
		return defaultDeadline
	}
	return s.Deadline
}

// config returns the workload of one run, with the faults of the plan that are
// in the data.
func (s Scenario) config(seed uint64, records int, plan []Step) workload.Config {
	config := workload.Default(seed, workload.NewTag())
	if s.Workload != nil {
		s.Workload(&config)
	}
	for _, step := range plan {
		if step.Fault.Data != nil {
			step.Fault.Data(&config)
		}
	}
	if records > 0 {
		config = scale(config, records)
	}
	return config
}

// scale changes the number of files and records so that about the wanted
// number of operations is sent, in files of the same size where possible.
func scale(config workload.Config, records int) workload.Config {
	if records < config.RecordsPerFile {
		config.Files, config.RecordsPerFile = 1, records
		if records >= 8 {
			config.Files, config.RecordsPerFile = 4, records/4
		}
		return config
	}
	config.Files = (records + config.RecordsPerFile - 1) / config.RecordsPerFile
	return config
}
