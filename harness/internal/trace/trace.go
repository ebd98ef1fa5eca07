package trace

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seatrial/seatrial/harness/boundary"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// Hop is one moment on a record's way.
type Hop struct {
	// At is the time since the run began. Hops of the wire are seen by the tap
	// before they arrive.
	At time.Duration `json:"at_ns"`
	// Who did it: a role, "harness", or "observer" for what a read showed.
	Who string `json:"who"`
	// What is the boundary's kind, or "sent", with the outcome where it is not
	// known; of a read: "seen", "seen changed" or "gone".
	What string `json:"what"`
	// Where it came to: service and queue, table, index or folder.
	Where string `json:"where"`
	// Evidence: file and line, message, status, how many went with it.
	Evidence string `json:"evidence,omitempty"`
}

// Trace is a record's way.
type Trace struct {
	Key    string `json:"key"`
	Number int    `json:"number"`
	Hops   []Hop  `json:"hops"` // in the order of their times
	// Operations are the rows about the record, in the order of their versions;
	// Places what was found of it at the end, in the order of a record's way.
	Operations []Operation `json:"operations"`
	Places     []Place     `json:"places"`
	// Stopped says in a sentence how far the operation came that should be in
	// effect; empty where nothing was read, or nothing acknowledged.
	Stopped string `json:"stopped"`
	// Missing counts events that were not kept: there may be holes.
	Missing int64 `json:"missing,omitempty"`
	// Problem says what else is missing of the stored run, in a sentence: there
	// may be holes then, too.
	Problem string `json:"problem,omitempty"`
}

// ErrUnknownKey is what every error wraps that comes from a key which the run
// has not sent.
var ErrUnknownKey = errors.New("not a key of this run")

// Of returns the way of the record with a key. Errors wrap ErrUnknownKey where
// the run knows no such record.
func Of(run *history.Run, key string) (Trace, error) {
	files, err := workload.Read(run.Header.Workload)
	if err != nil {
		return Trace{}, fmt.Errorf("read the workload of %s: %w", run.Dir, err)
	}
	number, ok := files.Number(key)
	if !ok {
		return Trace{}, fmt.Errorf("%w: %q; its keys look like %s", ErrUnknownKey, key, files.Key(0))
	}
	started, err := time.Parse(time.RFC3339Nano, run.Header.Started)
	if err != nil {
		return Trace{}, fmt.Errorf("read when %s began: %w", run.Dir, err)
	}
	is, err := run.Crossings()
	if err != nil {
		return Trace{}, err
	}
	t := Trace{Key: key, Number: number, Hops: []Hop{}, Operations: []Operation{}, Places: []Place{}, Missing: is.Missing, Problem: run.Problem}
	if err := t.sent(run, files, number); err != nil {
		return Trace{}, err
	}
	err = run.Crossed(func(raw json.RawMessage) error {
		var e boundary.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("read an event of %s: %w", run.Dir, err)
		}
		if slices.Contains(e.Records, key) {
			t.Hops = append(t.Hops, crossed(e, key, e.Time.Sub(started)))
		}
		return nil
	})
	if err != nil { // what could be read stands
		t.Problem = join(t.Problem, err.Error())
	}
	if err := t.observed(run); err != nil {
		t.Problem = join(t.Problem, err.Error())
	}
	slices.SortStableFunc(t.Hops, func(a, b Hop) int { return cmp.Compare(a.At, b.At) })
	t.Stopped = t.stopped()
	return t, nil
}

// Last returns the last hop: where the record was last known to be. False: it
// was never sent.
func (t Trace) Last() (Hop, bool) {
	if len(t.Hops) == 0 {
		return Hop{}, false
	}
	return t.Hops[len(t.Hops)-1], true
}

func crossed(e boundary.Event, key string, at time.Duration) Hop {
	hop := Hop{At: at, Who: e.Role, What: string(e.Kind), Where: e.Service}
	if e.Target != "" {
		hop.Where += " " + e.Target
	}
	switch {
	case slices.Contains(e.Failed, key):
		hop.Evidence = fmt.Sprintf("refused (%d)", e.Code)
	case e.Code != 0:
		hop.Evidence = fmt.Sprintf("status %d", e.Code)
	}
	if len(e.Messages) > 0 && len(e.Records) == 1 {
		hop.Evidence = join(hop.Evidence, "message "+e.Messages[0])
	}
	if others := max(e.Count, len(e.Records)) - 1; others > 0 {
		hop.Evidence = join(hop.Evidence, fmt.Sprintf("and %d more", others))
	}
	if e.Hold != 0 {
		hop.Evidence = join(hop.Evidence, "held here by a breakpoint")
	}
	hop.Evidence = join(hop.Evidence, e.Note)
	return hop
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// sent adds when the record's files were acknowledged, with the line on which it stands.
func (t *Trace) sent(run *history.Run, files *workload.Workload, number int) error {
	outcomes := map[int]string{} // by file; an acknowledgement is not taken back
	for _, event := range run.Events {
		if event.Act != history.Send || event.Phase == history.Invoke {
			continue
		}
		var sent history.Sent
		if err := event.Decode(&sent); err != nil {
			return err
		}
		if sent.File < 0 || sent.File >= len(files.Files) {
			continue
		}
		switch {
		case event.Phase == history.OK:
			outcomes[sent.File] = "acknowledged"
		case outcomes[sent.File] == "acknowledged":
		case event.Phase == history.Info:
			outcomes[sent.File] = "indeterminate"
		case outcomes[sent.File] == "":
			outcomes[sent.File] = "failed"
		}
		for _, op := range files.Files[sent.File].Ops {
			if int(op.Number) != number {
				continue
			}
			what := "sent"
			if event.Phase != history.OK {
				what = "sent, outcome: " + string(event.Phase)
			}
			deed := "upsert"
			if op.Delete {
				deed = "deletion"
			}
			t.Hops = append(t.Hops, Hop{At: time.Duration(event.At), Who: "harness", What: what, Where: "sftp",
				Evidence: fmt.Sprintf("%s, %s: %s of version %d", sent.Name, place(op), deed, op.Version)})
		}
	}
	t.operations(files, outcomes)
	return nil
}

func place(op workload.Op) string {
	if op.Implied {
		return "by its absence"
	}
	return fmt.Sprintf("line %d", op.Line)
}
