package sweep

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// Class is one kind of boundary that a role crosses, and how often a clean run
// did so.
type Class struct {
	boundary.Class
	// Count is how many crossed it; a confirm or ack that covers several messages
	// counts each.
	Count int `json:"count"`
	// Positions are where it was crossed, if no record tells its boundaries apart.
	Positions []Position `json:"positions"`
	// Records are the numbers of the records that the protocol showed there, in
	// the order of their first crossing; empty where it shows none.
	Records []int `json:"-"`
}

// String returns the class in words: "loader committed on people".
func (c Class) String() string {
	text := c.Role + " " + string(c.Kind)
	if c.Target != "" {
		text += " on " + c.Target
	}
	return text
}

// Baseline is the scenario of the clean run, and the workload of every trial.
func Baseline() harness.Scenario {
	return harness.Scenario{
		Name:       "sweep",
		Hypothesis: "Wherever responsibility for records changes hands, the pipeline can be stopped without losing or doubling any.",
		Workload:   small,
		Pauses:     []harness.Pause{pauseBefore(Middle), pauseBefore(Last)},
		Settles:    true,
	}
}

func small(w *workload.Config) {
	w.Files, w.RecordsPerFile, w.UpdatePercent, w.DeletePercent = 4, 10, 20, 5
}

// Classes lists what a stored run crossed between its trial's first file and
// its sentinel, in the order of a record's way.
func Classes(run *history.Run) ([]Class, error) {
	files, err := workload.Read(run.Header.Workload)
	if err != nil {
		return nil, fmt.Errorf("read the workload of %s: %w", run.Dir, err)
	}
	trial, err := run.Crossings()
	if err != nil {
		return nil, err
	}
	if trial.Missing > 0 {
		return nil, fmt.Errorf("%s misses %d of the events that crossed the wire: run again on a machine that is less busy", run.Dir, trial.Missing)
	}
	control := map[int]bool{} // the control's may be late
	for _, op := range files.Files[0].Ops {
		control[int(op.Number)] = true
	}
	found := map[boundary.Class]*Class{}
	before := map[boundary.Class]int64{} // ordinals
	seen := map[boundary.Class]map[int]bool{}
	err = run.Crossed(func(raw json.RawMessage) error {
		var e boundary.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read an event of %s: %w", run.Dir, err)
		}
		of := e.Class()
		if e.Number <= trial.TrialFrom {
			before[of] = e.Ordinal
		}
		if e.Number <= trial.TrialFrom || e.Number > trial.TrialTo || !slices.Contains(boundary.Kinds, e.Kind) {
			return nil
		}
		c := found[of]
		if c == nil {
			c = &Class{Class: of}
			found[of], seen[of] = c, map[int]bool{}
		}
		if at := crossedAt(trial, e.Number); !slices.Contains(c.Positions, at) {
			c.Positions = append(c.Positions, at)
		}
		c.Count = int(e.Ordinal - before[of])
		for _, key := range e.Records {
			if number, ok := files.Number(key); ok && !control[number] && !seen[of][number] {
				seen[of][number] = true
				c.Records = append(c.Records, number)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []Class
	for _, c := range found {
		if len(c.Records) > 0 {
			c.Positions = nil
		}
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b Class) int {
		return cmp.Or(cmp.Compare(slices.Index(boundary.Kinds, a.Kind), slices.Index(boundary.Kinds, b.Kind)),
			cmp.Compare(a.Role, b.Role), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Service, b.Service))
	})
	return list, nil
}

// Action is what is done to the pipeline while it is held at a boundary.
type Action string

// The actions. KillService is one of a sweep with services only: it strikes
// every role at once and takes longer.
const (
	KillRole    Action = "kill-role"    // SIGKILL to the role; what was held never arrives
	Pause       Action = "pause"        // the role is frozen, what was held arrives meanwhile, and the role goes on
	Cut         Action = "cut"          // what was held never arrives, and the connection ends
	Refuse      Action = "refuse"       // the index takes no writes when what was held arrives
	KillService Action = "kill-service" // SIGKILL to the service; what was held never arrives
)

// Actions are all of them, KillService last.
var Actions = []Action{KillRole, Pause, Cut, Refuse, KillService}

// applies says whether an action makes sense at a boundary.
func (a Action) applies(c Class) bool {
	if a == Refuse {
		return c.Service == fault.Elasticsearch && c.Kind == boundary.IndexRequested
	}
	return true
}

// pausedFor is how long a paused role stays so.
const pausedFor = time.Second

// step returns the action at a breakpoint.
func (a Action) step(at boundary.Breakpoint, service string) harness.Step {
	switch a {
	case Pause:
		step := harness.At(at, fault.Pause(at.Role), boundary.Forward)
		step.Recover = harness.After(pausedFor)
		return step
	case Cut:
		return harness.At(at, fault.Hold(at.Role, 0), boundary.Drop)
	case Refuse:
		step := harness.At(at, fault.ReadOnlyIndex(), boundary.Forward)
		step.Recover = harness.After(pausedFor)
		return step
	case KillService:
		return harness.At(at, fault.Kill(service), boundary.Drop)
	}
	return harness.At(at, fault.Kill(at.Role), boundary.Drop)
}

// Position is which of a class's boundaries is broken.
//
// Where the protocol shows records, these are the boundaries at which the first
// record, one in the middle and the last cross: the same ones however the
// pipeline batches. Other boundaries are told apart by what is under way: the
// first one of the trial's first half, of the third file and of the last,
// which are sent only once everything before is in its place.
type Position string

// The positions.
const (
	First  Position = "first"
	Middle Position = "middle"
	Last   Position = "last"
)

// sentBefore is how many percent of the files are in their place before a
// position's are sent.
var sentBefore = map[Position]int{Middle: 50, Last: 75}

func pauseBefore(p Position) harness.Pause {
	return harness.Pause{Percent: sentBefore[p], Until: harness.Settled()}
}

// crossedAt returns what was under way when an event crossed.
func crossedAt(trial history.Crossings, number int64) Position {
	if len(trial.Settled) < 2 || number <= trial.Settled[0] {
		return First
	}
	if number <= trial.Settled[1] {
		return Middle
	}
	return Last
}

// Break is one trial of a sweep.
type Break struct {
	Class    Class    `json:"class"`
	Position Position `json:"position"`
	Action   Action   `json:"action"`
	at       boundary.Breakpoint
}

// String names the break; it is the same in every sweep of the pipeline.
func (b Break) String() string {
	return fmt.Sprintf("%s, %s, %s", b.Class, b.Position, b.Action)
}

// Scenario returns the trial.
func (b Break) Scenario() harness.Scenario {
	s := Baseline()
	s.Name = "sweep-" + strings.ReplaceAll(string(b.Class.Kind), " ", "-") + "-" + string(b.Position) + "-" + string(b.Action)
	s.Plan = []harness.Step{b.Action.step(b.at, b.Class.Service)}
	s.Pauses = nil
	if len(b.Class.Records) == 0 && b.Position != First {
		pause := pauseBefore(b.Position)
		pause.Arms = true
		s.Pauses = []harness.Pause{pause}
	}
	return s
}

// Plan lists the breaks of a sweep over classes, by each of the actions where
// it applies. The first of all classes come before any middle one: a sweep that
// ends early has seen much.
func Plan(classes []Class, actions []Action) []Break {
	var plan []Break
	for _, class := range classes {
		for _, position := range positions(class) {
			for _, action := range actions {
				if action.applies(class) {
					position.Class, position.Action = class, action
					plan = append(plan, position)
				}
			}
		}
	}
	order := []Position{First, Middle, Last}
	slices.SortStableFunc(plan, func(a, b Break) int {
		return cmp.Compare(slices.Index(order, a.Position), slices.Index(order, b.Position))
	})
	return plan
}

// positions returns a class's breakpoints, each once.
func positions(class Class) []Break {
	at := boundary.Breakpoint{Service: class.Service, Role: class.Role, Kind: class.Kind, Target: class.Target, Nth: 1}
	if n := len(class.Records); n > 0 {
		return distinct(n, func(i int) boundary.Breakpoint { return at.With(class.Records[i]) })
	}
	var list []Break
	for _, position := range class.Positions {
		list = append(list, Break{Position: position, at: at})
	}
	return list
}

func distinct(n int, at func(i int) boundary.Breakpoint) []Break {
	list := []Break{{Position: First, at: at(0)}}
	if n > 2 {
		list = append(list, Break{Position: Middle, at: at(n / 2)})
	}
	if n > 1 {
		list = append(list, Break{Position: Last, at: at(n - 1)})
	}
	return list
}
