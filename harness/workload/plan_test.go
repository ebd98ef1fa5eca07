package workload

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlansHoldTogether follows the plan of many configurations as a reader
// of the files would.
func TestPlansHoldTogether(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"default":        nil,
		"one row":        func(c *Config) { c.Files, c.RecordsPerFile = 40, 1 },
		"only updates":   func(c *Config) { c.UpdatePercent, c.DeletePercent = 100, 0 },
		"only deletions": func(c *Config) { c.UpdatePercent, c.DeletePercent = 0, 100 },
		"rejections":     func(c *Config) { c.RejectPercent = 30 },
		"all rejected":   func(c *Config) { c.RejectPercent = 100 },
		"full":           func(c *Config) { c.FullEvery = 5 },
		"always full":    func(c *Config) { c.FullEvery, c.RecordsPerFile, c.DeletePercent, c.UpdatePercent = 1, 60, 30, 10 },
		"full, rejected": func(c *Config) { c.FullEvery, c.RejectPercent, c.DeletePercent = 3, 40, 10 },
		"returning":      func(c *Config) { c.RecreatePercent, c.DeletePercent = 10, 12 },
		"returning, full": func(c *Config) {
			c.RecreatePercent, c.DeletePercent, c.FullEvery, c.RejectPercent = 10, 12, 4, 10
		},
		"hostile": hostile,
		"uploads": func(c *Config) {
			c.Files, c.RecordsPerFile = 30, 20
			c.Uploads = Uploads{CutEvery: 4, SlowEvery: 4, AgainEvery: 3, SameNameEvery: 5, LateEvery: 3}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := plan(t, change)
			require.Len(t, w.Files, w.Config.Files+2)
			require.Equal(t, Control, w.Files[0].Kind)
			require.Equal(t, Sentinel, w.Files[len(w.Files)-1].Kind)
			version := map[int32]int32{}
			deleted := map[int32]bool{}
			exists := map[int32]bool{}
			most := int32(-1)
			for i, file := range w.Files {
				require.Equal(t, i, file.Index)
				if i > 0 && file.Name == w.Files[i-1].Name {
					require.Equal(t, file.Seq, w.Files[i-1].Seq)
					require.NotEqual(t, file.Rows(), w.Files[i-1].Rows(), "how many rows tells files of one name apart")
				}
				inFile := map[int32]bool{}
				rows := 0
				for k, op := range file.Ops {
					require.False(t, inFile[op.Number], "twice in a file")
					inFile[op.Number] = true
					require.False(t, deleted[op.Number] && (op.Delete || w.Config.RecreatePercent == 0), "after its deletion")
					require.Greater(t, op.Version, version[op.Number])
					if op.Version == 1 {
						require.False(t, op.Delete)
						most = max(most, op.Number)
					} else {
						require.Positive(t, version[op.Number], "changed before it was sent")
					}
					version[op.Number] = op.Version
					if op.Implied {
						require.True(t, file.Full && op.Delete && op.Line == 0 && exists[op.Number])
					} else {
						require.Equal(t, rows, k, "implied deletions come last")
						require.Positive(t, op.Line)
						rows++
					}
					deleted[op.Number] = op.Delete
					if op.Delete {
						require.Equal(t, Acceptable, op.Accept)
						require.True(t, exists[op.Number], "deletes what never came to exist")
						exists[op.Number] = false
					} else if op.Accept != Rejectable {
						exists[op.Number] = true
					}
				}
				require.Equal(t, rows+len(file.Copies), file.Rows())
				switch {
				case file.Full:
					// Whatever exists is in it.
					for number, there := range exists {
						require.True(t, inFile[number] || !there)
					}
				case file.Kind == Trial && rows > 0 && !w.sameName(i):
					require.Equal(t, w.Config.RecordsPerFile, rows)
				}
			}
			require.EqualValues(t, w.Records()-1, most)
		})
	}
}

