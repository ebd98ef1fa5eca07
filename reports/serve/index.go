package serve

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

const (
	deepest      = 3                      // folders below the first in which runs are looked for: of a sweep, of a CI job's sweep
	mostRuns     = 50_000                 // that are listed
	runFileBytes = 64 << 20               // a run.json that is longer is none
	lookEvery    = 500 * time.Millisecond // at most this often folders are looked through, however many ask
	closeEvery   = 15 * time.Second       // at least this often every run.json is looked at, though its folder is as it was
	tailsKept    = 16                     // histories that are kept as far as they were read
	reasonShown  = 400                    // characters
)

// The states of a run that has no verdict.
const (
	UnderWay   = "under way"
	Died       = "died"       // its history has no end, and nobody writes it
	NotJudged  = "not judged" // its history has an end, and there is no run.json
	Unreadable = "unreadable"
)

// row is what the list says of a run.
type row struct {
	ID       string         `json:"id"`
	Folder   string         `json:"folder"` // below the one that is looked through
	Scenario string         `json:"scenario"`
	Pipeline string         `json:"pipeline"`
	Tag      string         `json:"tag"`
	Seed     string         `json:"seed"`
	State    string         `json:"state"` // a verdict, or one of the states above
	Note     string         `json:"note"`  // what the verdict hides: "undo failed"
	Reason   string         `json:"reason"`
	Began    int64          `json:"began"` // milliseconds since 1970
	Seconds  float64        `json:"seconds"`
	Came     string         `json:"came"`    // what came of it, in a line
	Broken   string         `json:"broken"`  // what was broken, in a line
	Classes  map[string]int `json:"classes"` // of findings
	Judged   bool           `json:"judged"`
	Report   bool           `json:"report"` // is there, or can be made
	Findings bool           `json:"findings"`
	History  bool           `json:"history"`
	Day      string         `json:"day"`    // the state of its game day; empty: it is none
	Hidden   bool           `json:"hidden"` // what breaks is to surprise people: nothing here tells it
}

// entry is a run in the index, and by what it is known to be unchanged.
type entry struct {
	row
	path     string    // below the root, with slashes
	changed  time.Time // the folder
	run      stamp
	history  stamp
	findings stamp
	day      stamp
	over     bool  // nobody writes its history any more
	tail     *tail // of a run that somebody looks at
}

// stamp tells whether a file is still the one that was read.
type stamp struct {
	there    bool
	modified time.Time
	size     int64
}

// index is what is known of all runs below a folder. It is kept in memory;
// only what changed is read again.
type index struct {
	out  string
	root *os.Root

	mu      sync.Mutex
	looked  time.Time
	closely time.Time // looked at every run.json
	closer  bool      // does so now
	born    string    // tells the versions of one index from those of another that had the same port
	version int
	runs    map[string]*entry // by ID
	listed  []byte            // as JSON, of this version
	viewed  []string          // IDs of runs whose history was asked for, the latest last
	more    bool              // there are more than mostRuns
}

// openIndex looks through the folder out for the first time.
func openIndex(out string) (*index, error) {
	root, err := os.OpenRoot(out)
	if err != nil {
		return nil, err
	}
	x := &index{out: out, root: root, runs: map[string]*entry{}, born: strconv.FormatInt(time.Now().UnixNano(), 36)}
	x.look()
	return x, nil
}

// list returns all runs, newest first, as JSON, and the version of this list.
func (x *index) list() (list []byte, version string, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.look()
	version = fmt.Sprintf("%s-%d", x.born, x.version)
	if x.listed == nil {
		rows := make([]row, 0, len(x.runs))
		for _, e := range x.runs {
			rows = append(rows, e.row)
		}
		slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(b.Began, a.Began), cmp.Compare(a.Folder, b.Folder)) })
		x.listed, err = json.Marshal(struct {
			Version string `json:"version"`
			More    bool   `json:"more"`
			Runs    []row  `json:"runs"`
		}{version, x.more, rows})
	}
	return x.listed, version, err
}

// find returns the run with that ID as it is now.
func (x *index) find(id string) (entry, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.look()
	e, ok := x.runs[id]
	if !ok {
		return entry{}, false
	}
	return *e, true
}

// look looks through the folders, unless that was done a moment ago; x.mu is held.
func (x *index) look() {
	if !x.looked.IsZero() && time.Since(x.looked) < lookEvery {
		return
	}
	before := x.runs
	if x.closer = time.Since(x.closely) >= closeEvery; x.closer {
		x.closely = time.Now()
	}
	x.runs, x.more = make(map[string]*entry, len(before)), false
	changed := x.walk(".", 0, before)
	if changed || len(x.runs) != len(before) {
		x.version++
		x.listed = nil
	}
	x.looked = time.Now()
}

