package workload

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// hostile is everything at once.
func hostile(c *Config) {
	c.Files, c.RecordsPerFile, c.FullEvery, c.RecreatePercent, c.RejectPercent = 20, 50, 8, 5, 4
	c.Hostile = Hostile{
		EncodingPercent: 4, NULPercent: 3, MarkupPercent: 6, MixedPercent: 6, HugeFields: 2,
		BOMEvery: 4, CRLFEvery: 4, EmptyEvery: 6, BlankEvery: 9, CopiesEvery: 4,
	}
}

func TestHostileRowsAreWhatTheyShouldBe(t *testing.T) {
	w := plan(t, hostile)
	seen := map[Twist]int{}
	for _, file := range w.Files {
		for _, op := range file.Ops {
			seen[op.Twist]++
			if op.Twist == Plain {
				continue
			}
			require.Equal(t, Trial, file.Kind)
			require.Equal(t, op.Twist.accept(), op.Accept)
			row := w.Row(op)
			require.Equal(t, op.Twist != Encoding, utf8.ValidString(row[note]))
			require.Equal(t, op.Twist == NUL, strings.Contains(row[note], "\x00"))
			require.Equal(t, op.Twist == HugeField, len(row[note]) == HugeFieldBytes)
			require.Equal(t, op.Twist == Mixed, row[birthDate] == "")
			require.NotContains(t, row[note], "\n", "the line numbers of the plan take it that there is none")
			next := op
			next.Version++
			require.NotEqual(t, row[note], w.Row(next)[note], "every version changes it")
		}
	}
	for twist := Plain; twist < twistCount; twist++ {
		require.Positive(t, seen[twist], twist)
	}
	require.Equal(t, 2, seen[HugeField])
}

func TestHostileFilesAreWhatTheyShouldBe(t *testing.T) {
	w := plan(t, hostile)
	seen := map[string]int{}
	for _, file := range w.Files {
		content := w.Encode(file)
		if file.Blank {
			require.Empty(t, content)
			seen["blank"]++
			continue
		}
		text, bom := bytes.CutPrefix(content, []byte("\ufeff"))
		require.Equal(t, file.BOM, bom)
		ending := "\n"
		if file.CRLF {
			ending = "\r\n"
		}
		header, _, _ := strings.Cut(string(text), "\n")
		require.Equal(t, Header+ending, header+"\n")
		require.True(t, strings.HasSuffix(string(text), ending))
		if len(file.Ops) == 0 {
			seen["empty"]++
			require.Equal(t, Header+ending+"#rows,0"+ending, string(text))
		}
		for _, at := range file.Copies {
			seen["copies"]++
			require.Equal(t, 2, file.Weight(int(at)))
			require.Equal(t, 2, bytes.Count(text, w.appendRow(nil, file.Ops[at])))
		}
		for trait, is := range map[string]bool{"bom": file.BOM, "crlf": file.CRLF} {
			if is {
				seen[trait]++
			}
		}
	}
	for _, trait := range []string{"bom", "crlf", "empty", "blank", "copies"} {
		require.Positive(t, seen[trait], trait)
	}
}

func TestACutIsWithinARowBehindItsKey(t *testing.T) {
	w := plan(t, nil)
	for _, file := range w.Files[1 : len(w.Files)-1] {
		content := w.Encode(file)
		at, row := w.Begin(file)
		begun := content[:at]
		line := string(begun[bytes.LastIndexByte(begun, '\n')+1:])
		require.Regexp(t, `^[0-9A-Z]{12},\d+,ups$`, line)
		require.True(t, strings.HasPrefix(line, w.Key(int(file.Ops[row].Number))))
		require.EqualValues(t, file.Ops[row].Line, 1+bytes.Count(begun, []byte{'\n'}))
	}
}
