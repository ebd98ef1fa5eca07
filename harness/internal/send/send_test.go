package send

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

func TestAllRenamesEveryFileIntoPlace(t *testing.T) {
	tr := newTrial(t, nil)
	s := tr.sender()
	told := map[string]history.Phase{}
	s.Told = func(d workload.Drop, how history.Phase) { told[tr.wl.Files[d.File].Name] = how }
	require.NoError(t, s.All(t.Context(), tr.wl, whole(tr.wl.Files), 0))

	require.Len(t, tr.names(), len(tr.wl.Files))
	for _, file := range tr.wl.Files {
		want := string(tr.wl.Encode(file))
		require.Equal(t, want, tr.content(file.Name))
		archived, err := os.ReadFile(filepath.Join(tr.dir, "input", file.Name))
		require.NoError(t, err)
		require.Equal(t, want, string(archived))
		require.Equal(t, history.OK, told[file.Name])
	}
	events := tr.events()
	require.Len(t, events, 2*len(tr.wl.Files))
	var sent history.Sent
	require.NoError(t, events[3].Decode(&sent))
	require.Equal(t, history.OK, events[3].Phase)
	require.Equal(t, history.Sent{File: 1, Name: tr.wl.Files[1].Name, Rows: 50, Bytes: len(tr.wl.Encode(tr.wl.Files[1])), SHA256: sent.SHA256}, sent)
	require.Len(t, sent.SHA256, 64)
}

// What is none of the workload's is dropped as it is, the way that the pipeline's
// files are, and written down as such.
func TestOwnFileIsDroppedAsItIs(t *testing.T) {
	tr := newTrial(t, nil)
	require.NoError(t, tr.sender().Own(t.Context(), tr.wl, "mine.csv", []byte("id\n1\n")))
	require.Equal(t, []string{"mine.csv"}, tr.names(), "its temporary name is gone")
	require.Equal(t, "id\n1\n", tr.content("mine.csv"))
	kept, err := os.ReadFile(filepath.Join(tr.dir, "input", "mine.csv"))
	require.NoError(t, err)
	require.Equal(t, "id\n1\n", string(kept))
	events := tr.events()
	require.Len(t, events, 2)
	var sent history.Sent
	require.NoError(t, events[1].Decode(&sent))
	require.Equal(t, history.OK, events[1].Phase)
	require.Equal(t, []any{notOfTheWorkload, "mine.csv", 5}, []any{sent.File, sent.Name, sent.Bytes})
}

func TestRateIsKept(t *testing.T) {
	tr := newTrial(t, nil)
	start := time.Now()
	require.NoError(t, tr.sender().All(t.Context(), tr.wl, whole(tr.wl.Files[:4]), 10))
	require.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)
}

func TestInPlaceGrowsUnderItsFinalName(t *testing.T) {
	tr := newTrial(t, func(c *workload.Config) { c.InPlace = true })
	s, file := tr.sender(), tr.wl.Files[1]
	size := int64(len(tr.wl.Encode(file)))
	s.BytesPerSecond = int(size)
	done := make(chan error, 1)
	go func() {
		_, err := s.Send(t.Context(), tr.wl, file)
		done <- err
	}()
	require.Eventually(t, func() bool {
		info, err := tr.direct.Stat(tr.inbox + "/" + file.Name)
		return err == nil && info.Size() > 0 && info.Size() < size
	}, 5*time.Second, 5*time.Millisecond, "a part is there under the final name")
	require.NoError(t, <-done)
	require.Equal(t, string(tr.wl.Encode(file)), tr.content(file.Name))
	require.Equal(t, history.OK, tr.events()[1].Phase)
}

