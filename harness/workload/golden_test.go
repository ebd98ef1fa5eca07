package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew: only for a generator that was never released")

// TestGenerator pins people/1: stored runs are judged by generating their
// workload again, so its output must never change. A change needs another
// generator name, and this one kept beside it.
func TestGenerator(t *testing.T) {
	small := func(change func(*Config)) Config {
		c := Config{Seed: 2026, Tag: "G01D", Files: 3, RecordsPerFile: 12, UpdatePercent: 25, DeletePercent: 9, Control: 2, Sentinel: 1}
		if change != nil {
			change(&c)
		}
		return c
	}
	for name, config := range map[string]Config{
		"delta":  small(nil),
		"full":   small(func(c *Config) { c.FullEvery, c.RejectPercent, c.KeyShape = 3, 20, MixedKeys }),
		"digits": small(func(c *Config) { c.NoTrailer, c.KeyShape, c.Files = true, DigitKeys, 1 }),
		"hostile": small(func(c *Config) {
			c.RecordsPerFile = 15
			c.Hostile = Hostile{EncodingPercent: 10, NULPercent: 10, MarkupPercent: 20, MixedPercent: 20, BOMEvery: 3, CRLFEvery: 3, CopiesEvery: 3}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			w, err := New(config)
			require.NoError(t, err)
			for _, file := range w.Files {
				golden(t, filepath.Join("testdata", name, file.Name), w.Encode(file))
			}
		})
	}
	t.Run("sums", func(t *testing.T) {
		sums := map[string]string{}
		for name, config := range map[string]Config{
			"default":    Default(1, "SXM1"),
			"full":       small(func(c *Config) { c.FullEvery, c.Files, c.RecordsPerFile, c.RejectPercent = 4, 20, 100, 7 }),
			"large":      small(func(c *Config) { c.Files, c.RecordsPerFile = 30, 1000 }),
			"mixed":      small(func(c *Config) { c.KeyShape, c.RecordsPerFile = MixedKeys, 500 }),
			"other seed": Default(1<<63+12345, "ZZZZ"),
			"hostile": small(func(c *Config) {
				hostile(c)
				c.Uploads = Uploads{SameNameEvery: 4}
			}),
			"only update": small(func(c *Config) { c.UpdatePercent, c.DeletePercent, c.Files = 100, 0, 30 }),
		} {
			w, err := New(config)
			require.NoError(t, err)
			sum := sha256.New()
			for _, file := range w.Files {
				plan, err := json.Marshal(file)
				require.NoError(t, err)
				sum.Write(plan)
				sum.Write(w.Encode(file))
			}
			sums[name] = hex.EncodeToString(sum.Sum(nil))
		}
		text, err := json.MarshalIndent(sums, "", "  ")
		require.NoError(t, err)
		golden(t, filepath.Join("testdata", "sums.json"), append(text, '\n'))
	})
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
