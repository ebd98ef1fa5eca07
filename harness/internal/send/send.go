package send

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/pkg/sftp"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// The steps of a drop, as they stand in history.Sent.Step.
const (
	stepOpen   = "open"
	stepWrite  = "write"
	stepClose  = "close"
	stepRename = "rename"
)

// probeTimeout limits the question whether an idle connection is still there.
const probeTimeout = 5 * time.Second

// refusedPause lies between two tries of a file that the server refused.
const refusedPause = 250 * time.Millisecond

// chunk is how much is written with one request: what every server accepts.
const chunk = 32 << 10

// Sender drops files on SFTP, one at a time. Its fields are set before the
// first Send; its methods may be called from several goroutines.
type Sender struct {
	// StepTimeout limits each step of a drop (open, a write of 32 KiB, close,
	// rename); 20 s from New.
	StepTimeout time.Duration
	// TakenWithin is how long a drop that is to follow another waits until the
	// other was taken: a pipeline that takes nothing for so long is broken. A
	// minute from New.
	TakenWithin time.Duration
	// BytesPerSecond slows writing down; 0: as fast as it goes.
	BytesPerSecond int
	// ArchiveBytes is how much is kept in the archive folder; what is beyond
	// it is sent and not kept. 256 MiB from New.
	ArchiveBytes int64
	// Told is called with the outcome of each drop (OK, Fail or Info; Note where
	// an upload was begun that another drop ends), before it returns; may be nil.
	Told func(workload.Drop, history.Phase)

	endpoints stack.Endpoints
	inbox     string
	history   *history.Writer
	archive   string
	before    func(step string) // in tests

	mu       sync.Mutex
	session  *stack.SFTPSession
	archived int64
	open     map[int]*upload // begun and not ended, by file
}

// New returns a Sender that drops files into the folder inbox (below the SFTP
// user's home), writes what happened to w and keeps each file as sent in
// archive ("" keeps none).
func New(endpoints stack.Endpoints, inbox string, w *history.Writer, archive string) *Sender {
	return &Sender{
		StepTimeout: 20 * time.Second, TakenWithin: time.Minute, ArchiveBytes: 256 << 20,
		endpoints: endpoints, inbox: inbox, history: w, archive: archive,
	}
}

// Unacknowledged says that a file was not acknowledged: Phase is Fail where
// it surely did not reach its place, Info where that is not known.
type Unacknowledged struct {
	File  string
	Phase history.Phase
	Step  string // what had been begun: "open", "write", "close" or "rename"
	Cause error
}

func (u *Unacknowledged) Error() string {
	if u.Phase == history.Fail {
		return fmt.Sprintf("send %s: %s failed, the file is not there: %v", u.File, u.Step, u.Cause)
	}
	return fmt.Sprintf("send %s: no answer to %s, the file may be there or not: %v", u.File, u.Step, u.Cause)
}

func (u *Unacknowledged) Unwrap() error { return u.Cause }

// Send drops one file of the workload: under a temporary name (".<name>.part"
// unless its format has another), then renamed, or in place where the workload says so. Acked means that the
// server's OK for the rename (in place: for the close) has arrived. Otherwise the error is
// an *Unacknowledged, or says why nothing was begun (ctx ended while no
// connection could be had, the file could not be archived, the history could
// not be written).
//
// A server that cannot be reached before anything was begun is tried again
// until ctx ends. Once begun a drop is never repeated: the outcome stands.
func (s *Sender) Send(ctx context.Context, wl *workload.Workload, file workload.File) (acked bool, err error) {
	return s.Drop(ctx, wl, workload.Drop{File: file.Index, How: workload.Whole})
}