// The server has renamed the file, its answer is lost.
func TestLostReplyToRenameLeavesItOpen(t *testing.T) {
	tr := newTrial(t, nil)
	wire := newWire(t, tr.endpoints.SFTPAddr)
	tr.endpoints.SFTPAddr = wire.addr()
	s := tr.sender()
	victim, renames := tr.wl.Files[1], 0
	s.before = func(step string) {
		if step != stepRename {
			return
		}
		if renames++; renames != 2 {
			return
		}
		wire.deafen()
		go func() {
			assert.Eventually(t, func() bool { _, err := tr.direct.Stat(tr.inbox + "/" + victim.Name); return err == nil }, 30*time.Second, 5*time.Millisecond)
			wire.cut()
		}()
	}
	acked := 0
	s.Told = func(d workload.Drop, how history.Phase) {
		if how == history.OK {
			acked += len(tr.wl.Files[d.File].Ops)
		}
	}
	require.NoError(t, s.All(t.Context(), tr.wl, whole(tr.wl.Files[:3]), 0))
	require.Equal(t, len(tr.wl.Files[0].Ops)+len(tr.wl.Files[2].Ops), acked)
	require.Equal(t, string(tr.wl.Encode(victim)), tr.content(victim.Name))

	events := tr.events()
	require.Equal(t, []history.Phase{history.Invoke, history.OK, history.Invoke, history.Info, history.Invoke, history.OK}, phases(events))
	require.Equal(t, stepRename, sentOf(t, events[3]).Step)
	require.NotEmpty(t, events[3].Error)
}

func TestCutWhileWritingIsSurelyNotThere(t *testing.T) {
	tr := newTrial(t, nil)
	wire := newWire(t, tr.endpoints.SFTPAddr)
	tr.endpoints.SFTPAddr = wire.addr()
	s := tr.sender()
	s.before = func(step string) {
		if step == stepClose {
			wire.cut()
		}
	}
	acked, err := s.Send(t.Context(), tr.wl, tr.wl.Files[1])
	require.False(t, acked)
	var outcome *Unacknowledged
	require.ErrorAs(t, err, &outcome)
	require.Equal(t, history.Fail, outcome.Phase)
	require.NotContains(t, tr.names(), tr.wl.Files[1].Name)
	require.Equal(t, []history.Phase{history.Invoke, history.Fail}, phases(tr.events()))
}

func TestCutWhileWritingInPlaceLeavesItOpen(t *testing.T) {
	tr := newTrial(t, func(c *workload.Config) { c.InPlace = true })
	wire := newWire(t, tr.endpoints.SFTPAddr)
	tr.endpoints.SFTPAddr = wire.addr()
	s := tr.sender()
	s.before = func(step string) {
		if step == stepClose {
			wire.cut()
		}
	}
	_, err := s.Send(t.Context(), tr.wl, tr.wl.Files[1])
	var outcome *Unacknowledged
	require.ErrorAs(t, err, &outcome)
	require.Equal(t, history.Info, outcome.Phase)
	require.Equal(t, stepClose, outcome.Step)
}

func TestRefusalsAreFailures(t *testing.T) {
	t.Run("no folder", func(t *testing.T) {
		tr := newTrial(t, nil)
		require.NoError(t, tr.direct.RemoveDirectory(tr.inbox))
		_, err := tr.sender().Send(t.Context(), tr.wl, tr.wl.Files[1])
		var outcome *Unacknowledged
		require.ErrorAs(t, err, &outcome)
		require.Equal(t, history.Fail, outcome.Phase)
		require.Equal(t, stepOpen, outcome.Step)
	})
	t.Run("rename onto a folder", func(t *testing.T) {
		tr := newTrial(t, nil)
		require.NoError(t, tr.direct.Mkdir(tr.inbox+"/"+tr.wl.Files[1].Name))
		_, err := tr.sender().Send(t.Context(), tr.wl, tr.wl.Files[1])
		var outcome *Unacknowledged
		require.ErrorAs(t, err, &outcome)
		require.Equal(t, history.Fail, outcome.Phase)
		require.Equal(t, stepRename, outcome.Step)
		require.Equal(t, stepRename, sentOf(t, tr.events()[1]).Step)
	})
}

// What the server itself refused is not there for certain: it is tried again,
// and each try stands in the history.
func TestAllTriesAgainWhatTheServerRefused(t *testing.T) {
	tr := newTrial(t, nil)
	require.NoError(t, tr.direct.RemoveDirectory(tr.inbox))
	s := tr.sender()
	s.Told = func(_ workload.Drop, how history.Phase) {
		if how == history.Fail {
			_ = tr.direct.Mkdir(tr.inbox)
		}
	}
	require.NoError(t, s.All(t.Context(), tr.wl, whole(tr.wl.Files[:2]), 0))
	require.Equal(t, []history.Phase{history.Invoke, history.Fail, history.Invoke, history.OK, history.Invoke, history.OK}, phases(tr.events()))
}

