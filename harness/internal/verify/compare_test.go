package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/verify/spill"
	"github.com/seatrial/seatrial/harness/workload"
)

// people are records with a few fields.
func people(change func(*workload.Format)) *workload.Format {
	f := &workload.Format{Kind: workload.CSV, Names: "{number}-{tag}.csv", SnapshotNames: "{number}-full-{tag}.csv", Columns: []workload.Column{
		{Name: "id", Holds: workload.HoldsKey}, {Name: "rev", Holds: workload.HoldsVersion}, {Name: "op", Holds: workload.HoldsOperation},
		{Name: "surname", Holds: "family_name"}, {Name: "born", Holds: "birth_date"},
	}}
	if change != nil {
		change(f)
	}
	return f
}

const (
	surname = 0 // position in workload.Fields
	born    = 2
)

// world is one comparison in memory. A record of a place is "key version surname
// born", "-" for what it does not say, with "deleted" behind it if it is marked so.
type world struct {
	format        *workload.Format
	files         map[string]string
	rows          []string
	documents     []string
	confirmations []string
	rejects       []string
	status        []Statement
	options       Options

	without  string // places that are not declared
	broken   string // place whose read ends in the middle
	changing string // place that is not the same afterwards
	bare     string // place that shows no content
}

func (w *world) place(name string, records []string) *Place {
	if strings.Contains(w.without, name) {
		return nil
	}
	p := &Place{Name: name, Fields: []int{surname, born}}
	if name == w.bare || name == history.Confirmations || name == history.DeadLetters {
		p.Fields = nil
	}
	p.Read = func(_ context.Context, add func(*spill.Record) error) error {
		for i, text := range records {
			if name == w.broken && i == len(records)/2 {
				return errors.New("connection reset")
			}
			words := append(strings.Split(text, " "), "-", "-", "-", "")
			r := spill.Record{Key: []byte(words[0]), Version: -1, Deleted: words[4] == "deleted", Where: fmt.Appendf(nil, "%s %d", name, i), Content: make([]workload.Value, len(workload.Fields))}
			if version, err := strconv.ParseInt(words[1], 10, 64); err == nil {
				r.Version = version
			}
			for at, word := range map[int]string{surname: words[2], born: words[3]} {
				if word != "-" {
					r.Content[at] = workload.Value{Text: word, There: true}
				}
			}
			if err := add(&r); err != nil {
				return err
			}
		}
		return nil
	}
	p.Changed = func(context.Context) (string, error) {
		if name == w.changing {
			return "it is another", nil
		}
		return "", nil
	}
	return p
}

func (w *world) inputs() Inputs {
	folder := fstest.MapFS{}
	for name, content := range w.files {
		folder[name] = &fstest.MapFile{Data: []byte(content), ModTime: time.Unix(1, 0)}
	}
	if w.format == nil {
		w.format = people(nil)
	}
	in := Inputs{Sent: Sent{Name: "archive", Folder: folder, Format: w.format}, Rows: w.place(history.Rows, w.rows), Documents: w.place(history.Documents, w.documents)}
	if w.confirmations != nil {
		in.Confirmations = w.place(history.Confirmations, w.confirmations)
	}
	if w.rejects != nil {
		in.Rejects = w.place(history.DeadLetters, w.rejects)
	}
	if w.status != nil {
		in.Status = func(_ context.Context, add func(Statement)) error {
			for _, s := range w.status {
				add(s)
			}
			return nil
		}
	}
	return in
}

func (w *world) compare(t *testing.T) Result {
	t.Helper()
	w.options.Spill = t.TempDir()
	result, err := Compare(t.Context(), w.inputs(), w.options)
	require.NoError(t, err)
	t.Cleanup(result.Close)
	return result
}

// found returns class, key and version of each finding.
func found(r Result) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %d", f.Class, f.Key, f.Version)))
	}
	return list
}

const head = "id,rev,op,surname,born\n"

// right is a comparison in which all is well.
func right() *world {
	return &world{
		files: map[string]string{
			"000001-AAAA.csv": head + "a,1,upsert,Ames,1990-01-01\nb,1,upsert,Bell,1990-01-02\nc,1,upsert,Cole,1990-01-03\n",
			"000002-AAAA.csv": head + "b,2,upsert,Byrd,1991-01-02\nc,2,delete,,\nd,1,upsert,Dunn,1990-01-04\n",
		},
		rows:      []string{"d 1 Dunn 1990-01-04", "a 1 Ames 1990-01-01", "b 2 Byrd 1991-01-02", "c 2 Cole 1990-01-03 deleted"},
		documents: []string{"b 2 Byrd 1991-01-02", "a 1 Ames 1990-01-01", "d 1 Dunn 1990-01-04"},
	}
}

func TestCompare(t *testing.T) {
	drop := func(list []string, key string) []string {
		var kept []string
		for _, text := range list {
			if !strings.HasPrefix(text, key+" ") {
				kept = append(kept, text)
			}
		}
		return kept
	}
	swap := func(list []string, key, text string) []string { return append(drop(list, key), text) }
	unversioned := func(w *world) {
		w.format = people(func(f *workload.Format) { f.Columns = append(f.Columns[:1:1], f.Columns[2:]...) })
		w.files = map[string]string{
			"000001-AAAA.csv": "id,op,surname,born\na,upsert,Ames,1990-01-01\nb,upsert,Bell,1990-01-02\nc,upsert,Cole,1990-01-03\n",
			"000002-AAAA.csv": "id,op,surname,born\nb,upsert,Byrd,1991-01-02\nc,delete,,\nd,upsert,Dunn,1990-01-04\n",
		}
		for _, list := range [][]string{w.rows, w.documents} {
			for i, text := range list {
				words := strings.SplitN(text, " ", 3)
				list[i] = words[0] + " - " + words[2]
			}
		}
	}
	for name, c := range map[string]struct {
		change  func(*world)
		found   []string
		verdict check.Verdict // empty: by what was found
		reason  string
	}{
		"all is well":  {},
		"rows only":    {change: func(w *world) { w.without = history.Documents }, reason: "not judged: documents"},
		"documents":    {change: func(w *world) { w.without = history.Rows }, reason: "not judged: rows"},
		"lost":         {change: func(w *world) { w.rows, w.documents = drop(w.rows, "a"), drop(w.documents, "a") }, found: []string{"lost a 1"}},
		"lost, no row": {change: func(w *world) { w.rows = drop(w.rows, "a") }, found: []string{"lost a 1"}},
		"lost, documents only": {change: func(w *world) { w.without, w.documents = history.Rows, drop(w.documents, "a") },
			found: []string{"lost a 1"}},
		"marked deleted":    {change: func(w *world) { w.rows = swap(w.rows, "a", "a 1 Ames 1990-01-01 deleted") }, found: []string{"lost a 1"}},
		"invisible":         {change: func(w *world) { w.documents = drop(w.documents, "a") }, found: []string{"invisible a 1"}},
		"doubled row":       {change: func(w *world) { w.rows = append(w.rows, "a 1 Ames 1990-01-01") }, found: []string{"duplicated a 1"}},
		"doubled document":  {change: func(w *world) { w.documents = append(w.documents, "b 2 Byrd 1991-01-02") }, found: []string{"duplicated b 2"}},
		"both versions":     {change: func(w *world) { w.rows = append(w.rows, "b 1 Bell 1990-01-02") }, found: []string{"duplicated b 2"}},
		"doubled by dozens": {change: func(w *world) { w.rows = append(w.rows, make20("a 1 Ames 1990-01-01")...) }, found: []string{"duplicated a 1"}},
		"stale row":         {change: func(w *world) { w.rows = swap(w.rows, "b", "b 1 Bell 1990-01-02") }, found: []string{"stale b 2"}},
		"stale document":    {change: func(w *world) { w.documents = swap(w.documents, "b", "b 1 Bell 1990-01-02") }, found: []string{"stale b 2"}},
		"older than all":    {change: func(w *world) { w.rows = swap(w.rows, "b", "b 0 Bell 1990-01-02") }, found: []string{"stale b 2"}},
		"newer than all":    {change: func(w *world) { w.rows = swap(w.rows, "b", "b 3 Byrd 1991-01-02") }, found: []string{"unexpected b 3"}},
		"altered":           {change: func(w *world) { w.rows = swap(w.rows, "b", "b 2 Byrd 1991-01-03") }, found: []string{"altered b 2"}},
		"altered document":  {change: func(w *world) { w.documents = swap(w.documents, "b", "b 2 byrd 1991-01-02") }, found: []string{"altered b 2"}},
		"altered old one":   {change: func(w *world) { w.rows = swap(w.rows, "b", "b 1 Byrd 1990-01-02") }, found: []string{"altered b 1", "stale b 2"}},
		"nothing stored":    {change: func(w *world) { w.rows = swap(w.rows, "b", "b 2 Byrd -") }, found: []string{"altered b 2"}},
		"undeleted": {change: func(w *world) {
			w.rows, w.documents = swap(w.rows, "c", "c 1 Cole 1990-01-03"), append(w.documents, "c 1 Cole 1990-01-03")
		}, found: []string{"undeleted c 2"}},
		"undeleted document":    {change: func(w *world) { w.documents = append(w.documents, "c 1 Cole 1990-01-03") }, found: []string{"undeleted c 2"}},
		"deleted for good":      {change: func(w *world) { w.rows = drop(w.rows, "c") }},
		"under its deletion":    {change: func(w *world) { w.rows = swap(w.rows, "c", "c 2 Cole 1990-01-03") }, found: []string{"undeleted c 2"}},
		"keys of others":        {change: func(w *world) { w.rows = append(w.rows, "x 1 Xu 1990-01-01") }, reason: "1 record under keys that no file has"},
		"keys of nobody":        {change: func(w *world) { w.rows, w.options.Complete = append(w.rows, "x 1 Xu 1990-01-01"), true }, found: []string{"unexpected x 1"}},
		"rows without a key":    {change: func(w *world) { w.rows = append(w.rows, " 1 Xu 1990-01-01") }, reason: "1 record without a key in rows"},
		"everything":            {change: func(w *world) { w.rows, w.documents = nil, nil }, found: []string{"lost a 1", "lost b 2", "lost d 1"}},
		"versions from content": {change: unversioned},
		"lost by content":       {change: func(w *world) { unversioned(w); w.rows = drop(w.rows, "a") }, found: []string{"lost a -1"}},
		"stale by content":      {change: func(w *world) { unversioned(w); w.rows = swap(w.rows, "b", "b - Bell 1990-01-02") }, found: []string{"stale b -1"}},
		"altered by content":    {change: func(w *world) { unversioned(w); w.rows = swap(w.rows, "b", "b - Bell 1991-01-02") }, found: []string{"altered b -1"}},
		"undeleted by content":  {change: func(w *world) { unversioned(w); w.rows = swap(w.rows, "c", "c - Cole 1990-01-03") }, found: []string{"undeleted c -1"}},
		"version column only":   {change: func(w *world) { w.bare = history.Rows }},
		"nothing tells": {change: func(w *world) { w.bare, w.rows = history.Rows, swap(w.rows, "b", "b - Byrd 1991-01-02") },
			verdict: check.Unknown, reason: "1 record without a version"},
		"sent again":         {change: func(w *world) { w.files["000003-AAAA.csv"] = w.files["000001-AAAA.csv"] }},
		"out of order":       {change: func(w *world) { w.files["000000-AAAA.csv"] = head + "d,3,upsert,Dunne,1990-01-04\n" }, found: []string{"stale d 3"}},
		"same version twice": {change: func(w *world) { w.files["000003-AAAA.csv"] = head + "b,2,upsert,Byrne,1991-01-02\n" }},
		"deleted, or not":    {change: func(w *world) { w.files["000003-AAAA.csv"] = head + "a,1,delete,,\n" }},
		"full file": {change: func(w *world) {
			w.files["000003-full-AAAA.csv"] = head + "a,1,upsert,Ames,1990-01-01\nd,1,upsert,Dunn,1990-01-04\n"
		},
			found: []string{"undeleted b 2"}},
		"full file done": {change: func(w *world) {
			w.files["000003-full-AAAA.csv"] = head + "a,1,upsert,Ames,1990-01-01\nd,1,upsert,Dunn,1990-01-04\n"
			w.rows, w.documents = drop(w.rows, "b"), drop(w.documents, "b")
		}},
		"full file before": {change: func(w *world) { w.files["000000-full-AAAA.csv"] = head }},
		"full file between": {change: func(w *world) {
			w.files["000003-full-AAAA.csv"] = head
			w.files["000004-AAAA.csv"] = head + "a,2,upsert,Ames,1990-01-01\nb,3,upsert,Byrd,1991-01-02\nd,2,upsert,Dunn,1990-01-04\n"
			w.rows = []string{"a 2 Ames 1990-01-01", "b 3 Byrd 1991-01-02", "d 2 Dunn 1990-01-04"}
			w.documents = w.rows
		}},
		"full file and strangers": {change: func(w *world) {
			w.files["000000-full-AAAA.csv"] = head
			w.rows = append(w.rows, "x 1 Xu 1990-01-01")
		}, found: []string{"undeleted x 1"}},
		"too late for a full file": {change: func(w *world) {
			w.files["000003-full-AAAA.csv"] = head + "a,1,upsert,Ames,1990-01-01\nd,1,upsert,Dunn,1990-01-04\n"
			w.files["000004-AAAA.csv"] = head + "b,1,upsert,Bell,1990-01-02\n"
			w.rows = swap(w.rows, "b", "b 1 Bell 1990-01-02")
			w.documents = w.rows[:3]
		}},
		"confirmed":        {change: func(w *world) { w.confirmations = []string{"a 1", "b 1", "b 2", "c 1", "c 2 - - deleted", "d 1"} }},
		"unconfirmed":      {change: func(w *world) { w.confirmations = []string{"a 1", "b 1", "c 2 - - deleted", "d 1"} }, found: []string{"unconfirmed b 2"}},
		"confirmed twice":  {change: func(w *world) { w.confirmations = []string{"a 1", "a 1", "b 2", "c 2 - - deleted", "d 1"} }, found: []string{"duplicated a 1"}},
		"confirmed by key": {change: func(w *world) { w.confirmations = []string{"a -", "b -", "b -", "c - - - deleted", "d -"} }},
		"lost without a trace": {change: func(w *world) {
			w.confirmations, w.rows, w.documents = []string{"a 1", "b 1", "c 2 - - deleted", "d 1"}, swap(w.rows, "b", "b 1 Bell 1990-01-02"), swap(w.documents, "b", "b 1 Bell 1990-01-02")
		}, found: []string{"lost b 2"}},
		"rejected": {change: func(w *world) {
			w.rejects, w.rows, w.documents = []string{"a 1"}, drop(w.rows, "a"), drop(w.documents, "a")
		}},
		"newest rejected": {change: func(w *world) {
			w.rejects, w.rows, w.documents = []string{"b 2"}, swap(w.rows, "b", "b 1 Bell 1990-01-02"), swap(w.documents, "b", "b 1 Bell 1990-01-02")
		}},
		"newest rejected, the one before lost": {change: func(w *world) {
			w.rejects, w.rows, w.documents = []string{"b 2"}, drop(w.rows, "b"), drop(w.documents, "b")
		},
			found: []string{"lost b 1"}},
		"rejected, which is not told": {change: func(w *world) {
			w.rejects, w.rows, w.documents = []string{"b -"}, swap(w.rows, "b", "b 1 Bell 1990-01-02"), swap(w.documents, "b", "b 1 Bell 1990-01-02")
		}},
		"rejected, and one more lost": {change: func(w *world) {
			w.rejects, w.rows, w.documents = []string{"b -"}, drop(w.rows, "b"), drop(w.documents, "b")
		},
			found: []string{"lost b 2"}},
		"rejected, and applied after all": {change: func(w *world) { w.rejects = []string{"b 2", "a -"} }},
		"a place breaks off":              {change: func(w *world) { w.broken = history.Rows }, verdict: check.Unknown, reason: "the place rows could not be read completely (connection reset)"},
		"documents break off":             {change: func(w *world) { w.broken = history.Documents }, verdict: check.Unknown, reason: "the place documents could not be read"},
		"lost, while documents break off": {change: func(w *world) { w.broken, w.rows = history.Documents, drop(w.rows, "a") }, found: []string{"lost a 1"}, reason: "besides, the place documents"},
		"doubled, while it breaks off": {change: func(w *world) {
			w.broken, w.rows = history.Rows, append([]string{"a 1 Ames 1990-01-01", "a 1 Ames 1990-01-01"}, w.rows...)
		}, found: []string{"duplicated a 1"}},
		"rows move":         {change: func(w *world) { w.changing, w.rows = history.Rows, drop(w.rows, "a") }, verdict: check.Unknown, reason: "the place rows changed while everything was read (it is another); 1 record is not where it belongs, which proves nothing"},
		"documents move":    {change: func(w *world) { w.changing = history.Documents }, verdict: check.Unknown, reason: "the place documents changed"},
		"unreadable row":    {change: func(w *world) { w.files["000003-AAAA.csv"] = head + "e,1\na,2,upsert,Ames,1990-01-01\n" }, verdict: check.Unknown, reason: "file 000003-AAAA.csv, line 2: it has 2 fields where 5 are due"},
		"unreadable, many":  {change: func(w *world) { w.files["000003-AAAA.csv"] = head + strings.Repeat("e,1\n", 50) }, verdict: check.Unknown, reason: "and 47 more in the files could not be read"},
		"nothing in files":  {change: func(w *world) { w.files = map[string]string{"000001-AAAA.csv": ""}; w.rows, w.documents = nil, nil }, verdict: check.Unknown, reason: "no file has a record"},
		"other files":       {change: func(w *world) { w.files["notes.txt"] = "x" }, reason: "what else is in the folder (notes.txt)"},
		"under way":         {change: func(w *world) { w.files[".000003-AAAA.csv.part"] = "x" }},
		"counted rightly":   {change: func(w *world) { w.status = said(3, 3, 0, 0) }},
		"counted wrongly":   {change: func(w *world) { w.status = said(4, 3, 0, 0) }, found: []string{"misreported  -1"}, reason: "1 misreported"},
		"counts that lack":  {change: func(w *world) { w.status = said(3, 1, 0, 0) }, found: []string{"misreported  -1"}},
		"nothing imported":  {change: func(w *world) { w.status = said(3, 0, 0, 3) }, found: []string{"misreported  -1"}},
		"completed, though": {change: func(w *world) { w.status, w.rows = said(3, 3, 0, 0), drop(w.rows, "a") }, found: []string{"lost a 1", "misreported  -1"}},
		"never completed":   {change: func(w *world) { w.status = said(-1, -1, -1, -1); w.status[0].Completed = false }, found: []string{"misreported  -1"}},
		"not completed, and rightly": {change: func(w *world) {
			w.status, w.documents = said(-1, -1, -1, -1), drop(w.documents, "a")
			w.status[0].Completed = false
		}, found: []string{"invisible a 1"}},
		"named by path": {change: func(w *world) { w.status = said(4, 3, 0, 0); w.status[0].File = "/archive/000001-AAAA.csv" }, found: []string{"misreported  -1"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := right()
			if c.change != nil {
				c.change(w)
			}
			result := w.compare(t)
			require.Equal(t, append([]string{}, c.found...), found(result), "%s\n%+v", result.Reason, result.Findings)
			want := c.verdict
			if want == "" {
				want = check.Valid
				if len(c.found) > 0 {
					want = check.Invalid
				}
			}
			require.Equal(t, want, result.Verdict, result.Reason)
			require.Contains(t, result.Reason, c.reason)
			sum := 0
			for _, n := range result.Fates {
				sum += n
			}
			require.Equal(t, result.Counts[check.Attempted], sum, "the fates add up")
			ofFiles := 0
			for _, file := range result.Files {
				ofFiles += file.Attempted
			}
			require.Equal(t, sum, ofFiles)
			if want == check.Valid {
				require.Equal(t, result.Counts[check.Acknowledged], result.Counts[check.OK])
			}
			var all bytes.Buffer
			require.NoError(t, result.WriteFindings(&all))
			require.Equal(t, len(c.found), strings.Count(all.String(), "\n"))
		})
	}
}

func make20(text string) (list []string) {
	for range 20 {
		list = append(list, text)
	}
	return list
}

func said(rows, applied, superseded, rejected int) []Statement {
	return []Statement{{File: "000001-AAAA.csv", State: "loading", Completed: true, Rows: rows, Applied: applied, Superseded: superseded, Rejected: rejected}}
}

// What was declared as harmless on the way is no change, and contents are not shown
// unless somebody asks for them.
func TestContents(t *testing.T) {
	w := right()
	w.format = people(func(f *workload.Format) {
		f.Columns[3].Normalise = []string{workload.Trim, workload.Lower}
		f.Columns[4].Layout = "02.01.2006"
	})
	w.files = map[string]string{"000001-AAAA.csv": head + "a,1,upsert, Ames ,01.02.1990\nb,1,upsert,Bell,02.02.1990\nc,1,upsert,Cole,03.02.1990\n"}
	w.rows = []string{"a 1 ames 1990-02-01", "b 1 Bell 1990-02-02", "c 1 Cool 1990-02-04"}
	w.documents = []string{"a 1 Ames 1990-02-01", "b 1 bell 1990-02-02", "c 1 Cole 1990-02-03"}
	result := w.compare(t)
	require.Equal(t, []string{"altered c 1"}, found(result))
	finding := result.Findings[0]
	require.Regexp(t, `^surname: sent digest [0-9a-f]{12}, found digest [0-9a-f]{12}; born: sent digest [0-9a-f]{12}, found digest [0-9a-f]{12}$`, finding.Evidence)
	require.Equal(t, "000001-AAAA.csv", finding.File)
	require.Equal(t, 4, finding.Line)
	raw, err := json.Marshal(result.Result)
	require.NoError(t, err)
	for _, content := range []string{"Cole", "Cool", "1990"} {
		require.NotContains(t, string(raw), content)
	}
	w.options.ShowValues = true
	require.Equal(t, `surname: sent "Cole", found "Cool"; born: sent "1990-02-03", found "1990-02-04"`, w.compare(t).Findings[0].Evidence)
}

// The errors that end a comparison say what to do.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world, *Inputs)
		text   string
	}{
		"no folder": {func(_ *world, in *Inputs) { in.Sent.Folder = missing{} }, "read the folder archive: file does not exist"},
		"empty":     {func(_ *world, in *Inputs) { in.Sent.Folder = fstest.MapFS{} }, "the folder archive is empty"},
		"other names": {func(_ *world, in *Inputs) {
			in.Sent.Folder = fstest.MapFS{"a.txt": {}, "b.txt": {}, "c.txt": {}, "d.txt": {}}
		},
			`no file in archive is called as "{number}-{tag}.csv" (records.files); there is a.txt, b.txt, c.txt and 1 more: --files PATTERN`},
		"ambiguous": {func(_ *world, in *Inputs) { in.Sent.Deltas, in.Sent.Snapshots = "*", "*.csv" }, "fits both --files and --snapshots"},
		"pattern":   {func(_ *world, in *Inputs) { in.Sent.Deltas = "[" }, "is no pattern"},
		"no key": {func(w *world, in *Inputs) { in.Rows = w.place(history.Rows, []string{" 1 Ames"}) },
			"none of 1 rows has the key that expect.rows.key names"},
		"no field": {func(w *world, in *Inputs) { in.Documents = w.place(history.Documents, []string{"a 1 - 1990-01-01"}) },
			"none of 1 documents shows anything of the field surname: mend expect.documents.fields"},
	} {
		t.Run(name, func(t *testing.T) {
			w := right()
			in := w.inputs()
			c.change(w, &in)
			_, err := Compare(t.Context(), in, Options{Spill: t.TempDir()})
			require.ErrorIs(t, err, ErrUsage)
			require.ErrorContains(t, err, c.text)
		})
	}
	_, err := Compare(t.Context(), right().inputs(), Options{Spill: "/nowhere"})
	require.ErrorContains(t, err, "spill to /nowhere: ")
	require.ErrorContains(t, err, "name another folder")
	require.NotErrorIs(t, err, ErrUsage)
}

