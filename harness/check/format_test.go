package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// ownRecords are records of somebody's own: few fields, one of them changed on
// its way, and search shows fewer than the table.
func ownRecords(c *workload.Config) {
	c.Format = &workload.Format{Kind: workload.JSONLines, Names: "{number}.jsonl", Columns: []workload.Column{
		{Name: "id", Holds: workload.HoldsKey},
		{Name: "rev", Holds: workload.HoldsVersion},
		{Name: "what", Holds: workload.HoldsOperation},
		{Name: "surname", Holds: "family_name", Normalise: []string{workload.Trim}},
		{Name: "born", Holds: "birth_date"},
		{Name: "pay", Holds: "salary"},
	}}
	c.Suits()
}

func ownRun(t *testing.T) *run {
	r := newRun(t, ownRecords)
	r.expect.Shown = map[string][]string{history.Rows: {"birth_date", "family_name", "salary"}, history.Documents: {"family_name"}}
	r.expect.LeftOut = []string{"full files (the records have no name for them)"}
	r.story()
	for _, entries := range r.rows {
		for i := range entries {
			entries[i].Fields = only(entries[i].Fields, "family_name", "birth_date", "salary")
		}
	}
	for _, entries := range r.documents {
		for i := range entries {
			entries[i].Fields = only(entries[i].Fields, "family_name")
		}
	}
	return r
}

// only returns some fields, the text trimmed as the pipeline does.
func only(fields map[string]string, names ...string) map[string]string {
	kept := map[string]string{}
	for _, name := range names {
		if text, ok := fields[name]; ok {
			kept[name] = strings.TrimSpace(text)
		}
	}
	return kept
}

func TestRecordsOfOnesOwn(t *testing.T) {
	r := ownRun(t)
	result := r.judged()
	require.Equal(t, []string{}, r.found(result), result.Findings)
	require.Equal(t, Valid, result.Verdict, result.Reason)
	require.Contains(t, result.NotJudged, "full files (the records have no name for them)")
	require.NotContains(t, result.NotJudged, "the content of undeclared fields", "there are none")

	r = ownRun(t)
	n := r.single()
	r.rows[n][0].Fields["family_name"] += "!"
	r.rows[n][0].Fields["salary"] = "0.01"
	result = r.judged()
	require.Equal(t, Invalid, result.Verdict)
	require.Len(t, result.Findings, 1)
	require.Equal(t, Altered, result.Findings[0].Class)
	require.Contains(t, result.Findings[0].Evidence, "surname: sent", "as the pipeline calls it")
	require.Contains(t, result.Findings[0].Evidence, "pay: sent")
	require.Regexp(t, `\.jsonl$`, result.Findings[0].File)
}

// Where nothing says versions, the content does.
func TestRecordsOfOnesOwnWithoutVersions(t *testing.T) {
	r := ownRun(t)
	for _, place := range []map[int][]history.Entry{r.rows, r.documents} {
		for _, entries := range place {
			for i := range entries {
				if !entries[i].Deleted {
					entries[i].Version = -1
				}
			}
		}
	}
	result := r.judged()
	require.Equal(t, Valid, result.Verdict, "%s %v", result.Reason, result.Findings)
}

// Rows that were rejected stand in a table: they are no messages, and hide none.
func TestRejectsInATable(t *testing.T) {
	r := newRun(t, nil)
	r.expect.RejectsApart, r.expect.DeadLetterQueues = true, []string{"records.dead"}
	r.story()
	require.Equal(t, Valid, r.judged().Verdict)

	r = newRun(t, nil)
	r.expect.RejectsApart, r.expect.DeadLetterQueues = true, []string{"records.dead"}
	r.story()
	r.depths = []history.QueueDepth{{Queue: "other", Ready: 3}}
	result := r.judged()
	require.Equal(t, Invalid, result.Verdict, "three messages wait, whatever was rejected")
	require.Equal(t, 3, result.Counts[Stalled]+2, "%v", result.Counts)
}
