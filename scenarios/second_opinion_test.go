package scenarios_test

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
	"github.com/seatrial/seatrial/scenarios/internal/independent"
)

// people is the reference pipeline's table, as the independent judge sees it.
var people = independent.TableSpec{
	Name: "people", Key: "key", Version: "version", Deleted: "deleted_at is not null",
	Columns: []independent.Column{
		{Name: "family_name", Type: "text"}, {Name: "given_name", Type: "text"}, {Name: "birth_date", Type: "date"},
		{Name: "email", Type: "text"}, {Name: "phone", Type: "text"}, {Name: "note", Type: "text"},
		{Name: "employer", Type: "text"}, {Name: "role", Type: "text"}, {Name: "city", Type: "text"},
		{Name: "starts_at", Type: "timestamptz"}, {Name: "hours", Type: "numeric"}, {Name: "salary", Type: "numeric"},
	},
}

// bench is a stack on which runs are tried, and judged a second time.
type bench struct {
	*harness.Harness
	watch *watcher
}

// newBench starts a stack for a pipeline, and for the reference pipeline.
func newBench(t *testing.T, pipeline string) bench {
	b := bench{watch: &watcher{t: t, phase: func(string) {}}}
	var err error
	b.Harness, err = harness.Open(t.Context(), harness.Options{Out: "../reports/out", Pipeline: pipeline, Watch: b.watch})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close(context.Background())) })
	return b
}

// try runs a scenario and has SQL judge what stood in the database at its end,
// before any repair; both judges must name the same records.
func (b bench) try(t *testing.T, scenario harness.Scenario, options harness.RunOptions) reports.Run {
	var stood pgx.Tx
	b.watch.t = t // what a failure prints is of its own run only
	b.watch.phase = func(name string) {
		if name == "repair" {
			stood = b.stands(t)
		}
	}
	run, err := b.Run(t.Context(), scenario, options)
	require.NoError(t, err)
	stored, err := history.Load(run.Folder)
	require.NoError(t, err)
	require.Empty(t, stored.Problem)

	if stood == nil {
		stood = b.stands(t)
	}
	second, err := independent.Judge(t.Context(), stood, filepath.Join(run.Folder, "input"), acknowledged(t, stored), people)
	require.NoError(t, err)
	require.NoError(t, stood.Conn().Close(t.Context()))

	findings := readFindings(t, run.Folder)
	inRows := func(f check.Finding) bool {
		return strings.HasSuffix(f.LastSeen, " rows") || f.LastSeen == history.Rows
	}
	// What the checkers find waiting elsewhere SQL can only find missing, and
	// what came back after it was seen deleted only still there.
	behind := sorted(second.Lost, second.Stale, second.Undeleted)
	named := keys(findings, inRows, check.Lost, check.Stale, check.Undeleted)
	waiting := keys(findings, func(check.Finding) bool { return true }, check.Stalled)
	back := keys(findings, inRows, check.Resurrected)
	require.Subset(t, behind, named, "absent, older or still there: by the checkers, and not by SQL; see %s", run.Folder)
	require.Subset(t, sorted(named, waiting, back), behind, "absent, older or still there: by SQL, and not by the checkers; see %s", run.Folder)
	// The checkers also see records that stood there twice and were deleted since.
	doubled := keys(findings, inRows, check.Duplicated)
	require.Subset(t, doubled, second.Doubled, "doubled by SQL; see %s", run.Folder)
	require.Subset(t, second.Repeated, doubled, "doubled by the checkers; see %s", run.Folder)
	require.Equal(t, sorted(second.Altered), keys(findings, inRows, check.Altered), "altered; see %s", run.Folder)
	return run
}

// stands returns a transaction that goes on seeing the database as it is now.
func (b bench) stands(t *testing.T) pgx.Tx {
	i := slices.IndexFunc(b.Addresses(), func(a harness.Address) bool { return a.Service == "postgres" })
	conn, err := pgx.Connect(t.Context(), b.Addresses()[i].URL)
	require.NoError(t, err)
	tx, err := conn.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "select 1") // what it sees begins with its first statement
	require.NoError(t, err)
	return tx
}

// acknowledged returns the files that the server acknowledged, each once, by
// the names under which they are kept, in the order in which they were written:
// that of their indices, whatever the order in which they came.
func acknowledged(t *testing.T, run *history.Run) []string {
	kept := map[int]string{}
	for _, event := range run.Events {
		if event.Act == history.Send && event.Phase == history.OK {
			var sent history.Sent
			require.NoError(t, event.Decode(&sent))
			kept[sent.File] = cmp.Or(sent.Archived, sent.Name)
		}
	}
	require.NotEmpty(t, kept)
	var names []string
	for _, index := range slices.Sorted(maps.Keys(kept)) {
		names = append(names, kept[index])
	}
	return names
}

func readFindings(t *testing.T, folder string) []check.Finding {
	file, err := os.Open(filepath.Join(folder, "findings.jsonl"))
	require.NoError(t, err)
	defer file.Close()
	var findings []check.Finding
	for decoder := json.NewDecoder(file); decoder.More(); {
		var finding check.Finding
		require.NoError(t, decoder.Decode(&finding))
		findings = append(findings, finding)
	}
	return findings
}

// keys returns the sorted keys of the findings of some classes in one place.
func keys(findings []check.Finding, in func(check.Finding) bool, classes ...check.Class) []string {
	list := []string{}
	for _, finding := range findings {
		if slices.Contains(classes, finding.Class) && in(finding) && finding.Key != "" {
			list = append(list, finding.Key)
		}
	}
	return sorted(list)
}

func sorted(lists ...[]string) []string {
	all := slices.Concat(append(lists, []string{})...)
	slices.Sort(all)
	return slices.Compact(all)
}

// watcher logs how runs go on.
type watcher struct {
	t     *testing.T
	phase func(name string)
}

func (w *watcher) Begin(scenario, pipeline string, seed uint64, records int) {
	w.t.Logf("%s on %s, seed %d, %d records", scenario, pipeline, seed, records)
}
func (w *watcher) Phase(name string)   { w.phase(name) }
func (w *watcher) Marks(history.Marks) {}
func (w *watcher) Fault(name, target, state, evidence string) {
	w.t.Logf("fault %s on %s: %s (%s)", name, target, state, evidence)
}
func (w *watcher) Operation(name, state, evidence string) {
	w.t.Logf("operation %s: %s (%s)", name, state, evidence)
}
func (w *watcher) End(run reports.Run) {
	w.t.Logf("%s: %s (%.1f s, %s)", run.Verdict, run.Reason, run.Seconds["total"], run.Folder)
}