// Drop is Send in one of the ways of workload.Drop, after the file that it is
// to follow was taken. A drop that is broken off on purpose is
// *Unacknowledged; one that is begun only is neither acknowledged nor an error.
func (s *Sender) Drop(ctx context.Context, wl *workload.Workload, d workload.Drop) (acked bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := wl.Files[d.File]
	if skip, err := s.follow(ctx, wl, d); err != nil || skip {
		s.tell(d, history.Fail)
		return false, err
	}
	if d.How == workload.Finish {
		return s.finish(ctx, d)
	}
	content := wl.Encode(file)
	name := archiveName(wl, file)
	if err := s.keep(name, content); err != nil {
		return false, err
	}
	if d.How == workload.Cut {
		at, _ := wl.Begin(file)
		content = content[:at]
	}
	sum := sha256.Sum256(content)
	sent := history.Sent{File: file.Index, Name: file.Name, Rows: file.Rows(), Bytes: len(content), SHA256: hex.EncodeToString(sum[:]), How: string(d.How)}
	if d.How == workload.Whole {
		sent.How = ""
	}
	if name != file.Name {
		sent.Archived = name
	}
	if err := s.connect(ctx); err != nil {
		return false, fmt.Errorf("send %s: %w", file.Name, err)
	}
	pending, err := s.history.Invoke(history.Send, file.Name, sent)
	if err != nil {
		return false, err
	}
	var outcome *Unacknowledged
	switch {
	case d.How == workload.Start:
		at, _ := wl.Begin(file)
		if outcome = s.start(ctx, d, content, at, pending, sent); outcome == nil {
			s.tell(d, history.Note)
			return false, nil
		}
	case d.How == workload.Cut:
		outcome = s.cut(ctx, file.Name, content)
	case d.How == workload.Repeat || wl.Config.InPlace:
		outcome = s.inPlace(ctx, file.Name, content)
	default:
		outcome = s.rename(ctx, wl, file.Name, content)
	}
	if outcome != nil {
		s.disconnect() // whatever state it is in, the next file gets a new one
	}
	return s.conclude(d, pending, sent, outcome)
}

// Again drops a file of the workload once more, whole and renamed to a name that
// may be another one, and waits until it was taken from there: what comes after
// it must not overtake it. Nobody is told. The error is as Send's, or says that
// nothing took the file.
func (s *Sender) Again(ctx context.Context, wl *workload.Workload, file workload.File, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	content := wl.Encode(file)
	sum := sha256.Sum256(content)
	sent := history.Sent{File: file.Index, Name: name, Rows: file.Rows(), Bytes: len(content), SHA256: hex.EncodeToString(sum[:]), How: string(workload.Again)}
	if name != file.Name {
		sent.File = notOfTheWorkload
	}
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	pending, err := s.history.Invoke(history.Send, name, sent)
	if err != nil {
		return err
	}
	outcome := s.rename(ctx, wl, name, content)
	if outcome != nil {
		s.disconnect()
	}
	if err := end(pending, sent, outcome); err != nil {
		return err
	}
	if err := s.untilTaken(ctx, name); err != nil {
		return fmt.Errorf("send %s: nothing took it from the inbox: %w", name, err)
	}
	return nil
}

// Own drops a file that is none of a workload's, as a pipeline with such files
// wants it: wl says how, and has none. It is kept as sent, too. Nobody is told.
// The error is as Send's.
func (s *Sender) Own(ctx context.Context, wl *workload.Workload, name string, content []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keep(name, content); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	sent := history.Sent{File: notOfTheWorkload, Name: name, Bytes: len(content), SHA256: hex.EncodeToString(sum[:])}
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	pending, err := s.history.Invoke(history.Send, name, sent)
	if err != nil {
		return err
	}
	drop := s.inPlace
	if !wl.Config.InPlace {
		drop = func(ctx context.Context, name string, content []byte) *Unacknowledged {
			return s.rename(ctx, wl, name, content)
		}
	}
	outcome := drop(ctx, name, content)
	if outcome != nil {
		s.disconnect()
	}
	return end(pending, sent, outcome)
}

// notOfTheWorkload is history.Sent.File of a file that stands for none.
const notOfTheWorkload = -1

