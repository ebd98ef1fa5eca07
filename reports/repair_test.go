package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/repair"
)

func samplePlan() repair.Plan {
	return repair.Plan{
		Scenario: "kill-loader", Pipeline: "reference", Tag: "7F3K", Verdict: check.Invalid, Needed: true,
		Steps: []repair.Step{
			{Do: repair.Remove, Text: "Remove 2 rows from the table: of each record the highest version stays", Rows: 2,
				SQL: []string{`DELETE FROM people WHERE ctid = ANY ('{"(3,1)","(3,2)"}'::tid[])`}, Mends: map[check.Class]int{check.Duplicated: 2}},
			{Do: repair.Resume, Text: "7 messages wait in queue " + hostile, ByHand: true, Mends: map[check.Class]int{check.Stalled: 7}},
			{Do: repair.Replay, Text: "Replay from file number 4 (000004-delta-7F3K.csv) on: 2 files, in the order in which they were written",
				Operation: "replay", Args: map[string]string{"from": "4"}, Mends: map[check.Class]int{check.Lost: 3, check.WronglyRejected: 1}},
		},
		Files: []repair.File{
			{File: "000004-delta-7F3K.csv", As: "000004-delta-7F3K.csv", Input: "input/000004-delta-7F3K.csv", Index: 4, Seq: 4, Operations: 250, Missing: 2, Arrived: 248},
			{File: hostile, As: "000005-delta-7F3K-again.csv", Index: 5, Seq: 5, Operations: 250, Missing: 1, Arrived: 249, After: "000004-delta-7F3K.csv", Key: hostile},
		},
		Window:  &repair.Window{From: "2026-11-21T09:00:01.000Z", To: "2026-11-21T09:00:02.500Z"},
		Guarded: repair.Known{Answer: repair.Yes, Evidence: "12 rows came after a newer version of their record and changed nothing"},
		Doubles: repair.Known{Answer: repair.NotKnown, Evidence: "nothing was replayed or dropped twice in this run", Find: "SELECT key, count(*) FROM people GROUP BY key HAVING count(*) > 1"},
		Arrived: 497,
		Remove:  []repair.Duplicate{{Place: "rows", Key: hostile, Version: 2, Keep: "people (1,1)", Remove: []string{"people (3,1)"}}, {Place: "documents", Key: "7F3K0000001A", Version: 1, Remove: []string{"", ""}}},
		Left:    []repair.Left{{Class: check.Altered, Key: hostile, Version: 1, Text: "mend what changes the content"}, {Class: check.Misreported, Version: -1, File: hostile, Text: "correct by hand what the import says of the file"}},
		Passed:  map[check.Class]int{check.OutOfOrder: 4},
		Notes:   []string{"1 of 2 files is not kept below input/: take it from the sender."},
	}
}

func TestRepair(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Repair(&out, samplePlan()))
	require.NotContains(t, out.String(), "\x1b")
	golden(t, "repair.txt", out.String())

	out.Reset()
	require.NoError(t, Repair(&out, repair.Plan{}))
	require.Equal(t, "Nothing to repair.\n", out.String())

	out.Reset()
	require.NoError(t, Repair(&out, repair.Plan{Passed: map[check.Class]int{check.Duplicated: 2}, Notes: []string{"The run proved nothing."}}))
	require.Equal(t, "Nothing to repair: what was found (2 duplicated) was right again at the end.\nThe run proved nothing.\n", out.String())

	out.Reset()
	require.NoError(t, Repair(&out, repair.Plan{Needed: true, Left: make([]repair.Left, 12)}))
	require.Contains(t, out.String(), "No step mends what was found.\n")
	require.Contains(t, out.String(), "… and 2 more findings, all of them in repair.json\n")
}

func TestRepairIsWrittenWhereThereIsAPlan(t *testing.T) {
	dir := t.TempDir()
	run, plan := sampleRun(), samplePlan()
	for i := range 40 {
		plan.Files = append(plan.Files, repair.File{File: fmt.Sprintf("%06d.csv", i), As: fmt.Sprintf("%06d.csv", i)})
	}
	run.Repair = &plan
	require.NoError(t, Write(dir, run, sampleResult()))
	raw, err := os.ReadFile(filepath.Join(dir, RepairFile))
	require.NoError(t, err)
	var stored repair.Plan
	require.NoError(t, json.Unmarshal(raw, &stored))
	require.Len(t, stored.Files, 42)
	text, err := os.ReadFile(filepath.Join(dir, MarkdownFile))
	require.NoError(t, err)
	requireTables(t, string(text))
	require.NotContains(t, string(text), "\n# owned")
	require.Contains(t, string(text), "12 more files stand in `repair.json`")
	var section bytes.Buffer
	small := samplePlan()
	p := &page{w: &section}
	p.repair(&small)
	require.NoError(t, p.err)
	golden(t, "repair.md", section.String())

	// A run that is judged anew and has nothing to mend keeps no old plan.
	run.Repair = nil
	require.NoError(t, Write(dir, run, sampleResult()))
	require.NoFileExists(t, filepath.Join(dir, RepairFile))
	text, err = os.ReadFile(filepath.Join(dir, MarkdownFile))
	require.NoError(t, err)
	require.NotContains(t, string(text), "How to repair it")
}

func TestRepaired(t *testing.T) {
	repaired := Repaired{
		Verdict: check.Valid, Reason: "Nothing was lost.\nAll is well", Seconds: 12.25, Folder: hostile,
		Steps: []RepairedStep{{Do: repair.Remove, Text: "Remove 2 rows", Evidence: hostile, Seconds: 0.5}, {Do: repair.Replay, Text: hostile, Done: true, Seconds: 3}},
	}
	var section bytes.Buffer
	p := &page{w: &section}
	p.repaired(&repaired)
	require.NoError(t, p.err)
	golden(t, "repaired.md", section.String())
	require.Equal(t, "repaired: valid after 1 of 2 steps in 12.2 s: Nothing was lost.; All is well", repairedLine(repaired))

	run := sampleRun().With(sampleResult())
	run.Repaired = &repaired
	var out bytes.Buffer
	require.NoError(t, Table(&out, []Run{run}, false))
	require.Contains(t, out.String(), "  repaired: valid after 1 of 2 steps")
	out.Reset()
	require.NoError(t, JSON(&out, []Run{run}))
	var runs []Run
	require.NoError(t, json.Unmarshal(out.Bytes(), &runs))
	require.Contains(t, runs[0].Repaired.Counts, check.Lost, "every class stands there")
	require.Nil(t, repaired.Counts, "what it was made from is left alone")
}
