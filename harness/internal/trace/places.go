package trace

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// Operation is one row about the record, as it was sent.
type Operation struct {
	Version int    `json:"version"`
	Delete  bool   `json:"delete"`
	File    string `json:"file"`
	Line    int    `json:"line"` // 0: by its absence from a full file
	// Sent is "acknowledged", "indeterminate", "failed" or "not sent".
	Sent string `json:"sent"`
	// Accept says what is right for it: acceptable, rejectable or either.
	Accept string            `json:"accept"`
	Fields map[string]string `json:"fields,omitempty"` // content as sent
}

// Place is what a place showed of the record at the end of the run.
type Place struct {
	Name  string  `json:"name"`
	Read  int     `json:"read"`  // number of the read
	Whole bool    `json:"whole"` // false: what it does not show need not be missing
	Found []Found `json:"found"`
}

// Found is one entry of the record in a place.
type Found struct {
	Version int    `json:"version"` // -1: not told
	Deleted bool   `json:"deleted"`
	Where   string `json:"where"`
}

// inOrder are the places in the order of a record's way.
var inOrder = []string{history.Inbox, history.Staged, history.Queued, history.DeadLetters, history.Rows, history.Documents, history.Confirmations}

// errPassed ends a read once the record's entries are passed: they are sorted.
var errPassed = errors.New("passed")

// observed adds what reads showed of the record: a hop for each change while
// the run went on, and each place at the end. What cannot be read is a problem,
// the rest stands.
func (t *Trace) observed(run *history.Run) error {
	reads, err := run.Reads("")
	if err != nil {
		return err
	}
	before := map[string][]Found{}
	files := map[string][]Found{} // entries of the record, by file: reads that saw the same share one
	var readable []history.Read
	for _, read := range reads {
		if read.File == "" || !slices.Contains(inOrder, read.Place) {
			continue
		}
		found, known := files[read.File]
		if !known {
			found = []Found{}
			err := run.Entries(read, func(e history.Entry) error {
				if e.Number > t.Number {
					return errPassed
				}
				if e.Number == t.Number {
					found = append(found, Found{Version: e.Version, Deleted: e.Deleted, Where: e.Where})
				}
				return nil
			})
			if err != nil && !errors.Is(err, errPassed) {
				t.Problem = join(t.Problem, err.Error())
				continue
			}
			files[read.File] = found
		}
		was := before[read.Place]
		if what := change(was, found); what != "" && (read.Whole || len(found) >= len(was)) {
			t.Hops = append(t.Hops, Hop{At: time.Duration(read.End), Who: "observer", What: what, Where: read.Place,
				Evidence: join(text(found), fmt.Sprintf("read %d", read.N))})
			before[read.Place] = found
		}
		readable = append(readable, read)
	}
	final := history.FinalReads(readable)
	for _, name := range inOrder {
		if read, ok := final[name]; ok {
			t.Places = append(t.Places, Place{Name: name, Read: read.N, Whole: read.Whole, Found: files[read.File]})
		}
	}
	return nil
}

// change says what a read shows that the one before it did not; empty: nothing.
func change(was, is []Found) string {
	same := func(a, b Found) bool { return a.Version == b.Version && a.Deleted == b.Deleted }
	switch {
	case slices.EqualFunc(was, is, same):
		return ""
	case len(was) == 0:
		return "seen"
	case len(is) == 0:
		return "gone"
	}
	return "seen changed"
}

// text lists what was found.
func text(found []Found) string {
	parts := make([]string, len(found))
	for i, f := range found {
		parts[i] = fmt.Sprintf("version %d", f.Version)
		if f.Version < 0 {
			parts[i] = "version not told"
		}
		if f.Deleted {
			parts[i] += " marked deleted"
		}
		if f.Where != "" {
			parts[i] += " (" + f.Where + ")"
		}
	}
	return strings.Join(parts, ", ")
}

// String says what the place showed.
func (p Place) String() string {
	switch {
	case len(p.Found) > 0:
		return text(p.Found)
	case p.Whole:
		return "nothing"
	}
	return "nothing, and the read is not whole"
}

// holds reports whether the place shows a version of the record.
func (p Place) holds(version int) bool {
	return slices.ContainsFunc(p.Found, func(f Found) bool { return f.Version == version })
}