// conclude writes down and tells how a drop ended.
func (s *Sender) conclude(d workload.Drop, pending *history.Pending, sent history.Sent, outcome *Unacknowledged) (acked bool, err error) {
	err = end(pending, sent, outcome)
	if outcome == nil {
		s.tell(d, history.OK)
		return true, err
	}
	s.tell(d, outcome.Phase)
	return false, err
}

// end writes down how a drop ended. The error is the outcome, if there is one,
// and the history's.
func end(pending *history.Pending, sent history.Sent, outcome *Unacknowledged) error {
	if outcome == nil {
		return pending.OK(sent)
	}
	sent.Step = outcome.Step
	write := pending.Info
	if outcome.Phase == history.Fail {
		write = pending.Fail
	}
	if err := write(outcome.Cause, sent); err != nil {
		return errors.Join(err, outcome)
	}
	return outcome
}

func (s *Sender) tell(d workload.Drop, how history.Phase) {
	if s.Told != nil {
		s.Told(d, how)
	}
}

// All does all drops in order, at most filesPerSecond of them (0: as fast as it
// goes). A file that the server refused is tried again, as uploaders do, and
// keeps the others waiting. One whose outcome is not known is left as it is, the
// next one follows. An error means that not all drops were tried.
func (s *Sender) All(ctx context.Context, wl *workload.Workload, drops []workload.Drop, filesPerSecond float64) error {
	start := time.Now()
	for i, drop := range drops {
		if filesPerSecond > 0 {
			due := start.Add(time.Duration(float64(i) / filesPerSecond * float64(time.Second)))
			if err := until(ctx, due); err != nil {
				return fmt.Errorf("send %s: %w", wl.Files[drop.File].Name, err)
			}
		}
		if err := s.dropUntilTaken(ctx, wl, drop); err != nil {
			return err
		}
	}
	return nil
}

// dropUntilTaken repeats a drop that the server itself refused: what is not
// there for certain, uploaders try again. An error means that nothing can be
// sent or written down any more.
func (s *Sender) dropUntilTaken(ctx context.Context, wl *workload.Workload, drop workload.Drop) error {
	for {
		_, err := s.Drop(ctx, wl, drop)
		var unacknowledged *Unacknowledged
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &unacknowledged) || s.history.Err() != nil:
			return err
		case unacknowledged.Phase != history.Fail || !refused(unacknowledged.Cause) || drop.How != workload.Whole:
			return nil // it stays as it is
		}
		if until(ctx, time.Now().Add(refusedPause)) != nil {
			return nil
		}
	}
}

// Close ends the connection.
func (s *Sender) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.open {
		u.session.Close()
	}
	s.open = nil
	s.disconnect()
}

// rename drops a file under a temporary name and renames it. Nobody reads
// the temporary name, so only the rename can leave the outcome open.
func (s *Sender) rename(ctx context.Context, wl *workload.Workload, name string, content []byte) *Unacknowledged {
	temporary, final := path.Join(s.inbox, wl.Temporary(name)), path.Join(s.inbox, name)
	if step, err := s.write(ctx, temporary, content); err != nil {
		return &Unacknowledged{File: name, Phase: history.Fail, Step: step, Cause: err}
	}
	defer s.begin(ctx, stepRename)()
	_, posix := s.session.HasExtension("posix-rename@openssh.com")
	if !posix {
		// Linking and unlinking: a refusal of the second leaves open what was seen in between.
		if err := s.session.Rename(temporary, final); err != nil {
			return &Unacknowledged{File: name, Phase: history.Info, Step: stepRename, Cause: err}
		}
		return nil
	}
	if err := s.session.PosixRename(temporary, final); err != nil {
		phase := history.Info
		if refused(err) {
			phase = history.Fail
		}
		return &Unacknowledged{File: name, Phase: phase, Step: stepRename, Cause: err}
	}
	return nil
}

