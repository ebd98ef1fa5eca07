package gameday

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// Log appends to a timeline. A line that was appended without error is on disk.
type Log struct {
	mu   sync.Mutex
	file *os.File
}

// Create opens a new timeline in dir. It fails if dir has one already.
func Create(dir string) (*Log, error) {
	file, err := os.OpenFile(filepath.Join(dir, FileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open timeline: %w", err)
	}
	return &Log{file: file}, nil
}

// Reopen goes on with the timeline in dir and returns what it holds. A last line
// that was cut off is taken away: it was never acted upon.
func Reopen(dir string) (*Log, Record, error) {
	path := filepath.Join(dir, FileName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, Record{}, fmt.Errorf("read timeline: %w", err)
	}
	record, err := Parse(raw)
	if err != nil {
		return nil, record, err
	}
	if err := os.Truncate(path, int64(record.whole)); err != nil {
		return nil, record, fmt.Errorf("take up timeline: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, record, fmt.Errorf("take up timeline: %w", err)
	}
	return &Log{file: file}, record, nil
}

// Append writes one value as a line, to the disk.
func (l *Log) Append(value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode timeline: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	return nil
}

// Close ends the writing.
func (l *Log) Close() error { return l.file.Close() }

// Record is a timeline, read back.
type Record struct {
	Header  Header
	Events  []Event
	State   State
	Aborted bool
	// Cut says that the last line was cut off: the process died in it.
	Cut   bool
	whole int // bytes up to the end of the last whole line
}

// Read reads the timeline in dir.
func Read(dir string) (Record, error) {
	raw, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		return Record{}, fmt.Errorf("read timeline: %w", err)
	}
	return Parse(raw)
}

// Parse reads a timeline. Any line but a last one that is cut off must be what a
// Session writes: numbered without gaps, never going back in time, and no event
// in a state in which it cannot happen.
func Parse(raw []byte) (Record, error) {
	record := Record{whole: bytes.LastIndexByte(raw, '\n') + 1, State: Preflight}
	record.Cut = record.whole < len(raw)
	number := 0
	for line := range bytes.Lines(raw[:record.whole]) {
		number++
		if number == 1 {
			if err := json.Unmarshal(line, &record.Header); err != nil {
				return record, fmt.Errorf("read timeline: header: %w", err)
			}
			if record.Header.Schema != Schema {
				return record, fmt.Errorf("timeline has schema %d, this version reads %d: read it with the version that wrote it", record.Header.Schema, Schema)
			}
			continue
		}
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			return record, fmt.Errorf("read timeline: line %d: %w", number, err)
		}
		if err := record.add(event); err != nil {
			return record, fmt.Errorf("read timeline: line %d: %w", number, err)
		}
	}
	if number == 0 {
		return record, errors.New("read timeline: it is empty")
	}
	return record, nil
}

// add takes the next event, or says why it cannot be the next.
func (r *Record) add(event Event) error {
	if event.Seq != len(r.Events)+1 {
		return fmt.Errorf("number %d where %d was due", event.Seq, len(r.Events)+1)
	}
	if event.At < 0 || len(r.Events) > 0 && event.At < r.Events[len(r.Events)-1].At {
		return fmt.Errorf("event %d lies before the one before it", event.Seq)
	}
	if err := r.allows(event); err != nil {
		return err
	}
	switch event.Kind {
	case Entered:
		r.State = State(event.Status)
	case Aborted:
		r.Aborted = true
	}
	r.Events = append(r.Events, event)
	return nil
}
