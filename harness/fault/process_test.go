package fault

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onContainers is every fault that acts on containers.
func onContainers(target string) []Fault {
	return []Fault{Kill(target), Stop(target, time.Second), Restart(target, time.Second), Pause(target), OOMKill(target), Recreate(target), RecreateWiped(target)}
}

func TestNoMatchIsAnError(t *testing.T) {
	for _, f := range onContainers(Loader) {
		_, err := f.Prepare(t.Context(), &fakeWorld{})
		require.ErrorContains(t, err, `no role does "load"`, f.Name)
	}
	_, err := Latency(Loader, Upstream, time.Second, 0).Prepare(t.Context(), &fakeWorld{})
	require.ErrorContains(t, err, `no connections to "load"`)
	_, err = LockTable().Prepare(t.Context(), &fakeWorld{})
	require.ErrorContains(t, err, "no table declared")
}

func TestTargetThatIsDownCannotBeBroken(t *testing.T) {
	for name, state := range map[string]State{
		"exited": {ID: "x", Status: "exited"}, "paused": {ID: "x", Status: "paused", Running: true, Paused: true}, "removed": {Status: "removed"},
	} {
		for _, f := range onContainers(Loader) {
			down := up("loader-2")
			down.state = state
			first := up("loader")
			_, err := f.Prepare(t.Context(), &fakeWorld{parts: map[string][]*fakeContainer{Loader: {first, down}}})
			require.ErrorContains(t, err, "loader-2 is "+name+" before the fault", f.Name)
			require.Empty(t, first.did, "nothing was done")
		}
	}
}

// Each fault acts on all replicas, knows its undo beforehand, and is proved by
// the state that the engine reports.
func TestLivesOfContainers(t *testing.T) {
	for _, tc := range []struct {
		fault    Fault
		did      []string
		undo     string
		bites    string
		contrary State // after the act: what must not be taken for the fault
		refused  string
	}{
		{Kill(Loader), []string{"kill"}, UndoStart, "loader: exited, exit code 137; loader-2: exited, exit code 137",
			State{ID: "x", Status: "exited", ExitCode: 1}, "exit code is 1, a killed process has 137"},
		{Kill(Loader), []string{"kill"}, UndoStart, "loader: exited, exit code 137; loader-2: exited, exit code 137",
			State{ID: "x", Status: "running", Running: true}, "still runs"},
		{Stop(Loader, 3*time.Second), []string{"stop 3s"}, UndoStart, "loader: exited, exit code 0; loader-2: exited, exit code 0",
			State{ID: "x", Status: "running", Running: true}, "still runs"},
		{Pause(Loader), []string{"pause"}, UndoUnpause, "loader: paused; loader-2: paused", State{ID: "x", Status: "running", Running: true}, "is running"},
		{Recreate(Loader), []string{"remove volumes=false"}, UndoCreate, "the engine knows no such container any more", State{ID: "x", Status: "exited"}, "is still there"},
		{RecreateWiped(Loader), []string{"remove volumes=true"}, UndoCreate, "the engine knows no such container any more", State{ID: "x", Status: "dead"}, "is still there"},
		{Restart(Loader, 3*time.Second), []string{"stop 3s", "start"}, UndoStart, "loader: started 00:00:02.000, before that 00:00:01.000",
			State{ID: "x", Status: "running", Running: true, StartedAt: time.Unix(1, 0)}, "as before"},
	} {
		t.Run(tc.fault.Name+" "+tc.refused, func(t *testing.T) {
			one, two := up("loader"), up("loader-2")
			world := &fakeWorld{parts: map[string][]*fakeContainer{Loader: {one, two}}}
			injection, err := tc.fault.Prepare(t.Context(), world)
			require.NoError(t, err)
			require.Equal(t, []Undo{{Do: tc.undo, Target: "loader"}, {Do: tc.undo, Target: "loader-2"}}, injection.Undo)
			require.Empty(t, one.did, "preparing does nothing")
			_, err = injection.Bites(t.Context())
			require.Error(t, err, "it bites before it was injected")
			require.NoError(t, injection.Inject(t.Context()))
			require.Equal(t, tc.did, one.did)
			require.Equal(t, tc.did, two.did)
			seen, err := injection.Bites(t.Context())
			require.NoError(t, err)
			require.Contains(t, seen, tc.bites)
			two.state = tc.contrary
			_, err = injection.Bites(t.Context())
			require.ErrorContains(t, err, "loader-2")
			require.ErrorContains(t, err, tc.refused)
		})
	}
}