func TestFrozenServerLeavesTheRenameOpenAndIsWaitedFor(t *testing.T) {
	tr := newTrial(t, nil)
	_, container := server(t)
	s := tr.sender()
	s.StepTimeout = time.Second
	var unpause func()
	s.before = func(step string) {
		if step == stepRename && unpause == nil {
			unpause = pause(t, container)
		}
	}
	_, err := s.Send(t.Context(), tr.wl, tr.wl.Files[0])
	var outcome *Unacknowledged
	require.ErrorAs(t, err, &outcome)
	require.Equal(t, history.Info, outcome.Phase)

	time.AfterFunc(500*time.Millisecond, unpause)
	acked, err := s.Send(t.Context(), tr.wl, tr.wl.Files[1])
	require.NoError(t, err)
	require.True(t, acked)
}

func TestUnreachableServerIsTriedUntilTheEndWithoutATrace(t *testing.T) {
	tr := newTrial(t, nil)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	other, err := ssh.NewPublicKey(private.Public())
	require.NoError(t, err)
	for name, change := range map[string]func(){
		"nobody listens": func() { tr.endpoints.SFTPAddr = "127.0.0.1:1" },
		"wrong host key": func() { tr.endpoints.SFTPHostKey = string(ssh.MarshalAuthorizedKey(other)) },
	} {
		t.Run(name, func(t *testing.T) {
			good := tr.endpoints
			defer func() { tr.endpoints = good }()
			change()
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			defer cancel()
			_, err := tr.sender().Send(ctx, tr.wl, tr.wl.Files[1])
			require.ErrorIs(t, err, context.DeadlineExceeded)
			var outcome *Unacknowledged
			require.False(t, errors.As(err, &outcome))
		})
	}
	require.Empty(t, tr.events())
}

// A connection that died between two files is replaced before anything is begun.
func TestDeadConnectionIsReplaced(t *testing.T) {
	tr := newTrial(t, nil)
	wire := newWire(t, tr.endpoints.SFTPAddr)
	tr.endpoints.SFTPAddr = wire.addr()
	s := tr.sender()
	for _, file := range tr.wl.Files[:3] {
		acked, err := s.Send(t.Context(), tr.wl, file)
		require.NoError(t, err)
		require.True(t, acked)
		wire.cut()
	}
}

func TestArchiveHasALimit(t *testing.T) {
	dir := t.TempDir()
	s := New(stack.Endpoints{}, "inbox", nil, dir)
	s.ArchiveBytes = 10
	require.NoError(t, s.keep("a", []byte("12345678")))
	require.NoError(t, s.keep("b", []byte("12345678")))
	require.FileExists(t, filepath.Join(dir, "a"))
	require.NoFileExists(t, filepath.Join(dir, "b"))
}

// whole drops each file in one go.
func whole(files []workload.File) (drops []workload.Drop) {
	for _, file := range files {
		drops = append(drops, workload.Drop{File: file.Index, How: workload.Whole})
	}
	return drops
}

func phases(events []history.Event) (phases []history.Phase) {
	for _, event := range events {
		phases = append(phases, event.Phase)
	}
	return phases
}

func sentOf(t *testing.T, event history.Event) (sent history.Sent) {
	require.NoError(t, event.Decode(&sent))
	return sent
}

// A file that comes once more comes whole, under the name it is given, and the
// next one only when it was taken.
func TestAgainWaitsUntilItWasTaken(t *testing.T) {
	tr := newTrial(t, nil)
	s, file := tr.sender(), tr.wl.Files[1]
	name := "000001-delta-again.csv"
	done := make(chan error, 1)
	go func() { done <- s.Again(t.Context(), tr.wl, file, name) }()
	require.Eventually(t, func() bool { _, err := tr.direct.Stat(tr.inbox + "/" + name); return err == nil }, 30*time.Second, 5*time.Millisecond)
	require.Equal(t, string(tr.wl.Encode(file)), tr.content(name))
	select {
	case err := <-done:
		require.Fail(t, "it did not wait", "%v", err)
	case <-time.After(200 * time.Millisecond):
	}
	require.NoError(t, tr.direct.Remove(tr.inbox+"/"+name))
	require.NoError(t, <-done)
	s.TakenWithin = 100 * time.Millisecond
	require.ErrorContains(t, s.Again(t.Context(), tr.wl, file, file.Name), "nothing took it")

	events := tr.events()
	require.Equal(t, notOfTheWorkload, sentOf(t, events[1]).File, "what is judged is the file's first coming")
	require.Equal(t, 1, sentOf(t, events[3]).File)
}
