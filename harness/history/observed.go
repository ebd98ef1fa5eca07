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
// and version. The entry's Fields are valid until visit returns. It returns an
// error if the file is missing, cut off, lies outside the run's folder or has
// another number of entries than the history says.
func (r *Run) Entries(read Read, visit func(Entry) error) error {
	if read.File == "" {
		return nil
	}
	local := filepath.FromSlash(read.File)
	if !filepath.IsLocal(local) {
		return fmt.Errorf("read observation %q: it lies outside the run's folder", read.File)
	}
	// A root that no symbolic link leads out of: a stored run may come from anywhere.
	root, err := os.OpenRoot(r.Dir)
	if err != nil {
		return fmt.Errorf("read observation %s: %w", read.File, err)
	}
	defer root.Close()
	file, err := root.Open(local)
	if err != nil {
		return fmt.Errorf("read observation %s: %w", read.File, err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<16))
	if err != nil {
		return fmt.Errorf("read observation %s: %w", read.File, err)
	}
	// Decompressing takes a third of the time: a second processor does it meanwhile.
	ahead, unzipped := io.Pipe()
	defer ahead.Close()
	go func() {
		_, err := io.CopyBuffer(unzipped, zip, make([]byte, 1<<16))
		unzipped.CloseWithError(err)
	}()
	count, err := eachEntry(ahead, visit)
	switch {
	case err == nil && count != read.Observation.Entries:
		err = fmt.Errorf("%d entries where the history counts %d", count, read.Observation.Entries)
	case err == nil:
		return nil
	}
	return fmt.Errorf("read observation %s: %w", read.File, err)
}

// eachEntry decodes entries, one a line, and returns how many there were.
func eachEntry(from io.Reader, visit func(Entry) error) (count int, err error) {
	lines := bufio.NewReaderSize(from, 1<<18)
	var entry Entry
	fields := make(map[string]string, 16)
	var long []byte
	for {
		line, err := lines.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			if long = append(long, line...); len(long) > maxEntryBytes {
				return count, fmt.Errorf("entry %d is longer than %d bytes", count+1, maxEntryBytes)
			}
			continue
		}
		if len(long) > 0 {
			line = append(long, line...)
			long = long[:0]
		}
		if err == io.EOF && len(line) == 0 {
			return count, nil
		}
		if err == io.EOF {
			return count, fmt.Errorf("entry %d is cut off", count+1)
		}
		if err != nil {
			return count, fmt.Errorf("entry %d: %w", count+1, err)
		}
		if !decodeEntry(string(line), &entry, fields) {
			entry = Entry{}
			if err := json.Unmarshal(line, &entry); err != nil {
				return count, fmt.Errorf("entry %d: %w", count+1, err)
			}
		}
		count++
		if err := visit(entry); err != nil {
			return count, err
		}
	}
}

// maxEntryBytes is more than any record of a workload comes to.
const maxEntryBytes = 64 << 20