// walk takes the runs in a folder into the index and reports whether one of
// them is not as it was before. Symbolic links are not followed.
func (x *index) walk(folder string, depth int, before map[string]*entry) (changed bool) {
	if x.take(folder, before, &changed) || depth > deepest {
		return changed
	}
	dir, err := x.root.Open(folder)
	if err != nil {
		return changed // gone, or not ours to read
	}
	inside, _ := dir.ReadDir(-1)
	dir.Close()
	for _, item := range inside {
		if item.IsDir() && !x.more {
			changed = x.walk(path.Join(folder, item.Name()), depth+1, before) || changed
		}
	}
	return changed
}

// take takes a folder into the index, if it is that of a run.
func (x *index) take(folder string, before map[string]*entry, changed *bool) bool {
	id := identify(folder)
	e, known := before[id]
	at := time.Time{}
	if info, err := x.root.Lstat(folder); err == nil {
		at = info.ModTime()
	}
	// Reports are put into a folder by renaming: that changes it. A run that goes
	// on is always looked at; its files change in place, and so does its writer.
	// A timeline grows in place, too, and tells when there is nothing to hide any more.
	if known && e.run.there && e.changed.Equal(at) && !x.closer && !e.Hidden {
		x.runs[id] = e
		return true
	}
	run, story := x.stamp(folder, reports.RunFile), x.stamp(folder, history.FileName)
	if !run.there && !story.there {
		return false
	}
	if len(x.runs) >= mostRuns {
		x.more = true
		return true
	}
	day, findings := x.stamp(folder, gameday.FileName), stamp{}
	if run.there {
		findings = x.stamp(folder, reports.FindingsFile)
	}
	settled := known && (e.run.there || e.over)
	if !settled || !e.changed.Equal(at) || e.run != run || e.history != story || e.findings != findings || e.day != day {
		fresh := &entry{path: folder, run: run, history: story, findings: findings, day: day}
		if known && (!run.there || e.Hidden) {
			fresh.tail = e.tail
		}
		x.read(fresh, id)
		*changed = *changed || !known || !reflect.DeepEqual(fresh.row, e.row)
		e = fresh
	}
	e.changed = at
	x.runs[id] = e
	return true
}

// identify returns the name of a run in addresses. It is no path: requests can
// name runs that are in the index, and nothing else.
func identify(folder string) string {
	sum := sha256.Sum256([]byte(folder))
	return hex.EncodeToString(sum[:8])
}

// stamp looks at a file; what is no regular file is not there.
func (x *index) stamp(folder, name string) stamp {
	info, err := x.root.Lstat(path.Join(folder, name))
	if err != nil || !info.Mode().IsRegular() {
		return stamp{}
	}
	return stamp{true, info.ModTime(), info.Size()}
}

