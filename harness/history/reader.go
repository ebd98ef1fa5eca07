package history

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run is a stored run, read back.
type Run struct {
	Dir    string
	Header Header
	Events []Event
	// Problem is empty for a history that is whole: numbered without gaps and
	// closed with the right counts and checksum. Otherwise it says in a
	// sentence what is missing, and nothing can be proved by this run.
	Problem string
}

// Load reads the history in dir. An error means that not even the header
// could be read; a history that broke off later comes back with Problem set
// and the events up to the break.
func Load(dir string) (*Run, error) {
	file, err := os.Open(filepath.Join(dir, FileName))
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	defer file.Close()
	run := &Run{Dir: dir}
	sum := sha256.New()
	lines := bufio.NewReaderSize(file, 1<<16)
	count := 0
	var end *trailer
	for run.Problem == "" {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			if len(line) > 0 {
				run.Problem = fmt.Sprintf("line %d is cut off", count+1)
			}
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		switch {
		case count == 0:
			if err := json.Unmarshal(line, &run.Header); err != nil {
				return nil, fmt.Errorf("read history header: %w", err)
			}
			if run.Header.Schema != Schema {
				return nil, fmt.Errorf("history has schema %d, this version reads %d: judge it with the version that wrote it", run.Header.Schema, Schema)
			}
		case end != nil:
			run.Problem = fmt.Sprintf("line %d stands after the end", count+1)
		case bytes.HasPrefix(line, []byte(`{"end":true`)):
			end = &trailer{}
			if err := json.Unmarshal(line, end); err != nil {
				run.Problem = fmt.Sprintf("the last line cannot be read: %v", err)
				break
			}
			run.Problem = end.verify(count, hex.EncodeToString(sum.Sum(nil)))
		default:
			var event Event
			if err := json.Unmarshal(line, &event); err != nil {
				run.Problem = fmt.Sprintf("line %d cannot be read: %v", count+1, err)
				break
			}
			if event.Seq != len(run.Events)+1 {
				run.Problem = fmt.Sprintf("line %d has number %d where %d was due", count+1, event.Seq, len(run.Events)+1)
				break
			}
			run.Events = append(run.Events, event)
		}
		sum.Write(line)
		count++
	}
	if count == 0 {
		return nil, fmt.Errorf("read history: %s is empty", FileName)
	}
	if run.Problem == "" && end == nil {
		run.Problem = "the history has no last line: the harness died before the run ended"
	}
	return run, nil
}

func (t *trailer) verify(lines int, sum string) string {
	switch {
	case t.Lines != lines:
		return fmt.Sprintf("the last line counts %d lines, there are %d", t.Lines, lines)
	case t.SHA256 != sum:
		return "the checksum in the last line is not that of the lines before it"
	}
	return ""
}

// Decode unmarshals the payload of an event into value.
func (e Event) Decode(value any) error {
	if err := json.Unmarshal(e.Data, value); err != nil {
		return fmt.Errorf("history line %d (%s %s %s): payload: %w", e.Seq, e.Act, e.Phase, e.Name, err)
	}
	return nil
}

// Read is one stored observation: when it began and ended, and what it was.
type Read struct {
	Observation
	Begin, End int64 // monotonic nanoseconds; everything seen was read between them
	Seq        int   // of the line that ended it
}

// Reads returns the observations of place in the order in which they ended,
// all places if place is empty. A read that failed altogether is there as
// not whole, without entries.
func (r *Run) Reads(place string) ([]Read, error) {
	begun := map[int]Event{}
	var reads []Read
	for _, event := range r.Events {
		if event.Act != Observe {
			continue
		}
		if event.Phase == Invoke {
			begun[event.Seq] = event
			continue
		}
		start, ok := begun[event.Of]
		if !ok {
			return nil, fmt.Errorf("history line %d ends a read that never began", event.Seq)
		}
		read := Read{Begin: start.At, End: event.At, Seq: event.Seq}
		if err := event.Decode(&read.Observation); err != nil {
			return nil, err
		}
		if event.Phase != OK {
			read.Whole = false
		}
		if place == "" || read.Place == place {
			reads = append(reads, read)
		}
	}
	return reads, nil
}

// FinalReads returns of each place the read that counts at the end of the run:
// the last one, but a whole one rather than one that is not. Places that were not
// read at the end are missing.
func FinalReads(reads []Read) map[string]Read {
	final := map[string]Read{}
	for _, read := range reads {
		if last, ok := final[read.Place]; read.Final && (!ok || read.Whole || !last.Whole) {
			final[read.Place] = read
		}
	}
	return final
}
