package browser

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"
)

// Containers that come and go beside a test bring network interfaces along. Chromium
// watches these and, whenever there is another, drops what it is about to ask for, on
// this machine as well (net::ERR_NETWORK_CHANGED). It has no switch for that, but does
// without where it may not open the socket that tells: so it is started deaf. The test's
// own program, with deafEnv set, forbids that socket to itself and becomes the browser.

// deafEnv names, in the environment of a test's program, the browser it is to become.
const deafEnv = "SEATRIAL_DEAF_BROWSER"

// deaf are the options to start the browser at path so that it hears of no interfaces.
func deaf(path string) ([]chromedp.ExecAllocatorOption, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []chromedp.ExecAllocatorOption{chromedp.ExecPath(self), chromedp.Env(deafEnv + "=" + path)}, nil
}

func init() {
	path := os.Getenv(deafEnv)
	if path == "" {
		return
	}
	err := os.Unsetenv(deafEnv)
	if err == nil {
		err = closeEars()
	}
	if err == nil {
		err = syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintf(os.Stderr, "start %s: %v\n", path, err)
	os.Exit(1)
}

const (
	callAt   = 0  // where struct seccomp_data has the number of the call
	familyAt = 16 // and the lower half of its first argument
)

// closeEars has socket(AF_NETLINK, …) fail with EACCES in this thread and in what it executes.
func closeEars() error {
	runtime.LockOSThread()
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	unless := func(value uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: value, Jf: skip}
	}
	end := func(with uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: with}
	}
	filter := []unix.SockFilter{
		load(callAt), unless(unix.SYS_SOCKET, 3),
		load(familyAt), unless(unix.AF_NETLINK, 1),
		end(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)),
		end(unix.SECCOMP_RET_ALLOW),
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid new privileges: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		return fmt.Errorf("forbid the socket: %w", err)
	}
	return nil
}
