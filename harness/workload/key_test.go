package workload

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var shapes = []string{TokenKeys, DigitKeys, MixedKeys}

func TestKeysAreReadBack(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			w := plan(t, func(c *Config) { c.KeyShape = shape })
			seen := map[string]bool{}
			for number := range w.Records() {
				key := w.Key(number)
				require.False(t, seen[key])
				seen[key] = true
				got, ok := w.Number(key)
				require.True(t, ok, key)
				require.Equal(t, number, got)
				require.False(t, w.Foreign(key))
			}
			_, ok := w.Number(w.Key(w.Records()))
			require.False(t, ok, "a number that the workload does not have")
			for _, number := range []int{1, 1234, 1e9 - 1} {
				require.Equal(t, utf8.RuneCountInString(w.Key(0)), utf8.RuneCountInString(w.Key(number)), "fixed length")
			}
		})
	}
}

func TestKeysOfOtherRunsAreForeign(t *testing.T) {
	for _, shape := range shapes {
		w := plan(t, func(c *Config) { c.KeyShape = shape })
		other := plan(t, func(c *Config) { c.KeyShape, c.Tag = shape, "T3SV" })
		for number := range 200 {
			_, ok := w.Number(other.Key(number))
			require.False(t, ok)
			require.True(t, w.Foreign(other.Key(number)), other.Key(number))
		}
	}
}

// A wrong character and two swapped neighbours are never a key of the run,
// nor one of another run.
func TestDamagedKeysAreNoKeys(t *testing.T) {
	for _, shape := range []string{TokenKeys, DigitKeys} {
		w := plan(t, func(c *Config) { c.KeyShape = shape })
		letters := alphabet
		if shape == DigitKeys {
			letters = "0123456789"
		}
		for _, number := range []int{0, 7, 31, 32, 999, 3000} {
			key := w.Key(number)
			for i := range key {
				for _, c := range letters {
					if damaged := key[:i] + string(c) + key[i+1:]; damaged != key {
						_, ok := w.Number(damaged)
						require.False(t, ok, "%s for %s", damaged, key)
						require.False(t, w.Foreign(damaged), "%s for %s", damaged, key)
					}
				}
				if i+1 < len(key) && key[i] != key[i+1] {
					swapped := key[:i] + key[i+1:i+2] + key[i:i+1] + key[i+2:]
					_, ok := w.Number(swapped)
					require.False(t, ok, "%s for %s", swapped, key)
				}
			}
			for _, damaged := range []string{strings.TrimLeft(key, "0"), key + " ", " " + key, strings.ToLower(key), key[1:], key[:len(key)-1], ""} {
				if damaged != key {
					_, ok := w.Number(damaged)
					require.False(t, ok, damaged)
				}
			}
		}
	}
}

func TestKeyShapesTrapTheCareless(t *testing.T) {
	digits := plan(t, func(c *Config) { c.KeyShape = DigitKeys })
	require.True(t, strings.HasPrefix(digits.Key(5), "0"))
	mixed := plan(t, func(c *Config) { c.KeyShape = MixedKeys })
	require.True(t, strings.EqualFold(mixed.Key(0), mixed.Key(1)))
	require.NotEqual(t, mixed.Key(0), mixed.Key(1))
	require.Equal(t, mixed.Key(0)[len("Éa"):], mixed.Key(2)[len("Ea"):])
}

// FuzzNumber: whatever stands in a place, only keys of the run are keys.
func FuzzNumber(f *testing.F) {
	var workloads []*Workload
	for _, shape := range shapes {
		w := plan(f, func(c *Config) { c.KeyShape = shape })
		workloads = append(workloads, w)
		f.Add(w.Key(0))
		f.Add(w.Key(3000))
		f.Add(w.Key(1 << 30))
	}
	f.Add("É")
	f.Fuzz(func(t *testing.T, key string) {
		for _, w := range workloads {
			number, ok := w.Number(key)
			if !ok {
				require.Equal(t, -1, number)
				w.Foreign(key)
				continue
			}
			require.Equal(t, key, w.Key(number))
			require.Less(t, number, w.Records())
			require.False(t, w.Foreign(key))
		}
	})
}

// FuzzField: every text comes back byte for byte from the field it was
// written to.
func FuzzField(f *testing.F) {
	for _, list := range []*texts{familyNames, notes, employers} {
		for _, text := range append(list.bare, list.plain...) {
			f.Add(text, false)
		}
	}
	f.Fuzz(func(t *testing.T, text string, quoted bool) {
		line := appendField(appendField([]byte("a,"), text, quoted), "x", false)
		line = append(line[:len(line)-1], ",b\n"...)
		rows, err := parseCSV(string(line))
		require.NoError(t, err)
		require.Len(t, rows, 1)
		require.Equal(t, []string{"a", text, "b"}, rows[0].fields)
	})
}
