package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
)

func steps(targets ...string) []fault.Undo {
	var undo []fault.Undo
	for _, target := range targets {
		undo = append(undo, fault.Undo{Do: fault.UndoStart, Target: target})
	}
	return undo
}

// unfinished reads a journal as somebody else would: what was not taken back.
func unfinished(t *testing.T, dir string) []string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, undoFile))
	require.NoError(t, err)
	var order []int
	open := map[int]string{}
	for line := range bytes.Lines(raw) {
		var entry struct {
			ID   int        `json:"id"`
			Undo fault.Undo `json:"undo"`
			Done int        `json:"done"`
		}
		require.NoError(t, json.Unmarshal(line, &entry), "line %q", line)
		if entry.Done != 0 {
			delete(open, entry.Done)
			continue
		}
		open[entry.ID] = entry.Undo.Target
		order = append(order, entry.ID)
	}
	list := []string{}
	for _, id := range order {
		if target, ok := open[id]; ok {
			list = append(list, target)
		}
	}
	return list
}

func TestJournalTakesBackLastFirst(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	require.NoError(t, err)
	defer j.close()
	first, err := j.add(steps("a", "b"))
	require.NoError(t, err)
	_, err = j.add(steps("c", "d"))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "d"}, unfinished(t, dir), "it is on disk when add returns")

	var taken []string
	apply := func(ctx context.Context, step fault.Undo) error {
		deadline, bounded := ctx.Deadline()
		require.True(t, bounded)
		require.LessOrEqual(t, time.Until(deadline), undoWithin)
		taken = append(taken, step.Target)
		return nil
	}
	require.NoError(t, j.take(t.Context(), first, apply))
	require.Equal(t, []string{"b", "a"}, taken)
	require.Equal(t, []string{"c", "d"}, unfinished(t, dir))
	require.NoError(t, j.take(t.Context(), first, apply))
	require.Equal(t, []string{"b", "a"}, taken, "what was taken back is not taken back again")
	require.NoError(t, j.takeAll(t.Context(), apply))
	require.Equal(t, []string{"b", "a", "d", "c"}, taken)
	require.Empty(t, unfinished(t, dir))
}

func TestJournalKeepsWhatFailed(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	require.NoError(t, err)
	defer j.close()
	_, err = j.add(steps("a", "b", "c"))
	require.NoError(t, err)
	broken := errors.New("no such container")
	var taken []string
	apply := func(_ context.Context, step fault.Undo) error {
		if step.Target == "b" && broken != nil {
			return broken
		}
		taken = append(taken, step.Target)
		return nil
	}
	err = j.takeAll(t.Context(), apply)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "undo start b: no such container")
	require.Equal(t, []string{"c", "a"}, taken, "one failure keeps no other step from being taken back")
	require.Equal(t, []string{"b"}, unfinished(t, dir))
	broken = nil
	require.NoError(t, j.takeAll(t.Context(), apply))
	require.Equal(t, []string{"c", "a", "b"}, taken)
	require.Empty(t, unfinished(t, dir))
}

// A fault that cannot be journaled is not to be injected.
func TestJournalSaysWhenItCannotBeWritten(t *testing.T) {
	j, err := openJournal(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, j.close())
	_, err = j.add(steps("a"))
	require.ErrorContains(t, err, "write undo journal")
	_, err = openJournal(filepath.Join(t.TempDir(), "missing"))
	require.ErrorContains(t, err, "open undo journal")
}

// journalDir names the folder in which a process started by the test keeps a
// journal until it is killed.
const journalDir = "SEATRIAL_TEST_JOURNAL"

func TestJournalOutlivesAKill(t *testing.T) {
	if dir := os.Getenv(journalDir); dir != "" {
		j, err := openJournal(dir)
		require.NoError(t, err)
		ids, err := j.add(steps("a", "b", "c"))
		require.NoError(t, err)
		require.NoError(t, j.take(t.Context(), ids[2:], func(context.Context, fault.Undo) error { return nil }))
		_, err = os.Stdout.WriteString("journaled\n")
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, os.Stdin) // until it is killed
		require.NoError(t, err)
		return
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestJournalOutlivesAKill$")
	child.Env = append(os.Environ(), journalDir+"="+dir)
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	said := bufio.NewScanner(stdout)
	for said.Scan() && said.Text() != "journaled" {
	}
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "it was killed")
	require.Equal(t, []string{"a", "b"}, unfinished(t, dir))
}

