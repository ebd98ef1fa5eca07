package history

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// observedDir is the folder of stored reads below a run's folder.
const observedDir = "observed"

// Observe begins a read of a place. What was read is given to End.
func (w *Writer) Observe(place string, final bool) (*Reading, error) {
	w.mu.Lock()
	w.reads[place]++
	n := w.reads[place]
	w.mu.Unlock()
	obs := Observation{Place: place, N: n, Final: final}
	pending, err := w.Invoke(Observe, place, obs)
	return &Reading{pending: pending, obs: obs}, err
}

// Reading is an observation under way.
type Reading struct {
	pending *Pending
	obs     Observation
}

// Entries ends the read with the records found. A cause makes it a partial
// read: what was found stands, nothing follows from what was not.
func (r *Reading) Entries(entries []Entry, cause error) error {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Where, b.Where))
	})
	r.obs.Entries = len(entries)
	r.obs.File = fmt.Sprintf("%s/%s-%d.jsonl.gz", observedDir, r.obs.Place, r.obs.N)
	if err := writeEntries(filepath.Join(r.pending.w.dir, r.obs.File), entries); err != nil {
		r.obs.File = ""
		return errors.Join(err, r.end(err))
	}
	return r.end(cause)
}

// Queues ends a read of queue depths.
func (r *Reading) Queues(depths []QueueDepth, cause error) error {
	r.obs.Queues = depths
	r.obs.Entries = len(depths)
	return r.end(cause)
}

// Status ends a read of the import's status.
func (r *Reading) Status(entries []StatusEntry, cause error) error {
	r.obs.Status = entries
	r.obs.Entries = len(entries)
	return r.end(cause)
}

func (r *Reading) end(cause error) error {
	if cause != nil {
		return r.pending.Fail(cause, r.obs)
	}
	r.obs.Whole = true
	return r.pending.OK(r.obs)
}

func writeEntries(path string, entries []Entry) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write observation: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write observation: %w", err)
	}
	defer func() {
		if cerr := file.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("write observation: %w", cerr)
		}
	}()
	zip, _ := gzip.NewWriterLevel(file, gzip.BestSpeed)
	encoder := json.NewEncoder(zip)
	encoder.SetEscapeHTML(false)
	for i := range entries {
		if err := encoder.Encode(&entries[i]); err != nil {
			return fmt.Errorf("write observation %s: %w", filepath.Base(path), err)
		}
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("write observation %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Entries calls visit for each record of a stored read, in order of number
// and version. It returns an error if the file is missing, cut off or has
// another number of entries than the history says.
func (r *Run) Entries(read Read, visit func(Entry) error) error {
	if read.File == "" {
		return nil
	}
	path := filepath.Join(r.Dir, filepath.FromSlash(read.File))
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read observation: %w", err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<16))
	if err != nil {
		return fmt.Errorf("read observation %s: %w", read.File, err)
	}
	decoder := json.NewDecoder(zip)
	count := 0
	for {
		var entry Entry
		if err := decoder.Decode(&entry); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("read observation %s, entry %d: %w", read.File, count+1, err)
		}
		count++
		if err := visit(entry); err != nil {
			return err
		}
	}
	if count != read.Observation.Entries {
		return fmt.Errorf("read observation %s: %d entries where the history counts %d", read.File, count, read.Observation.Entries)
	}
	return nil
}
