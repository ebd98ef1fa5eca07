package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/sweep"
	"github.com/seatrial/seatrial/reports"
)

// A trial that cannot be kept is the last: the others would be for nothing.
func TestSweepThatCannotBeKept(t *testing.T) {
	out := t.TempDir()
	f := newSweeper(t, func(scenario string) (run reports.Run, answered bool) {
		if scenario != sweep.Baseline().Name {
			dirs, _ := filepath.Glob(filepath.Join(out, "sweep-*"))
			for _, dir := range dirs {
				os.RemoveAll(dir)
			}
		}
		return run, false
	})
	got := call(t, &f.fake, "sweep", "--parallel", "1", "--out", out)
	require.NotZero(t, got.code)
	require.Contains(t, got.stderr, "write sweep.json: ")
	require.Len(t, f.folders, 1)
}
