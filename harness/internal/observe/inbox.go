package observe

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// server is an SFTP connection that is made when it is needed and again after
// it failed.
type server struct {
	endpoints stack.Endpoints
	session   *stack.SFTPSession
}

// with calls do with a connection that lives until ctx ends at the latest.
func (s *server) with(ctx context.Context, do func(*stack.SFTPSession) error) error {
	if s.session == nil {
		session, err := stack.DialSFTP(ctx, s.endpoints)
		if err != nil {
			return err
		}
		s.session = session
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(time.Minute)
	}
	release := s.session.Limit(ctx, time.Until(deadline))
	err := do(s.session)
	release()
	if err != nil {
		s.close()
	}
	return err
}

func (s *server) close() {
	if s.session != nil {
		s.session.Close()
		s.session = nil
	}
}

// inbox lists the files that nobody took.
type inbox struct {
	folder string
	wl     *workload.Workload
	sftp   server
	byName map[string][]int // indices in wl.Files
	// temporary are the names under which files are uploaded, where no dot tells them.
	temporary map[string]bool
}

func newInbox(folder string, wl *workload.Workload, e stack.Endpoints) *inbox {
	in := &inbox{folder: folder, wl: wl, sftp: server{endpoints: e}, byName: map[string][]int{}, temporary: map[string]bool{}}
	for i, file := range wl.Files {
		in.byName[file.Name] = append(in.byName[file.Name], i)
		in.temporary[wl.Temporary(file.Name)] = true
	}
	return in
}

// look returns the names of the files there. Temporary names are the
// sender's own business and not listed.
func (in *inbox) look(ctx context.Context) (names []string, err error) {
	err = in.sftp.with(ctx, func(s *stack.SFTPSession) error {
		infos, err := s.ReadDirContext(ctx, in.folder)
		if err != nil {
			return fmt.Errorf("list %s on SFTP: %w", in.folder, err)
		}
		for _, info := range infos {
			if !info.IsDir() && !strings.HasPrefix(info.Name(), ".") && !in.temporary[info.Name()] {
				names = append(names, info.Name())
			}
		}
		return nil
	})
	return names, err
}

// all returns an entry for each operation of the files there, and one for
// each file that is none of this run's.
func (in *inbox) all(ctx context.Context) ([]history.Entry, error) {
	names, err := in.look(ctx)
	var entries []history.Entry
	for _, name := range names {
		files := in.byName[name]
		if len(files) == 0 {
			entries = append(entries, history.Entry{Number: -1, Version: -1, Key: name, Where: in.folder + "/" + name})
			continue
		}
		// Of files of one name it may be any: each may wait.
		for _, index := range files {
			entries = append(entries, fileEntries(in.wl.Files[index], in.folder+"/"+name)...)
		}
	}
	return entries, err
}

// fileEntries returns an entry for each operation of a file that lies somewhere.
func fileEntries(file workload.File, where string) []history.Entry {
	var entries []history.Entry
	for _, op := range file.Ops {
		e := history.Entry{Number: int(op.Number), Version: int(op.Version), Op: workload.Upsert, Where: fmt.Sprintf("%s line %d", where, op.Line)}
		if op.Delete {
			e.Op = workload.Deletion
		}
		if op.Implied {
			e.Where = where + ", by its absence"
		}
		entries = append(entries, e)
	}
	return entries
}

// stagedEntries returns an entry for each operation of the files that wait
// below a folder under names that contain theirs.
func stagedEntries(wl *workload.Workload, folder string, paths []string) []history.Entry {
	var entries []history.Entry
	for _, file := range wl.Files {
		for _, staged := range paths {
			if name := path.Base(staged); !strings.HasPrefix(name, ".") && strings.Contains(name, file.Name) {
				entries = append(entries, fileEntries(file, path.Join(folder, staged))...)
				break
			}
		}
	}
	return entries
}

func (in *inbox) close() { in.sftp.close() }