func TestSharesAreKeptOverAllFiles(t *testing.T) {
	w := plan(t, func(c *Config) { c.Files, c.RecordsPerFile, c.RejectPercent = 200, 10, 7 })
	updates, deletes, rejects, rows := 0, 0, 0, 0
	for _, file := range w.Files[2 : len(w.Files)-1] { // the first trial file inserts only
		for _, op := range file.Ops {
			rows++
			switch {
			case op.Delete:
				deletes++
			case op.Version > 1:
				updates++
			}
			if op.Accept == Rejectable {
				rejects++
			}
		}
	}
	require.InDelta(t, 0.20, float64(updates)/float64(rows), 0.01)
	require.InDelta(t, 0.02, float64(deletes)/float64(rows), 0.01)
	require.InDelta(t, 0.07, float64(rejects)/float64(rows-deletes), 0.01)
}

func TestEqualConfigsGiveEqualPlans(t *testing.T) {
	a, b := plan(t, nil), plan(t, nil)
	require.Equal(t, a.Files, b.Files)
	c := plan(t, func(c *Config) { c.Seed++ })
	require.NotEqual(t, a.Files, c.Files)
	// Content depends on the seed, and not on how many files there are.
	d := plan(t, func(c *Config) { c.Files, c.RecordsPerFile, c.Tag = 3, 7, "AAAA" })
	require.Equal(t, a.Record(17, 3), d.Record(17, 3))
	require.NotEqual(t, a.Record(17, 3), c.Record(17, 3))
}

func TestValidateNamesTheField(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"generator":        func(c *Config) { c.Generator = "people/2" },
		"tag":              func(c *Config) { c.Tag = "TRIALS" },
		"key_shape":        func(c *Config) { c.KeyShape = "uuid" },
		"files":            func(c *Config) { c.Files = -1 },
		"records_per_file": func(c *Config) { c.RecordsPerFile = -5 },
		"update_percent":   func(c *Config) { c.UpdatePercent = 101 },
		"delete_percent":   func(c *Config) { c.UpdatePercent, c.DeletePercent = 60, 41 },
		"reject_percent":   func(c *Config) { c.RejectPercent = -1 },
		"full_every":       func(c *Config) { c.FullEvery = -1 },
		"recreate_percent": func(c *Config) { c.RecreatePercent = 80 },
		"huge_file":        func(c *Config) { c.HugeFile = -1 },
		"nul_percent":      func(c *Config) { c.Hostile.NULPercent = 101 },
		"late_every":       func(c *Config) { c.Uploads.LateEvery = -1 },
		"cut_every":        func(c *Config) { c.Uploads.CutEvery, c.NoTrailer = 2, true },
		"files_per_second": func(c *Config) { c.FilesPerSecond = -1 },
		"in_place":         func(c *Config) { c.InPlace, c.NoTrailer = true, true },
		"operations":       func(c *Config) { c.Files, c.RecordsPerFile = 100_000, 100_000 },
	} {
		config := Default(1, "T3ST")
		change(&config)
		_, err := New(config)
		require.ErrorContains(t, err, field)
	}
	require.NoError(t, Config{Tag: "T3ST"}.Validate())
}

func TestTagsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		tag := NewTag()
		require.NoError(t, Default(1, tag).Validate())
		seen[tag] = true
	}
	require.Greater(t, len(seen), 95)
}

// Where runs follow each other on a pipeline that goes on, files of the later one
// are numbered as later ones.
func TestFirstNumber(t *testing.T) {
	config := Default(7, "ABCD")
	plain, err := New(config)
	require.NoError(t, err)
	config.FirstNumber = 22
	later, err := New(config)
	require.NoError(t, err)
	for i, file := range later.Files {
		require.Equal(t, i, file.Index)
		require.Equal(t, 22+i, file.Seq)
		require.Equal(t, plain.Files[i].Ops, file.Ops, "nothing else changes")
	}
	require.Equal(t, "000022-delta-ABCD-control.csv", later.Files[0].Name)
	config.FirstNumber = MaxFiles
	_, err = New(config)
	require.ErrorContains(t, err, "first_number")
}