// Another process reads what is owed, takes it back, and a third finds nothing.
func TestJournalIsTakenUpByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	require.NoError(t, err)
	require.NoError(t, j.on("k3v9x2"))
	ids, err := j.add(append(steps("a", "b"), fault.Undo{Do: fault.UndoRemoveToxic, Target: "postgres", Args: map[string]string{"name": "seatrial-latency"}}))
	require.NoError(t, err)
	require.NoError(t, j.take(t.Context(), ids[:1], func(context.Context, fault.Undo) error { return nil }))
	_, err = j.file.WriteString(`{"id":4,"undo":{"do":"st`) // it died in the middle of a line
	require.NoError(t, err)
	require.NoError(t, j.close())

	again, stack, err := reopenJournal(dir)
	require.NoError(t, err)
	require.Equal(t, "k3v9x2", stack)
	var taken []fault.Undo
	require.NoError(t, again.takeAll(t.Context(), func(_ context.Context, step fault.Undo) error {
		taken = append(taken, step)
		return nil
	}))
	require.Equal(t, []fault.Undo{{Do: fault.UndoRemoveToxic, Target: "postgres", Args: map[string]string{"name": "seatrial-latency"}}, {Do: fault.UndoStart, Target: "b"}}, taken)
	more, err := again.add(steps("c"))
	require.NoError(t, err)
	require.Equal(t, []int{4}, more, "numbers go on")
	require.NoError(t, again.takeAll(t.Context(), func(context.Context, fault.Undo) error { return nil }))
	require.NoError(t, again.close())

	third, _, err := reopenJournal(dir)
	require.NoError(t, err)
	require.Empty(t, third.pending)
	require.NoError(t, third.close())
}

// What a living process may yet take back is its own.
func TestJournalThatIsKeptIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	require.NoError(t, err)
	require.NoError(t, j.on("k3v9x2"))
	_, err = j.add(steps("a"))
	require.NoError(t, err)
	_, _, err = reopenJournal(dir)
	require.ErrorIs(t, err, errKept)
	_, err = Rollback(t.Context(), dir, func(string) {})
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, "is under way: end it where it runs, with Ctrl-C")
	require.NoError(t, j.close())
	again, _, err := reopenJournal(dir)
	require.NoError(t, err)
	require.Len(t, again.pending, 1)
	require.NoError(t, again.close())
}

func TestRollbackOfWhatIsNoRun(t *testing.T) {
	quiet := func(string) {}
	_, err := Rollback(t.Context(), t.TempDir(), quiet)
	require.ErrorIs(t, err, ErrUsage)
	require.ErrorContains(t, err, "holds no run that broke anything")
	dir := t.TempDir()
	for content, says := range map[string]string{
		"{\"id\":1,\"undo\":{\"do\":\"start\",\"target\":\"a\"}}\n": "does not say on which stack it ran",
		"{}\n":       "line 1 says nothing that is known",
		"no json\n":  "line 1: invalid character",
		"{\"stack\"": "does not say on which stack it ran",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, undoFile), []byte(content), 0o600))
		_, err := Rollback(t.Context(), dir, quiet)
		require.ErrorIs(t, err, ErrUsage, content)
		require.ErrorContains(t, err, says)
	}
}

func FuzzReopenJournal(f *testing.F) {
	f.Add([]byte("{\"stack\":\"a\"}\n{\"id\":1,\"undo\":{\"do\":\"start\",\"target\":\"a\"}}\n{\"done\":1}\n"))
	f.Add([]byte("{\"id\":1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, undoFile), content, 0o600))
		j, _, err := reopenJournal(dir)
		if err != nil {
			return
		}
		owed := len(j.pending)
		require.NoError(t, j.close())
		again, _, err := reopenJournal(dir)
		require.NoError(t, err, "what was read once is read again")
		require.Len(t, again.pending, owed)
		require.NoError(t, again.close())
	})
}
