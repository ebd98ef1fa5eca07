package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// cacheDirectory returns a folder below the user's cache, made where it is missing.
func cacheDirectory(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("seatrial-cache-%d", os.Getuid()))
	}
	directory := filepath.Join(cache, "seatrial", name)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", unavailable("no cache can be kept (%w): make %s writable or set XDG_CACHE_HOME", err, directory)
	}
	return directory, nil
}

// lock waits until no other process builds name. The lock dies with its holder.
func lock(ctx context.Context, name string) (unlock func(), err error) {
	directory, err := cacheDirectory("lock")
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(directory, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unavailable("locking the build of %s: %w", name, err)
	}
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, unavailable("locking the build of %s: %w", name, err)
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			file.Close()
			return nil, unavailable("another process has been building %s all the while: %w", name, context.Cause(ctx))
		}
	}
}
