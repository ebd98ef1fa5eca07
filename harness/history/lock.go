package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// A history under way is locked by the process that writes it. The kernel lets
// go of the lock when that process dies, however it dies: this tells a run that
// goes on from one that broke off.

// Writing reports whether a living process writes the history in dir. On a file
// system without locks nobody is ever seen to write.
func Writing(dir string) (bool, error) {
	// Nothing but a file has a lock worth asking for, and opening a pipe would wait for its writer.
	file, err := os.OpenFile(filepath.Join(dir, FileName), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, fmt.Errorf("look for the writer of a history: %w", err)
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	return errors.Is(err, syscall.EWOULDBLOCK), nil
}

// hold locks a history that was just made, as long as file is open. Whoever
// asks Writing at this moment holds it for an instant: that is waited for. A
// file system without locks is no reason not to run.
func hold(file *os.File) { _ = syscall.Flock(int(file.Fd()), syscall.LOCK_EX) }
