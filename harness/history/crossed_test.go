package history

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCrossed(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, Header{})
	require.NoError(t, err)
	wire, err := w.Cross()
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, wire.Add(map[string]int{"n": i}))
	}
	wire.Trial(1, 2)
	wire.Miss(4)
	require.NoError(t, wire.Close())
	require.NoError(t, w.Close())
	run, err := Load(dir)
	require.NoError(t, err)
	is, err := run.Crossings()
	require.NoError(t, err)
	require.Equal(t, Crossings{File: crossedFile, Events: 3, TrialFrom: 1, TrialTo: 2, Missing: 4}, is)
	var seen []string
	see := func(event json.RawMessage) error {
		seen = append(seen, string(event))
		return nil
	}
	require.NoError(t, run.Crossed(see))
	require.Equal(t, []string{`{"n":0}`, `{"n":1}`, `{"n":2}`}, seen)
	stop := errors.New("stop")
	require.ErrorIs(t, run.Crossed(func(json.RawMessage) error { return stop }), stop)

	// What is missing of the file is told: half of it is not all.
	path := filepath.Join(dir, filepath.FromSlash(crossedFile))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, left := range []int{0, 5, len(whole) / 2, len(whole) - 1} {
		require.NoError(t, os.WriteFile(path, whole[:left], 0o600))
		require.Error(t, run.Crossed(see), "%d of %d bytes", left, len(whole))
	}
	require.NoError(t, os.Remove(path))
	require.ErrorContains(t, run.Crossed(see), "has 0 events where the history counts 3")

	// Runs of earlier versions have none.
	old, err := Load(small(t))
	require.NoError(t, err)
	require.NoError(t, old.Crossed(see))
}
