package workload

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDrops follows the schedules of many configurations as a server would.
func TestDrops(t *testing.T) {
	for name, uploads := range map[string]Uploads{
		"plain":     {},
		"cut":       {CutEvery: 3},
		"slow":      {SlowEvery: 3},
		"again":     {AgainEvery: 2},
		"same name": {SameNameEvery: 3},
		"late":      {LateEvery: 2},
		"all":       {CutEvery: 5, SlowEvery: 5, AgainEvery: 3, SameNameEvery: 3, LateEvery: 4},
		"always":    {CutEvery: 1, SlowEvery: 1, AgainEvery: 1, SameNameEvery: 1, LateEvery: 1},
		"names":     {SameNameEvery: 1},
		"swapped":   {LateEvery: 1},
	} {
		for _, files := range []int{1, 2, 3, 5, 20, 41} {
			w := plan(t, func(c *Config) {
				c.Files, c.RecordsPerFile, c.Uploads, c.FullEvery, c.Hostile.BlankEvery = files, 10, uploads, 7, 6
			})
			drops := w.Drops()
			ended, begun := map[int]bool{}, map[int]How{}
			for _, d := range drops {
				if d.After != 0 {
					require.True(t, ended[d.After], "%s, %d files: %+v waits for what was not sent", name, files, d)
					require.False(t, w.Files[d.After].Blank, "it need not be taken")
				}
				switch d.How {
				case Cut, Start:
					require.Empty(t, begun[d.File])
					begun[d.File] = d.How
					continue
				case Repeat:
					require.Equal(t, Cut, begun[d.File])
				case Finish:
					require.Equal(t, Start, begun[d.File])
				case Again:
					require.Equal(t, d.File, d.After)
					require.True(t, ended[d.File])
					continue
				case Whole:
					require.Empty(t, begun[d.File])
				}
				require.False(t, ended[d.File], "%s, %d files: file %d is sent whole twice", name, files, d.File)
				ended[d.File] = true
				for other := range begun {
					require.True(t, ended[other] || w.Files[other].Name != w.Files[d.File].Name, "a name is in use")
				}
				if d.File > 1 && w.Files[d.File].Name == w.Files[d.File-1].Name {
					require.Equal(t, d.File-1, d.After, "it would overwrite the other")
				}
			}
			require.Len(t, ended, files)
			for trait, wanted := range map[Trait]bool{
				BrokenOff: uploads.CutEvery > 0 && uploads.CutEvery < 3, Slow: uploads.SlowEvery > 1, SameNamed: uploads.SameNameEvery > 0 && uploads.CutEvery != 1,
				Late: uploads.LateEvery > 0 && uploads.CutEvery != 1, DroppedAgain: uploads.AgainEvery > 0 && uploads.CutEvery != 1,
			} {
				carried := 0
				for _, d := range drops {
					if w.Carries(d, trait) {
						carried++
					}
				}
				require.True(t, !wanted || files < 20 || carried > 0, "%s, %d files: nothing carries %s", name, files, trait)
			}
		}
	}
}

func TestLateFilesChangeRecordsOfTheFileBefore(t *testing.T) {
	w := plan(t, func(c *Config) {
		c.Files, c.RecordsPerFile, c.UpdatePercent, c.DeletePercent, c.RecreatePercent, c.Uploads.LateEvery = 15, 60, 40, 8, 6, 2
	})
	common, deleted := 0, 0
	for _, d := range w.Drops() {
		if !w.Carries(d, Late) {
			continue
		}
		in := map[int32]bool{}
		for _, op := range w.Files[d.File].Ops {
			in[op.Number] = true
		}
		for _, op := range w.Files[d.File+1].Ops {
			if in[op.Number] {
				common++
				if op.Delete {
					deleted++
				}
			}
		}
	}
	require.Greater(t, common, 20)
	require.Positive(t, deleted)
}
