package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileName is the name of the history in a run's folder.
const FileName = "history.jsonl"

// trailer is the last line of a history that was closed in good order.
type trailer struct {
	End    bool        `json:"end"`
	Lines  int         `json:"lines"` // header and events
	Acts   map[Act]int `json:"acts"`
	SHA256 string      `json:"sha256"` // of every byte before this line
}

// Writer appends to a history. Its methods may be called from several
// goroutines; lines are numbered in the order in which they are written. A
// line that returned without error is with the operating system: it survives
// the death of the process (not that of the machine).
//
// The first write that fails is kept: Err returns it, later calls return it
// too, and the run cannot be proved either way.
type Writer struct {
	dir     string
	started time.Time

	mu     sync.Mutex
	file   *os.File
	sum    hash.Hash
	seq    int
	lines  int
	acts   map[Act]int
	reads  map[string]int
	err    error
	closed bool
}

// Create opens a new history in dir and writes the header. It fails if dir
// has one already.
func Create(dir string, header Header) (*Writer, error) {
	header.Schema = Schema
	path := filepath.Join(dir, FileName)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	hold(file)
	w := &Writer{dir: dir, started: time.Now(), file: file, sum: sha256.New(), acts: map[Act]int{}, reads: map[string]int{}}
	if header.Started == "" {
		header.Started = w.started.UTC().Format(time.RFC3339Nano)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.line(header); err != nil {
		file.Close()
		return nil, err
	}
	return w, nil
}

// Dir returns the run's folder.
func (w *Writer) Dir() string { return w.dir }

// Since returns the time since the history was opened: the clock of all events.
func (w *Writer) Since() time.Duration { return time.Since(w.started) }

// Err returns the first error met while writing, or nil.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Pending is an act that was begun: exactly one of its methods is to be
// called once its outcome is known.
type Pending struct {
	w    *Writer
	seq  int
	act  Act
	name string
}

// Invoke writes that an act is about to begin. Data may be nil.
func (w *Writer) Invoke(act Act, name string, data any) (*Pending, error) {
	seq, err := w.event(Event{Phase: Invoke, Act: act, Name: name}, data)
	return &Pending{w: w, seq: seq, act: act, name: name}, err
}

// Note writes something that has no beginning and no end.
func (w *Writer) Note(act Act, name string, data any) error {
	_, err := w.event(Event{Phase: Note, Act: act, Name: name}, data)
	return err
}

// OK ends the act: it happened.
func (p *Pending) OK(data any) error { return p.end(OK, nil, data) }

// Fail ends the act: it did not happen, for the reason cause.
func (p *Pending) Fail(cause error, data any) error { return p.end(Fail, cause, data) }

// Info ends the act: whether it happened is not known, because of cause.
func (p *Pending) Info(cause error, data any) error { return p.end(Info, cause, data) }

func (p *Pending) end(phase Phase, cause error, data any) error {
	event := Event{Phase: phase, Of: p.seq, Act: p.act, Name: p.name}
	if cause != nil {
		event.Error = cause.Error()
	}
	_, err := p.w.event(event, data)
	return err
}

func (w *Writer) event(event Event, data any) (int, error) {
	if data != nil {
		raw, err := json.Marshal(data)
		if err != nil {
			return 0, fmt.Errorf("encode %s %s: %w", event.Act, event.Name, err)
		}
		event.Data = raw
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	event.Seq = w.seq + 1
	event.At = time.Since(w.started).Nanoseconds()
	if err := w.line(event); err != nil {
		return 0, err
	}
	w.seq++
	w.acts[event.Act]++
	return event.Seq, nil
}

// line writes one value as a line; w.mu is held.
func (w *Writer) line(value any) error {
	if w.err != nil {
		return w.err
	}
	if w.closed {
		return errors.New("write history: it is closed already")
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode history line: %w", err)
	}
	raw = append(raw, '\n')
	if _, err := w.file.Write(raw); err != nil {
		w.err = fmt.Errorf("write history: %w (is the disk full?)", err)
		return w.err
	}
	w.sum.Write(raw)
	w.lines++
	return nil
}

// Close writes the last line with counts and checksum. A history without it
// is incomplete and can prove nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.err
	}
	end := trailer{End: true, Lines: w.lines, Acts: w.acts, SHA256: hex.EncodeToString(w.sum.Sum(nil))}
	err := w.line(end)
	w.closed = true
	if cerr := w.file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close history: %w", cerr)
		w.err = err
	}
	return err
}