// open opens a regular file of a run. No link leads out of its folder, and a
// pipe is not waited for.
func (x *index) open(folder, name string) (*os.File, fs.FileInfo, error) {
	file, err := x.root.OpenFile(path.Join(folder, name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// bytes reads a file of a run that has no more than most bytes.
func (x *index) bytes(e entry, name string, most int64) ([]byte, error) {
	file, info, err := x.open(e.path, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, withoutPath(err))
	}
	defer file.Close()
	if info.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes: that is none of ours", name, info.Size())
	}
	raw, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(raw)) > most { // it grows
		err = fmt.Errorf("it has more than %d bytes: that is none of ours", most)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return raw, nil
}

// dir is the folder of a run as a path.
func (x *index) dir(e entry) string { return filepath.Join(x.out, filepath.FromSlash(e.path)) }

// read fills in what the list says of a run.
func (x *index) read(e *entry, id string) {
	e.row = row{ID: id, Folder: reports.Line(e.path), Classes: map[string]int{}, History: e.history.there}
	if e.path == "." {
		e.Folder = reports.Line(filepath.Base(x.out))
	}
	x.readDay(e)
	if !e.run.there || e.Hidden {
		x.follow(e)
		x.hide(e)
		return
	}
	run, err := x.run(*e)
	if err != nil {
		e.State, e.Reason, e.Began = Unreadable, reports.Line(err.Error()), e.run.modified.UnixMilli()
		return
	}
	e.State = string(run.Verdict)
	e.Scenario, e.Pipeline, e.Tag, e.Seed = reports.Line(run.Scenario), reports.Line(run.Pipeline), reports.Line(run.Tag), fmt.Sprint(run.Seed)
	e.Reason, e.Note, e.Seconds = shorten(reports.Line(run.Reason)), note(run), run.Seconds["total"]
	e.Came, e.Broken = reports.CountsLine(run), reports.FaultsLine(run)
	e.Began = began(run.Started, e.run)
	for class, n := range run.Counts {
		if n > 0 && reports.Wrong(class) {
			e.Classes[reports.Line(string(class))] = n
		}
	}
	e.Judged, e.Findings = true, e.findings.there
	e.Report = e.history.there || x.stamp(e.path, reports.HTMLFile).there
}

// run reads the run.json of a run.
func (x *index) run(e entry) (reports.Run, error) {
	raw, err := x.bytes(e, reports.RunFile, runFileBytes)
	if err != nil {
		return reports.Run{}, err
	}
	var run reports.Run
	if err := json.Unmarshal(raw, &run); err != nil {
		return run, fmt.Errorf("%s cannot be read: %w", reports.RunFile, err)
	}
	run.Folder = x.dir(e)
	if run.Verdict = cmp.Or(run.Verdict, check.Unknown); !slices.Contains(verdicts, run.Verdict) {
		return run, fmt.Errorf("%s has a verdict that this version does not know: %q", reports.RunFile, shorten(string(run.Verdict)))
	}
	return run, nil
}

var verdicts = []check.Verdict{check.Valid, check.Invalid, check.Unknown, check.Infra}

// note says what the verdict alone would hide.
func note(run reports.Run) string {
	switch {
	case !run.Undo.OK:
		return "undo failed"
	case run.Exit == reports.ExitInterrupted:
		return "interrupted"
	case run.Exit == reports.ExitAborted:
		return "aborted"
	case run.NoFault:
		return "no fault"
	}
	return ""
}

// follow fills in what the history tells of a run that has no run.json.
func (x *index) follow(e *entry) {
	// In this order: a writer lets go of its history after it wrote the end.
	writing, err := history.Writing(x.dir(*e))
	if err == nil {
		err = x.tell(e)
	}
	if err != nil {
		e.State, e.Reason, e.Began = Unreadable, reports.Line(withoutPath(err).Error()), e.history.modified.UnixMilli()
		return
	}
	t := e.tail
	head := t.header
	e.Scenario, e.Pipeline, e.Tag, e.Seed = reports.Line(head.Scenario), reports.Line(head.Pipeline), reports.Line(head.Tag), fmt.Sprint(head.Seed)
	e.Began, e.Seconds, e.Came, e.Broken = began(head.Started, e.history), t.at, t.came(), t.broken()
	switch {
	case t.problem != "" && !writing:
		e.State, e.Reason = Unreadable, text("the history: "+t.problem)
	case t.ended:
		e.State, e.Reason = NotJudged, "Its history is whole; the reports are not written yet."
	case writing:
		e.State, e.Reason = UnderWay, t.doing()
	default:
		e.State, e.Reason = Died, "The harness died before the run ended: what was broken may still be."
	}
	if e.over = e.State != UnderWay; e.over {
		e.tail = nil // made anew where somebody asks; there may be many
	}
}

// tell reads on in the history of a run.
func (x *index) tell(e *entry) error {
	file, info, err := x.open(e.path, history.FileName)
	if err != nil {
		return fmt.Errorf("read %s: %w", history.FileName, err)
	}
	defer file.Close()
	if e.tail == nil || e.tail.offset > info.Size() {
		e.tail = newTail()
	}
	if err := e.tail.read(file); err != nil {
		return fmt.Errorf("read %s: %w", history.FileName, err)
	}
	return nil
}

// story returns the run with that ID as it is now, and what its history tells;
// nil: there is none that can be read.
func (x *index) story(id string) (entry, *story, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.look()
	e, ok := x.runs[id]
	if !ok {
		return entry{}, nil, false
	}
	if !e.history.there || x.tell(e) != nil {
		return *e, nil, true
	}
	x.keep(id)
	story := e.tail.story()
	if e.Hidden {
		story.Steps, story.Acts = []step{}, []act{}
	}
	return *e, story, true
}

// keep lets go of what is kept of histories that nobody looked at for long.
func (x *index) keep(id string) {
	x.viewed = append(slices.DeleteFunc(x.viewed, func(other string) bool { return other == id }), id)
	if len(x.viewed) <= tailsKept {
		return
	}
	if e, ok := x.runs[x.viewed[0]]; ok && e.State != UnderWay {
		e.tail = nil
	}
	x.viewed = x.viewed[1:]
}

// began returns when a run began; what its files say last where it does not.
func began(started string, file stamp) int64 {
	if at, err := time.Parse(time.RFC3339Nano, started); err == nil {
		return at.UnixMilli()
	}
	return file.modified.UnixMilli()
}

// withoutPath leaves out of an error where a folder lies: the page says it already.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func shorten(text string) string {
	if letters := []rune(text); len(letters) > reasonShown {
		return string(letters[:reasonShown-1]) + "…"
	}
	return text
}
