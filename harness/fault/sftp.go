package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// Steps that take back what was done to the SFTP server.
const (
	UndoFolder  = "folder"   // put folder args[name] of the SFTP user's home back to its name and to args[mode]
	UndoFull    = "full"     // give the SFTP server's folders room again
	UndoHostKey = "host-key" // restart the SFTP server with its own host key, unless it has that
)

// FileServer is the SFTP server, behind and past the proxy.
type FileServer interface {
	// Inbox is the folder that files are dropped into, below the user's home.
	Inbox() string
	// Path is where a folder of the user's home is in the server's container.
	Path(folder string) string
	// Write has a client of its own write a small file into a folder and take it
	// away again. The error is what the server, or the check of its key, said.
	Write(ctx context.Context, folder string) error
	// Fill leaves no room on the file system of the user's folders.
	Fill(ctx context.Context) error
	// ChangeKey restarts the server with another host key.
	ChangeKey(ctx context.Context) (fingerprint string, err error)
}

// DirectoryMoved renames the inbox on the server while it is in use, to a name
// that nobody looks at. It bites when the server tells a client of its own
// that there is no such folder.
func DirectoryMoved() Fault {
	return onFolder("directory-moved", "the inbox", fs.ErrNotExist, func(path string) []string {
		return []string{"mv", path, path + ".moved"}
	})
}

// PermissionDenied takes away all rights to the inbox. It bites when the server
// denies a client of its own a write there.
func PermissionDenied() Fault {
	return onFolder("permission-denied", "the inbox, mode 000", fs.ErrPermission, func(path string) []string {
		return []string{"chmod", "000", path}
	})
}

func onFolder(name, detail string, refusal error, command func(path string) []string) Fault {
	return Fault{Name: name, Target: SFTP, Detail: detail, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		server := world.Files()
		folder := server.Inbox()
		mode, err := containers[0].Exec(ctx, "root", "stat", "-c", "%a", server.Path(folder))
		if err != nil {
			return Injection{}, err
		}
		undo := Undo{Do: UndoFolder, Target: target, Args: map[string]string{"name": folder, "mode": strings.TrimSpace(mode)}}
		return refusing(ctx, server, []Undo{undo}, func(ctx context.Context) error {
			_, err := containers[0].Exec(ctx, "root", command(server.Path(folder))...)
			return err
		}, func(err error) bool { return errors.Is(err, refusal) })
	}}
}

// SFTPDiskFull leaves no room on the file system of the user's folders: files
// can be read, and nothing else. It bites when the server answers "failure" to
// a write of a client of its own.
func SFTPDiskFull() Fault {
	return Fault{Name: "disk-full", Target: SFTP, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		if _, err := running(ctx, world, target); err != nil {
			return Injection{}, err
		}
		server := world.Files()
		return refusing(ctx, server, []Undo{{Do: UndoFull, Target: target}}, server.Fill, func(err error) bool {
			var status *sftp.StatusError
			return errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxFailure
		})
	}}
}

// HostKeyChanged restarts the server with another host key, as a server that was
// set up anew has it, or one that somebody put in its place. It bites when a
// client that knows the key refuses the server.
func HostKeyChanged() Fault {
	return Fault{Name: "host-key-changed", Target: SFTP, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		if _, err := running(ctx, world, target); err != nil {
			return Injection{}, err
		}
		server := world.Files()
		offered := ""
		injection, err := refusing(ctx, server, []Undo{{Do: UndoStart, Target: target}, {Do: UndoHostKey, Target: target}},
			func(ctx context.Context) (err error) {
				offered, err = server.ChangeKey(ctx)
				return err
			}, func(err error) bool { return strings.Contains(err.Error(), "host key mismatch") })
		bites := injection.Bites
		injection.Bites = func(ctx context.Context) (string, error) {
			seen, err := bites(ctx)
			return seen + "; it offers " + offered, err
		}
		return injection, err
	}}
}

// refusing is the life of a fault because of which the server refuses a canary's
// write in a certain way, or is refused.
func refusing(ctx context.Context, server FileServer, undo []Undo, inject func(context.Context) error, fits func(error) bool) (Injection, error) {
	write := func(ctx context.Context, judge func(error) (string, error)) (string, error) {
		for {
			said := server.Write(ctx, server.Inbox())
			seen, err := judge(said)
			if err == nil {
				return seen, nil
			}
			select {
			case <-ctx.Done():
				return "", fmt.Errorf("%w: %w", err, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	if err := server.Write(ctx, server.Inbox()); err != nil {
		return Injection{}, fmt.Errorf("a canary's write before the fault: %w: there is nothing to break", err)
	}
	return Injection{
		Undo:   undo,
		Inject: inject,
		Bites: func(ctx context.Context) (string, error) {
			return write(ctx, func(said error) (string, error) {
				switch {
				case said == nil:
					return "", errors.New("a canary's write went well")
				case !fits(said):
					return "", fmt.Errorf("a canary's write failed in another way: %w", said)
				}
				return "a canary's write was refused: " + said.Error(), nil
			})
		},
		Healed: func(ctx context.Context) (string, error) {
			return write(ctx, func(said error) (string, error) {
				if said != nil {
					return "", fmt.Errorf("a canary's write: %w", said)
				}
				return "a canary's write into " + server.Inbox() + " went well", nil
			})
		},
	}, nil
}
