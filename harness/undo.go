package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
)

// undoFile is the journal's name in a run's folder.
const undoFile = "undo.jsonl"

// undoWithin bounds one undo step, the readiness of what it starts not included.
const undoWithin = 30 * time.Second

// journal keeps what has to be taken back, on disk before the fault is
// injected. Steps are taken back last first.
type journal struct {
	mu      sync.Mutex
	file    *os.File
	pending []journaled
	next    int
}

type journaled struct {
	ID   int        `json:"id"`
	Undo fault.Undo `json:"undo"`
}

type undone struct {
	Done int `json:"done"` // ID of the step that was taken back
}

// broken is the first line of a journal: where the steps are to be taken back
// if the run dies.
type broken struct {
	Stack string `json:"stack"` // id
}

// errKept is wrapped by the error of opening a journal that a living process keeps.
var errKept = errors.New("its process is alive")

func openJournal(dir string) (*journal, error) {
	file, err := os.OpenFile(filepath.Join(dir, undoFile), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open undo journal: %w", err)
	}
	// Whoever keeps it holds a lock on it. On a file system without locks nobody
	// is seen to: taking back twice what is taken back does no harm.
	if errors.Is(syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("open undo journal: %w", errKept), file.Close())
	}
	return &journal{file: file}, nil
}

// on journals which stack the steps are for.
func (j *journal) on(stack string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.write(broken{Stack: stack})
}

// reopenJournal returns the journal of a run that ended, however it ended, with
// what it has not taken back, and the id of the stack that this is for. A last
// line that was cut off counts as not written: what it would have said was not
// done yet.
func reopenJournal(dir string) (j *journal, stack string, err error) {
	path := filepath.Join(dir, undoFile)
	if _, err := os.Stat(path); err != nil {
		return nil, "", fmt.Errorf("read undo journal: %w", err)
	}
	if j, err = openJournal(dir); err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			j, err = nil, errors.Join(err, j.close())
		}
	}()
	raw, err := os.ReadFile(path)
	if err != nil {
		return j, "", fmt.Errorf("read undo journal: %w", err)
	}
	whole := bytes.LastIndexByte(raw, '\n') + 1
	line := 0
	for text := range bytes.Lines(raw[:whole]) {
		line++
		var entry struct {
			journaled
			undone
			broken
		}
		if err := json.Unmarshal(text, &entry); err != nil {
			return j, "", fmt.Errorf("read undo journal: line %d: %w", line, err)
		}
		switch {
		case entry.Stack != "":
			stack = entry.Stack
		case entry.Done != 0:
			j.pending = slices.DeleteFunc(j.pending, func(p journaled) bool { return p.ID == entry.Done })
		case entry.ID > 0:
			j.pending = append(j.pending, entry.journaled)
			j.next = max(j.next, entry.ID)
		default:
			return j, "", fmt.Errorf("read undo journal: line %d says nothing that is known", line)
		}
	}
	if err := os.Truncate(path, int64(whole)); err != nil {
		return j, "", fmt.Errorf("take up undo journal: %w", err)
	}
	return j, stack, nil
}

// add journals the steps of one fault and returns their IDs. When it returns
// without error they are with the operating system.
func (j *journal) add(steps []fault.Undo) ([]int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var ids []int
	for _, step := range steps {
		j.next++
		entry := journaled{ID: j.next, Undo: step}
		if err := j.write(entry); err != nil {
			return nil, err
		}
		j.pending = append(j.pending, entry)
		ids = append(ids, entry.ID)
	}
	return ids, nil
}

func (j *journal) write(value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode undo step: %w", err)
	}
	if _, err := j.file.Write(append(raw, '\n')); err != nil {
		return fmt.Errorf("write undo journal: %w", err)
	}
	return j.file.Sync()
}

// take takes back the steps with the given IDs that are still pending, last
// first. A step that fails stays pending; the others are taken back all the same.
func (j *journal) take(ctx context.Context, ids []int, apply func(context.Context, fault.Undo) error) error {
	var errs []error
	for i := len(ids) - 1; i >= 0; i-- {
		entry, ok := j.find(ids[i])
		if !ok {
			continue
		}
		step, cancel := context.WithTimeout(ctx, undoWithin)
		err := apply(step, entry.Undo)
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("undo %s %s: %w", entry.Undo.Do, entry.Undo.Target, err))
			continue
		}
		errs = append(errs, j.done(entry.ID))
	}
	return errors.Join(errs...)
}

// takeAll takes back everything that is still pending.
func (j *journal) takeAll(ctx context.Context, apply func(context.Context, fault.Undo) error) error {
	j.mu.Lock()
	var ids []int
	for _, entry := range j.pending {
		ids = append(ids, entry.ID)
	}
	j.mu.Unlock()
	return j.take(ctx, ids, apply)
}

func (j *journal) find(id int) (journaled, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, entry := range j.pending {
		if entry.ID == id {
			return entry, true
		}
	}
	return journaled{}, false
}

func (j *journal) done(id int) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, entry := range j.pending {
		if entry.ID == id {
			j.pending = append(j.pending[:i], j.pending[i+1:]...)
			return j.write(undone{Done: id})
		}
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }
