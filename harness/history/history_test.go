package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// small writes a history of a few acts and one read.
func small(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	w, err := Create(dir, Header{Generator: "people/1", Tag: "T3ST", Seed: 7, Plan: []PlannedFault{{Step: 1, Name: "kill"}}})
	require.NoError(t, err)
	pending, err := w.Invoke(Send, "a.csv", Sent{File: 0, Name: "a.csv", Rows: 1})
	require.NoError(t, err)
	require.NoError(t, pending.OK(nil))
	reading, err := w.Observe(Rows, true)
	require.NoError(t, err)
	require.NoError(t, reading.Entries([]Entry{
		{Number: 4, Version: 1, Fields: map[string]string{"note": "a \"b\"\n\u2028<é>", "empty": ""}},
		{Number: -1, Version: -1, Key: "other"},
	}, nil))
	require.NoError(t, w.Close())
	return dir
}

func TestLoadReadsWhatWasWritten(t *testing.T) {
	run, err := Load(small(t))
	require.NoError(t, err)
	require.Empty(t, run.Problem)
	require.Equal(t, uint64(7), run.Header.Seed)
	reads, err := run.Reads(Rows)
	require.NoError(t, err)
	require.Len(t, reads, 1)
	require.True(t, reads[0].Whole && reads[0].Final)
	var entries []string
	require.NoError(t, run.Entries(reads[0], func(e Entry) error {
		entries = append(entries, fmt.Sprintf("%d %s %q %d", e.Number, e.Key, e.Fields["note"], len(e.Fields)))
		return nil
	}))
	require.Equal(t, []string{`-1 other "" 0`, `4  "a \"b\"\n\u2028<é>" 2`}, entries)
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(small(t), FileName))
	require.NoError(t, err)
	lines := strings.SplitAfter(string(whole), "\n")
	for name, test := range map[string]struct {
		content string
		problem string
	}{
		"no end":         {strings.Join(lines[:3], ""), "no last line"},
		"cut off":        {string(whole[:len(whole)-5]), "cut off"},
		"line left out":  {lines[0] + lines[1] + strings.Join(lines[3:], ""), "has number 3 where 2 was due"},
		"line changed":   {strings.Replace(string(whole), "a.csv", "b.csv", 1), "checksum"},
		"end twice":      {string(whole) + lines[len(lines)-2], "stands after the end"},
		"line no JSON":   {lines[0] + "{\n" + strings.Join(lines[2:], ""), "line 2 cannot be read"},
		"end changed":    {strings.Replace(string(whole), `"lines":`, `"lines":1`, 1), "counts"},
		"header changed": {strings.Replace(string(whole), `"seed":7`, `"seed":8`, 1), "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), []byte(test.content), 0o600))
			run, err := Load(dir)
			require.NoError(t, err)
			require.Contains(t, run.Problem, test.problem)
		})
	}
}

func TestEntriesStayInTheRunsFolder(t *testing.T) {
	dir := small(t)
	outside := filepath.Join(t.TempDir(), "outside.jsonl.gz")
	require.NoError(t, os.WriteFile(outside, nil, 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "observed", "link.jsonl.gz")))
	run, err := Load(dir)
	require.NoError(t, err)
	for _, file := range []string{"../outside", "observed/../../outside", outside, "/etc/hostname", "observed/link.jsonl.gz"} {
		err := run.Entries(Read{Observation: Observation{File: file}}, func(Entry) error { return nil })
		require.Error(t, err, file)
		require.NotErrorIs(t, err, os.ErrNotExist, file)
	}
}

func TestEntriesNoticesWhatIsMissing(t *testing.T) {
	dir := small(t)
	run, err := Load(dir)
	require.NoError(t, err)
	reads, err := run.Reads("")
	require.NoError(t, err)
	path := filepath.Join(dir, reads[0].File)
	stored, err := os.ReadFile(path)
	require.NoError(t, err)
	none := func(Entry) error { return nil }

	reads[0].Observation.Entries++
	require.ErrorContains(t, run.Entries(reads[0], none), "2 entries where the history counts 3")
	reads[0].Observation.Entries--
	require.NoError(t, os.WriteFile(path, stored[:len(stored)-12], 0o600))
	require.Error(t, run.Entries(reads[0], none))
	require.NoError(t, os.Remove(path))
	require.ErrorIs(t, run.Entries(reads[0], none), os.ErrNotExist)
}

func TestPartialReadsStandAsPartial(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, Header{})
	require.NoError(t, err)
	reading, err := w.Observe(Documents, false)
	require.NoError(t, err)
	require.NoError(t, reading.Entries([]Entry{{Number: 1, Version: 1}}, errors.New("connection reset")))
	require.NoError(t, w.Close())
	run, err := Load(dir)
	require.NoError(t, err)
	reads, err := run.Reads(Documents)
	require.NoError(t, err)
	require.False(t, reads[0].Whole)
	require.Equal(t, 1, reads[0].Observation.Entries)
}

func TestWriterIsSafeForSeveral(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, Header{})
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 50 {
				pending, err := w.Invoke(Operate, fmt.Sprint(i), nil)
				if err == nil {
					err = pending.OK(RoleAct{Role: "x"})
				}
				require.NoError(t, err)
			}
		})
	}
	group.Wait()
	require.NoError(t, w.Close())
	run, err := Load(dir)
	require.NoError(t, err)
	require.Empty(t, run.Problem)
	require.Len(t, run.Events, 800)
}

// FuzzLoad: whatever stands in a folder, Load comes back, and what it calls
// whole is whole.
func FuzzLoad(f *testing.F) {
	dir := small(f)
	whole, err := os.ReadFile(filepath.Join(dir, FileName))
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"schema":1}` + "\n"))
	f.Add([]byte(`{"schema":1}` + "\n" + `{"seq":1,"phase":"ok","act":"observe","of":0,"data":{"file":"../x"}}` + "\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, FileName), content, 0o600))
		run, err := Load(dir)
		if err != nil {
			return
		}
		if run.Problem == "" {
			require.True(t, bytes.HasSuffix(content, []byte("\n")))
			require.Equal(t, len(run.Events)+2, bytes.Count(content, []byte("\n")))
		}
		reads, err := run.Reads("")
		if err != nil {
			return
		}
		for _, read := range reads {
			_ = run.Entries(read, func(Entry) error { return nil })
		}
	})
}

// FuzzDecodeEntry holds the fast decoder against encoding/json.
func FuzzDecodeEntry(f *testing.F) {
	for _, line := range []string{
		`{"n":1,"v":2}`, `{"n":-1,"v":-1,"k":"x","d":true,"op":"upsert","f":{"a":"b","c":""},"w":"row 1"}`,
		`{"n":1,"v":2,"f":{"a":"\"\\\/\b\f\n\r\t\u00e9\u2028 \ud83d\ude00"}}`, `{"n":01,"v":2}`, `{"n":1,"v":2} x`, `{}`, `{"n":1,"n":2,"v":0}`,
		`{"n":1e3,"v":2}`, `{"n":9999999999999999999,"v":2}`, `{"N":1}`, `{"n":null}`, `{"f":{"a":"1","a":"2"}}`, "{\"k\":\"\xff\"}", "{\"k\":\"a\x01\"}", `{"n":1,}`, `{"d":false}`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var fast, slow Entry
		if !decodeEntry(line, &fast, map[string]string{}) {
			return
		}
		require.NoError(t, json.Unmarshal([]byte(line), &slow))
		require.Equal(t, slow, fast)
	})
}

func BenchmarkEntries(b *testing.B) {
	var stored bytes.Buffer
	encoder := json.NewEncoder(&stored)
	encoder.SetEscapeHTML(false)
	fields := map[string]string{}
	for _, name := range []string{"family_name", "given_name", "birth_date", "email", "phone", "note", "employer", "role", "city", "starts_at", "hours", "salary"} {
		fields[name] = "some content of " + name
	}
	const count = 1000
	for i := range count {
		require.NoError(b, encoder.Encode(Entry{Number: i, Version: 1, Fields: fields}))
	}
	b.ReportAllocs()
	for b.Loop() {
		n, err := eachEntry(bytes.NewReader(stored.Bytes()), func(Entry) error { return nil })
		require.NoError(b, err)
		require.Equal(b, count, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/record")
}
