package send

import (
	"path"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// takes moves files out of the inbox as a pipeline does, when they are whole.
func (tr *trial) takes(t *testing.T) (taken func() map[string]string) {
	found := map[string]string{}
	done, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			infos, err := tr.direct.ReadDir(tr.inbox)
			if err != nil {
				return
			}
			for _, info := range infos {
				for _, file := range tr.wl.Files {
					whole := string(tr.wl.Encode(file))
					if info.Name() == file.Name && tr.content(file.Name) == whole {
						found[archiveName(tr.wl, file)] += whole
						_ = tr.direct.Remove(path.Join(tr.inbox, file.Name))
						break
					}
				}
			}
		}
	}()
	return func() map[string]string {
		close(stop)
		<-done
		return found
	}
}

func TestAllWaysOfDroppingBringTheWholeFile(t *testing.T) {
	tr := newTrial(t, func(c *workload.Config) {
		c.Files, c.RecordsPerFile = 12, 20
		c.Uploads = workload.Uploads{CutEvery: 6, SlowEvery: 6, AgainEvery: 5, SameNameEvery: 4, LateEvery: 9}
	})
	taken := tr.takes(t)
	s := tr.sender()
	told := map[workload.How][]history.Phase{}
	s.Told = func(d workload.Drop, how history.Phase) { told[d.How] = append(told[d.How], how) }
	drops := tr.wl.Drops()
	require.NoError(t, s.All(t.Context(), tr.wl, drops, 0))
	require.Eventually(t, func() bool { return len(tr.names()) == 0 }, 10*time.Second, 20*time.Millisecond, "everything is whole in the end")
	found := taken()
	again := map[int]int{}
	for _, d := range drops {
		if d.How == workload.Again {
			again[d.File]++
		}
	}
	for _, file := range tr.wl.Files[1 : len(tr.wl.Files)-1] {
		want := string(tr.wl.Encode(file))
		if again[file.Index] > 0 {
			want += want
		}
		require.Equal(t, want, found[archiveName(tr.wl, file)], file.Name)
	}
	require.Equal(t, []history.Phase{history.Info, history.Info}, told[workload.Cut])
	require.Equal(t, []history.Phase{history.OK, history.OK}, told[workload.Repeat])
	require.Equal(t, []history.Phase{history.Note, history.Note}, told[workload.Start])
	require.Equal(t, []history.Phase{history.OK, history.OK}, told[workload.Finish])
	require.NotEmpty(t, told[workload.Again])

	sends := map[int][]history.Phase{}
	for _, event := range tr.events() {
		sent := sentOf(t, event)
		sends[sent.File] = append(sends[sent.File], event.Phase)
		if sent.How == string(workload.Cut) {
			at, _ := tr.wl.Begin(tr.wl.Files[sent.File])
			require.Equal(t, at, sent.Bytes)
		}
	}
	for _, d := range drops {
		switch d.How {
		case workload.Cut:
			require.Equal(t, []history.Phase{history.Invoke, history.Info, history.Invoke, history.OK}, sends[d.File])
		case workload.Start:
			require.Equal(t, []history.Phase{history.Invoke, history.OK}, sends[d.File])
		}
	}
}

func TestACutLeavesTheBeginningUnderTheFinalName(t *testing.T) {
	tr := newTrial(t, nil)
	file := tr.wl.Files[2]
	_, err := tr.sender().Drop(t.Context(), tr.wl, workload.Drop{File: 2, How: workload.Cut})
	var outcome *Unacknowledged
	require.ErrorAs(t, err, &outcome)
	require.ErrorIs(t, err, errBrokenOff)
	require.Equal(t, history.Info, outcome.Phase)
	at, _ := tr.wl.Begin(file)
	require.Equal(t, string(tr.wl.Encode(file)[:at]), tr.content(file.Name))
}

// What lies in the inbox is not overwritten by another file of its name.
func TestAFileThatWasNotTakenIsNotOverwritten(t *testing.T) {
	tr := newTrial(t, func(c *workload.Config) { c.Files, c.Uploads.SameNameEvery = 6, 3 })
	index := 0
	for _, d := range tr.wl.Drops() {
		if tr.wl.Carries(d, workload.SameNamed) {
			index = d.File
		}
	}
	s := tr.sender()
	s.TakenWithin = 200 * time.Millisecond
	_, err := s.Send(t.Context(), tr.wl, tr.wl.Files[index-1])
	require.NoError(t, err)
	told := history.Phase("")
	s.Told = func(_ workload.Drop, how history.Phase) { told = how }
	acked, err := s.Drop(t.Context(), tr.wl, workload.Drop{File: index, How: workload.Whole, After: index - 1})
	require.NoError(t, err)
	require.False(t, acked)
	require.Equal(t, history.Fail, told)
	require.Equal(t, string(tr.wl.Encode(tr.wl.Files[index-1])), tr.content(tr.wl.Files[index].Name))
	require.Len(t, tr.events(), 2, "it was not begun")
}
