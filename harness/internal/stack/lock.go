package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// lock is a file held locked by the process that owns a stack. The kernel
// lets go of it when the process dies, however it dies.
type lock struct {
	path string
	file *os.File
}

func lockDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	dir := filepath.Join(base, "seatrial", "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder for locks: %w", err)
	}
	return dir, nil
}

func takeLock(id string) (*lock, error) {
	dir, err := lockDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, id)
	file, err := flocked(path, os.O_CREATE, syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return &lock{path: path, file: file}, nil
}

// flocked opens a file, makes it where create is os.O_CREATE, and locks it: how is
// syscall.LOCK_EX or LOCK_SH. Where others hold it
// the error is syscall.EWOULDBLOCK.
func flocked(path string, create, how int) (*os.File, error) {
	file, err := os.OpenFile(path, create|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return file, nil
}

// waitForLock takes the lock once nobody holds it.
func waitForLock(ctx context.Context, id string) (*lock, error) {
	for {
		lock, err := takeLock(id)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w while another process holds it: %w", ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (l *lock) release() {
	os.Remove(l.path)
	l.file.Close()
}

// held says whether a living process holds the lock at path. A file that is
// not there belongs to nobody; one that may not be opened belongs to somebody else.
func held(path string) bool {
	file, err := flocked(path, 0, syscall.LOCK_EX)
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	file.Close()
	return false
}

// ErrInUse is wrapped by the error of a claim that another process stands against.
var ErrInUse = errors.New("another process uses the stack")

// Claim tells processes that share a stack from each other: one that tries it
// alone, and those that break something in it while nobody does. What is
// claimed is free again when it is released, or the process dies.
func (s *Stack) Claim(alone bool) (release func(), err error) {
	dir, err := lockDir()
	if err != nil {
		return nil, err
	}
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	// The file stays until the stack goes: others may have it open.
	file, err := flocked(filepath.Join(dir, s.ID+claimEnding), os.O_CREATE, how)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("claim stack %s: %w", s.ID, err)
	}
	return func() { file.Close() }, nil
}

// NextNumber is the number of the first file that nobody has sent yet to the
// pipeline on a stack that is never emptied.
func (s *Stack) NextNumber() (int, error) {
	dir, err := lockDir()
	if err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, s.ID+claimEnding))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(raw) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read how many files stack %s was sent: %w", s.ID, err)
	}
	number, err := strconv.Atoi(string(raw))
	if err != nil {
		return 0, fmt.Errorf("read how many files stack %s was sent: %w", s.ID, err)
	}
	return number, nil
}

// SetNextNumber is for whoever has claimed the stack alone, before the first of
// its files is sent.
func (s *Stack) SetNextNumber(number int) error {
	dir, err := lockDir()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, s.ID+claimEnding), []byte(strconv.Itoa(number)), 0o600); err != nil {
		return fmt.Errorf("note how many files stack %s was sent: %w", s.ID, err)
	}
	return nil
}

// Socket is where whoever has claimed the stack for itself listens to others of
// the same user.
func (s *Stack) Socket() (path string, err error) {
	dir, err := lockDir()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, s.ID+socketEnding)
	if len(path) > longestSocket {
		return "", fmt.Errorf("%s is longer than the path of a socket can be (%d bytes): set XDG_CACHE_HOME to a folder with a shorter one", path, longestSocket)
	}
	return path, nil
}

const (
	longestSocket = 103 // what every system takes

	claimEnding  = ".claim"
	socketEnding = ".socket"
)

// forgetClaims removes what claims of a stack that is gone have left.
func forgetClaims(id string) {
	dir, err := lockDir()
	if err != nil {
		return // then nothing was written there either
	}
	os.Remove(filepath.Join(dir, id+claimEnding))
	os.Remove(filepath.Join(dir, id+socketEnding))
}