func TestHealedNeedsEveryReplica(t *testing.T) {
	one, two := up("loader"), up("loader-2")
	injection, err := Kill(Loader).Prepare(t.Context(), &fakeWorld{parts: map[string][]*fakeContainer{Loader: {one, two}}})
	require.NoError(t, err)
	require.NoError(t, injection.Inject(t.Context()))
	require.NoError(t, one.Start(t.Context()))
	_, err = injection.Healed(t.Context())
	require.ErrorContains(t, err, "loader-2 is exited")
	require.NoError(t, two.Start(t.Context()))
	seen, err := injection.Healed(t.Context())
	require.NoError(t, err)
	require.Equal(t, "loader: works; loader-2: works", seen)
}

func TestRecreatedMustBeAnotherContainer(t *testing.T) {
	one := up("loader")
	injection, err := Recreate(Loader).Prepare(t.Context(), &fakeWorld{parts: map[string][]*fakeContainer{Loader: {one}}})
	require.NoError(t, err)
	_, err = injection.Healed(t.Context())
	require.ErrorContains(t, err, "same container as before")
	one.state.ID = "loader-9"
	seen, err := injection.Healed(t.Context())
	require.NoError(t, err)
	require.Equal(t, "loader: works; loader: container loader-9 in place of loader-1", seen)
	require.Empty(t, Recreate(Loader).Destroys)
	require.Equal(t, "everything stored by load", RecreateWiped(Loader).Destroys)
}

func TestInjectionThatFailsSaysSo(t *testing.T) {
	for _, f := range onContainers(Loader) {
		one := up("loader")
		injection, err := f.Prepare(t.Context(), &fakeWorld{parts: map[string][]*fakeContainer{Loader: {one}}})
		require.NoError(t, err)
		one.broken = errors.New("engine does not answer")
		require.ErrorIs(t, injection.Inject(t.Context()), one.broken, f.Name)
	}
}

func TestOOMKill(t *testing.T) {
	one := up("loader")
	world := &fakeWorld{parts: map[string][]*fakeContainer{Loader: {one}}}
	one.limit = 0
	_, err := OOMKill(Loader).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "loader has no memory limit")

	one.limit = 100 << 20
	injection, err := OOMKill(Loader).Prepare(t.Context(), world)
	require.NoError(t, err)
	killed := State{ID: "loader-1", Status: "exited", OOMKilled: true, ExitCode: 137}
	one.exec = func() error {
		one.state = killed
		return errors.New("unexpected EOF") // the exec dies with its container
	}
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, []string{"copy /seatrial-hog 755", "exec 0:0 /seatrial-hog 131072000"}, one.did)
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "loader: OOMKilled=true, exit code 137", seen)
	for name, change := range map[string]func(*State){
		"is exited, OOMKilled=false, exit code 137": func(s *State) { s.OOMKilled = false },
		"is exited, OOMKilled=true, exit code 1":    func(s *State) { s.ExitCode = 1 },
		"is running, OOMKilled=true":                func(s *State) { s.Running, s.Status = true, "running" },
	} {
		one.state = killed
		change(&one.state)
		_, err := injection.Bites(t.Context())
		require.ErrorContains(t, err, name)
	}
}

func TestOOMKillThatKillsNobody(t *testing.T) {
	one := up("loader")
	injection, err := OOMKill(Loader).Prepare(t.Context(), &fakeWorld{parts: map[string][]*fakeContainer{Loader: {one}}})
	require.NoError(t, err)
	one.exec = func() error { return errors.New("hog ended with 3") }
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
	defer cancel()
	err = injection.Inject(ctx)
	require.ErrorContains(t, err, "loader outlived its memory being taken")
	require.ErrorContains(t, err, "hog ended with 3")
}