type missing struct{ fstest.MapFS }

func (missing) ReadDir(string) ([]fs.DirEntry, error) { return nil, fs.ErrNotExist }

// Files come in the order of their numbers, not of their names.
func TestOrderOfFiles(t *testing.T) {
	s := Sent{Format: people(nil), Folder: fstest.MapFS{"10-A.csv": {}, "9-B.csv": {}, "11-full-A.csv": {}, "x.csv": {}, "y": {Mode: 1 << 31}}}
	files, others, err := s.list()
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		names = append(names, fmt.Sprint(file.name, file.full))
	}
	require.Equal(t, []string{"9-B.csvfalse", "10-A.csvfalse", "11-full-A.csvtrue"}, names)
	require.Equal(t, []string{"x.csv", "y"}, others)

	s.Deltas, s.Snapshots = "?-*.csv", "*-full-*.csv"
	_, _, err = s.list()
	require.NoError(t, err)
}

// A file that is replaced while it is read proves nothing.
func TestFolderThatMoves(t *testing.T) {
	w := right()
	in := w.inputs()
	folder := in.Sent.Folder.(fstest.MapFS)
	read := in.Rows.Read
	in.Rows.Read = func(ctx context.Context, add func(*spill.Record) error) error {
		folder["000003-AAAA.csv"] = &fstest.MapFile{Data: []byte(head)}
		return read(ctx, add)
	}
	result, err := Compare(t.Context(), in, Options{Spill: t.TempDir()})
	require.NoError(t, err)
	defer result.Close()
	require.Equal(t, check.Unknown, result.Verdict)
	require.Contains(t, result.Reason, "the folder archive changed while it was read (000003-AAAA.csv)")
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	w := right()
	in := w.inputs()
	in.Rows.Read = func(context.Context, func(*spill.Record) error) error {
		cancel(stop)
		return errors.New("connection closed")
	}
	_, err := Compare(ctx, in, Options{Spill: t.TempDir()})
	require.ErrorIs(t, err, stop)
}