// inPlace drops a file under its final name. An open without an answer leaves
// an empty file at most; once bytes were sent they may have been read.
func (s *Sender) inPlace(ctx context.Context, name string, content []byte) *Unacknowledged {
	step, err := s.write(ctx, path.Join(s.inbox, name), content)
	switch {
	case err == nil:
		return nil
	case step == stepOpen:
		return &Unacknowledged{File: name, Phase: history.Fail, Step: step, Cause: err}
	}
	return &Unacknowledged{File: name, Phase: history.Info, Step: step, Cause: err}
}

// write creates a file and closes it again; on an error step is what failed.
func (s *Sender) write(ctx context.Context, name string, content []byte) (step string, err error) {
	release := s.begin(ctx, stepOpen)
	file, err := s.session.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	release()
	if err != nil {
		return stepOpen, err
	}
	if err := s.pour(ctx, s.session, file, content); err != nil {
		return stepWrite, err
	}
	defer s.begin(ctx, stepClose)()
	return stepClose, file.Close()
}

// pour writes content piece by piece.
func (s *Sender) pour(ctx context.Context, session *stack.SFTPSession, file *sftp.File, content []byte) error {
	start, size := time.Now(), chunk
	if s.BytesPerSecond > 0 {
		size = max(1, min(chunk, s.BytesPerSecond/10))
	}
	for at := 0; at < len(content); at += size {
		if s.BytesPerSecond > 0 {
			due := start.Add(time.Duration(float64(at) / float64(s.BytesPerSecond) * float64(time.Second)))
			if err := until(ctx, due); err != nil {
				return err
			}
		}
		if s.before != nil {
			s.before(stepWrite)
		}
		release := session.Limit(ctx, s.StepTimeout)
		_, err := file.Write(content[at:min(at+size, len(content))])
		release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Sender) begin(ctx context.Context, step string) (release func()) {
	if s.before != nil {
		s.before(step)
	}
	return s.session.Limit(ctx, s.StepTimeout)
}

// refused reports whether err is the server's own answer: then the request
// was surely not carried out. Everything else may be a lost reply.
func refused(err error) bool {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return true
	}
	var status *sftp.StatusError
	return errors.As(err, &status)
}

// connect makes sure that there is a connection that answers, trying until
// ctx ends.
func (s *Sender) connect(ctx context.Context) error {
	for try := 0; ; try++ {
		err := s.probe(ctx)
		if err == nil {
			return nil
		}
		pause := min(100*time.Millisecond<<min(try, 3), 500*time.Millisecond)
		if until(ctx, time.Now().Add(pause)) != nil {
			return fmt.Errorf("nothing was begun, the server could not be reached until the end: %w (last of %d tries: %w)", context.Cause(ctx), try+1, err)
		}
	}
}

// probe asks for something harmless over the connection there is, or makes
// one. A connection that died between two files is found here, while nothing
// was begun.
func (s *Sender) probe(ctx context.Context) error {
	if s.session == nil {
		session, err := stack.DialSFTP(ctx, s.endpoints)
		if err != nil {
			return err
		}
		s.session = session
	}
	release := s.session.Limit(ctx, probeTimeout)
	_, err := s.session.Getwd()
	release()
	if err != nil {
		s.disconnect()
		return fmt.Errorf("probe SFTP %s: %w", s.endpoints.SFTPAddr, err)
	}
	return nil
}

func (s *Sender) disconnect() {
	if s.session != nil {
		s.session.Close()
		s.session = nil
	}
}

// keep stores a file as it is to be sent, as evidence.
func (s *Sender) keep(name string, content []byte) error {
	if s.archive == "" || s.archived+int64(len(content)) > s.ArchiveBytes {
		return nil
	}
	if err := os.MkdirAll(s.archive, 0o700); err != nil {
		return fmt.Errorf("archive %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(s.archive, name), content, 0o600); err != nil {
		return fmt.Errorf("archive %s: %w (is the disk full?)", name, err)
	}
	s.archived += int64(len(content))
	return nil
}

// until waits for a moment or the end of ctx.
func until(ctx context.Context, due time.Time) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
