package send

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/pkg/sftp"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

const (
	lookAgain = 50 * time.Millisecond
	// The rest of a slow upload comes in so many pieces with a pause before each.
	slowPieces = 8
	slowPause  = 40 * time.Millisecond
)

// errBrokenOff is the cause of what became of an upload that was to be cut.
var errBrokenOff = errors.New("the connection was closed in the middle of a row, on purpose")

// upload is one that was begun and is ended by another drop.
type upload struct {
	session *stack.SFTPSession // of its own: others come meanwhile
	file    *sftp.File
	rest    []byte
	pending *history.Pending
	sent    history.Sent
}

// follow waits until the file that a drop is to follow has been taken from the
// inbox. One that was not taken is followed all the same, but where its name
// is that of the drop: that would destroy it.
func (s *Sender) follow(ctx context.Context, wl *workload.Workload, d workload.Drop) (skip bool, err error) {
	if d.After == 0 {
		return false, nil
	}
	name := wl.Files[d.After].Name
	if s.untilTaken(ctx, name) == nil {
		return false, nil
	}
	if ctx.Err() != nil {
		return true, fmt.Errorf("send %s after %s was taken: %w", wl.Files[d.File].Name, name, context.Cause(ctx))
	}
	return name == wl.Files[d.File].Name, nil
}

// untilTaken waits until a name is not in the inbox any more, for TakenWithin at most.
func (s *Sender) untilTaken(ctx context.Context, name string) error {
	limit, cancel := context.WithTimeout(ctx, s.TakenWithin)
	defer cancel()
	for {
		if taken, err := s.taken(limit, name); err == nil && taken {
			return nil
		}
		if err := until(limit, time.Now().Add(lookAgain)); err != nil {
			return err
		}
	}
}

// taken reports whether a name is not in the inbox any more.
func (s *Sender) taken(ctx context.Context, name string) (bool, error) {
	if err := s.connect(ctx); err != nil {
		return false, err
	}
	release := s.session.Limit(ctx, s.StepTimeout)
	_, err := s.session.Stat(path.Join(s.inbox, name))
	release()
	switch {
	case err == nil:
		return false, nil
	case errors.Is(err, os.ErrNotExist):
		return true, nil
	}
	s.disconnect()
	return false, err
}

// cut uploads in place and closes the connection instead of the file.
func (s *Sender) cut(ctx context.Context, name string, content []byte) *Unacknowledged {
	release := s.begin(ctx, stepOpen)
	file, err := s.session.OpenFile(path.Join(s.inbox, name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	release()
	if err != nil {
		return &Unacknowledged{File: name, Phase: history.Fail, Step: stepOpen, Cause: err}
	}
	if err := s.pour(ctx, s.session, file, content); err != nil {
		return &Unacknowledged{File: name, Phase: history.Info, Step: stepWrite, Cause: err}
	}
	return &Unacknowledged{File: name, Phase: history.Info, Step: stepWrite, Cause: errBrokenOff}
}

// start begins an upload in place and leaves it open.
func (s *Sender) start(ctx context.Context, d workload.Drop, content []byte, at int, pending *history.Pending, sent history.Sent) *Unacknowledged {
	session, err := stack.DialSFTP(ctx, s.endpoints)
	if err != nil {
		return &Unacknowledged{File: sent.Name, Phase: history.Fail, Step: stepOpen, Cause: err}
	}
	release := session.Limit(ctx, s.StepTimeout)
	file, err := session.OpenFile(path.Join(s.inbox, sent.Name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	release()
	if err != nil {
		session.Close()
		return &Unacknowledged{File: sent.Name, Phase: history.Fail, Step: stepOpen, Cause: err}
	}
	if err := s.pour(ctx, session, file, content[:at]); err != nil {
		session.Close()
		return &Unacknowledged{File: sent.Name, Phase: history.Info, Step: stepWrite, Cause: err}
	}
	if s.open == nil {
		s.open = map[int]*upload{}
	}
	s.open[d.File] = &upload{session: session, file: file, rest: content[at:], pending: pending, sent: sent}
	return nil
}

// finish ends an upload that was begun: slowly, so that the file is seen to grow.
func (s *Sender) finish(ctx context.Context, d workload.Drop) (acked bool, err error) {
	u := s.open[d.File]
	if u == nil { // it was not begun
		s.tell(d, history.Fail)
		return false, nil
	}
	delete(s.open, d.File)
	defer u.session.Close()
	return s.conclude(d, u.pending, u.sent, s.end(ctx, u))
}

func (s *Sender) end(ctx context.Context, u *upload) *Unacknowledged {
	size := max(1, (len(u.rest)+slowPieces-1)/slowPieces)
	for at := 0; at < len(u.rest); at += size {
		err := until(ctx, time.Now().Add(slowPause))
		if err == nil {
			err = s.pour(ctx, u.session, u.file, u.rest[at:min(at+size, len(u.rest))])
		}
		if err != nil {
			return &Unacknowledged{File: u.sent.Name, Phase: history.Info, Step: stepWrite, Cause: err}
		}
	}
	release := u.session.Limit(ctx, s.StepTimeout)
	defer release()
	if err := u.file.Close(); err != nil {
		return &Unacknowledged{File: u.sent.Name, Phase: history.Info, Step: stepClose, Cause: err}
	}
	return nil
}

// archiveName is the name under which a file is kept as evidence: its own,
// unless another of the workload has it.
func archiveName(wl *workload.Workload, file workload.File) string {
	for _, other := range wl.Files[:file.Index] {
		if other.Name == file.Name {
			ending := path.Ext(file.Name)
			return fmt.Sprintf("%s~%d%s", strings.TrimSuffix(file.Name, ending), file.Index, ending)
		}
	}
	return file.Name
}
