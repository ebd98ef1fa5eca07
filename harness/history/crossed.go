package history

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// crossedFile holds what crossed the wire.
const crossedFile = observedDir + "/wire.jsonl.gz"

// Crossing writes the protocol events of a run to a file of its own: there
// are many more of them than of acts. Its methods are for one goroutine.
type Crossing struct {
	w       *Writer
	file    *os.File
	zip     *gzip.Writer
	encoder *json.Encoder
	is      Crossings
}

// Cross begins the file of what crosses the wire.
func (w *Writer) Cross() (*Crossing, error) {
	path := filepath.Join(w.dir, crossedFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("write what crosses the wire: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write what crosses the wire: %w", err)
	}
	zip, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
	encoder := json.NewEncoder(zip)
	encoder.SetEscapeHTML(false)
	return &Crossing{w: w, file: file, zip: zip, encoder: encoder, is: Crossings{File: crossedFile}}, nil
}

// Add writes one event.
func (c *Crossing) Add(event any) error {
	if err := c.encoder.Encode(event); err != nil {
		return fmt.Errorf("write what crosses the wire: %w", err)
	}
	c.is.Events++
	return nil
}

// Trial notes the numbers of the last events before the trial and in it, and of
// those at which it had settled and was to go on.
func (c *Crossing) Trial(from, to int64, settled ...int64) {
	c.is.TrialFrom, c.is.TrialTo, c.is.Settled = from, to, settled
}

// Miss notes how many events were lost before the next one.
func (c *Crossing) Miss(events int64) { c.is.Missing += events }

// Close ends the file and notes in the history what is in it.
func (c *Crossing) Close() error {
	err := errors.Join(c.zip.Close(), c.file.Close())
	if err != nil {
		return fmt.Errorf("write what crosses the wire: %w", err)
	}
	return c.w.Note(Crossed, "", c.is)
}

// Crossed calls visit for each event that crossed the wire, as JSON, in the
// order seen. Of a run without such a file there are none. It returns an error
// if the file is cut off, lies outside the run's folder or has another number
// of events than the history says.
func (r *Run) Crossed(visit func(json.RawMessage) error) error {
	is, err := r.Crossings()
	if err != nil {
		return err
	}
	count, err := r.crossed(visit)
	if err == nil && is.File != "" && count != is.Events {
		err = fmt.Errorf("read what crossed the wire: %s has %d events where the history counts %d", crossedFile, count, is.Events)
	}
	return err
}

func (r *Run) crossed(visit func(json.RawMessage) error) (count int, err error) {
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return 0, fmt.Errorf("read what crossed the wire: %w", err)
	}
	defer root.Close()
	file, err := root.Open(filepath.FromSlash(crossedFile))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read what crossed the wire: %w", err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return 0, fmt.Errorf("read what crossed the wire: %w", err)
	}
	decoder := json.NewDecoder(zip)
	for {
		var event json.RawMessage
		err := decoder.Decode(&event)
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return count, fmt.Errorf("read what crossed the wire: %w", err)
		}
		count++
		if err := visit(event); err != nil {
			return count, err
		}
	}
}

// Crossings returns what is known of the events that crossed the wire; nothing
// of a run whose history does not say.
func (r *Run) Crossings() (Crossings, error) {
	var is Crossings
	for _, event := range r.Events {
		if event.Act == Crossed {
			if err := event.Decode(&is); err != nil {
				return is, err
			}
		}
	}
	return is, nil
}