// operations lists the rows about the record, with what became of the sending.
func (t *Trace) operations(files *workload.Workload, outcomes map[int]string) {
	for _, file := range files.Files {
		for _, op := range file.Ops {
			if int(op.Number) != t.Number {
				continue
			}
			o := Operation{Version: int(op.Version), Delete: op.Delete, File: file.Name, Line: int(op.Line), Sent: outcomes[file.Index], Accept: op.Accept.String()}
			if o.Sent == "" {
				o.Sent = "not sent"
			}
			if !op.Delete {
				o.Fields = files.Content(op)
			}
			t.Operations = append(t.Operations, o)
		}
	}
}

// stopped says how far the operation came that should be in effect: the last one
// that was acknowledged and had to be accepted.
func (t *Trace) stopped() string {
	at := -1
	for i, o := range t.Operations {
		if o.Sent == "acknowledged" && (o.Accept != workload.Rejectable.String() || at < 0) {
			at = i
		}
	}
	if at < 0 || len(t.Places) == 0 {
		return ""
	}
	o := t.Operations[at]
	sent := fmt.Sprintf("Version %d (%s line %d", o.Version, o.File, o.Line)
	if o.Line == 0 {
		sent = fmt.Sprintf("Version %d (by its absence from %s", o.Version, o.File)
	}
	sent += ")"
	var shows, lacks, twice []string
	for _, place := range t.Places {
		if _, waits := waiting[place.Name]; waits {
			continue
		}
		is, why := o.in(place)
		switch {
		case is:
			shows = append(shows, place.Name)
		case place.Whole:
			lacks = append(lacks, why)
		}
		if n := len(present(place.Found)); n > 1 && place.Name != history.Confirmations {
			twice = append(twice, fmt.Sprintf("%d times in %s", n, place.Name))
		}
	}
	for _, place := range t.Places {
		in, waits := waiting[place.Name]
		if waits && place.holds(o.Version) && (len(lacks) > 0 || place.Name == history.Queued) {
			only := slices.DeleteFunc(slices.Clone(place.Found), func(f Found) bool { return f.Version != o.Version })
			return fmt.Sprintf("%s stopped in %s: %s.", sent, in, text(only))
		}
	}
	switch {
	case len(shows)+len(lacks) == 0:
		return "" // nothing was read completely
	case len(lacks) == 0 && len(twice) > 0:
		return sent + " stands there " + strings.Join(twice, ", ") + "."
	case len(lacks) == 0:
		return sent + " is everywhere it belongs: " + strings.Join(shows, ", ") + "."
	case o.Accept == workload.Rejectable.String():
		return sent + " had to be rejected, and is in no dead letters that were read."
	}
	after := "was acknowledged by SFTP"
	if hop, ok := t.lastOnWire(); ok {
		after = fmt.Sprintf("was last seen on the wire: %s %s, %s", hop.Who, hop.What, hop.Where)
	}
	if len(shows) > 0 {
		after = "is in effect in " + strings.Join(shows, ", ")
	}
	return fmt.Sprintf("%s %s; %s.", sent, after, strings.Join(lacks, "; "))
}

// waiting are the places where an operation waits or was put aside, in words.
var waiting = map[string]string{
	history.Inbox: "the inbox", history.Staged: "staging", history.Queued: "a queue", history.DeadLetters: "the dead letters",
}

func present(found []Found) []Found {
	return slices.DeleteFunc(slices.Clone(found), func(f Found) bool { return f.Deleted })
}

// in reports whether an operation is in effect in a place; why says what is there instead.
func (o Operation) in(place Place) (is bool, why string) {
	there := present(place.Found)
	switch {
	case place.Name == history.Confirmations:
		return place.holds(o.Version) || o.Line == 0, "not confirmed"
	case o.Delete:
		return len(there) == 0, fmt.Sprintf("%s still show %s", place.Name, text(there))
	case place.holds(o.Version) || slices.ContainsFunc(there, func(f Found) bool { return f.Version < 0 }):
		return true, ""
	case len(place.Found) > 0:
		return false, fmt.Sprintf("%s show %s", place.Name, text(place.Found))
	}
	return false, "not in " + place.Name
}

// lastOnWire returns the last hop that the tap saw.
func (t *Trace) lastOnWire() (Hop, bool) {
	for i := len(t.Hops) - 1; i >= 0; i-- {
		if who := t.Hops[i].Who; who != "harness" && who != "observer" {
			return t.Hops[i], true
		}
	}
	return Hop{}, false
}
