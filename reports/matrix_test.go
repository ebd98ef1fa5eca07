package reports

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func sampleMatrix() Matrix {
	run := func(scenario string, verdict check.Verdict, reason string, counts map[check.Class]int) Run {
		return Run{Scenario: scenario, Seed: 7, Verdict: verdict, Reason: reason, Counts: counts, Seconds: map[string]float64{"total": 12.34},
			Exit: ExitOf(verdict), Folder: "reports/out/matrix-1/" + scenario, Undo: Undo{OK: true}}
	}
	m := Matrix{Planned: 9, Parallel: 2, Started: "2026-11-21T09:00:00Z", Seconds: 125}
	m.AddDefect(34, "looks-in-old-directory", []check.Class{check.Misreported, check.Stalled},
		run("moved-directory", check.Invalid, "Not what was sent.", map[check.Class]int{check.Misreported: 2, check.Invisible: 40}), false)
	m.AddDefect(13, "ack-before-commit", []check.Class{check.Lost},
		run("loader-killed", check.Invalid, "Not what was sent.", map[check.Class]int{check.Lost: 3, check.Undeleted: 1}), false)
	m.AddDefect(13, "ack-before-commit", []check.Class{check.Lost}, run("calm", check.Valid, "Nothing was lost.", nil), true)
	m.AddClean(run("loader-killed", check.Valid, "Nothing was lost.", nil))
	m.AddClean(run("loader-killed", check.Unknown, "Not proved: "+strings.ToValidUTF8(hostile, "\ufffd"), nil))
	m.AddClean(run("calm", check.Valid, "Nothing was lost.", nil))
	left := run("loader-killed", check.Unknown, "Not proved: the plan's faults were left out.", nil)
	left.NoFault = true
	m.AddQuiet([]string{"ack-before-commit"}, left)
	m.AddQuiet([]string{"ack-before-commit", "looks-in-old-directory"}, run("calm", check.Invalid, "Not what was sent.", map[check.Class]int{check.Lost: 1}))
	m.Settle()
	return m
}

func TestMatrix(t *testing.T) {
	m := sampleMatrix()
	require.Equal(t, 1, m.Caught, "one of two expected classes is not enough")
	require.Equal(t, 1, m.FalseAlarms)
	require.Equal(t, 1, m.Unproved)
	require.Equal(t, ExitInvalid, m.Exit)
	require.Equal(t, []string{"ack-before-commit", "looks-in-old-directory"}, []string{m.Defects[0].Name, m.Defects[1].Name}, "by number")

	dir := t.TempDir()
	require.NoError(t, m.Write(dir))
	read, err := ReadMatrix(dir + "/" + MatrixFile)
	require.NoError(t, err)
	require.Equal(t, m, read)

	var raw, text, page, colored bytes.Buffer
	require.NoError(t, m.JSON(&raw))
	golden(t, "matrix.json", raw.String())
	require.NoError(t, m.Table(&text, false))
	golden(t, "matrix.txt", text.String())
	require.NotContains(t, text.String(), "\x1b")
	require.NoError(t, m.Table(&colored, true))
	require.Contains(t, colored.String(), "\x1b[1;31m34")
	require.NoError(t, m.Markdown(&page))
	golden(t, "matrix.md", page.String())
}

// What machines rely on.
func TestMatrixNames(t *testing.T) {
	var raw bytes.Buffer
	require.NoError(t, sampleMatrix().JSON(&raw))
	var m map[string]any
	require.NoError(t, json.Unmarshal(raw.Bytes(), &m))
	for _, name := range []string{"defects", "clean", "quiet", "others", "caught", "false_alarms", "unproved", "planned", "seconds", "parallel", "started", "exit"} {
		require.Contains(t, m, name)
	}
	defect := m["defects"].([]any)[0].(map[string]any)
	for _, name := range []string{"id", "name", "scenario", "expected", "expected_all", "found", "caught", "seconds", "folder", "seed", "verdict"} {
		require.Contains(t, defect, name)
	}
	require.Equal(t, "lost", defect["expected"])
	require.Equal(t, []any{"lost", "undeleted"}, defect["found"])

	raw.Reset()
	require.NoError(t, Matrix{}.JSON(&raw))
	require.NotContains(t, raw.String(), "null")
}

func TestMatrixExit(t *testing.T) {
	valid := Run{Verdict: check.Valid, Undo: Undo{OK: true}}
	lost := Run{Verdict: check.Invalid, Exit: ExitInvalid, Undo: Undo{OK: true}, Counts: map[check.Class]int{check.Lost: 1}}
	expected := []check.Class{check.Lost}
	for name, c := range map[string]struct {
		add  func(*Matrix)
		want int
	}{
		"nothing ran":                       {func(*Matrix) {}, ExitUnknown},
		"caught":                            {func(m *Matrix) { m.AddDefect(1, "a", expected, lost, false) }, ExitValid},
		"nothing to expect is never caught": {func(m *Matrix) { m.AddDefect(1, "a", nil, lost, false) }, ExitInvalid},
		"not caught":                        {func(m *Matrix) { m.AddDefect(1, "a", expected, valid, false) }, ExitInvalid},
		"elsewhere":                         {func(m *Matrix) { m.AddDefect(1, "a", expected, valid, true) }, ExitValid},
		"undo, elsewhere": {func(m *Matrix) {
			m.AddDefect(1, "a", expected, Run{Verdict: check.Invalid, Exit: ExitUndo}, true)
		}, ExitUndo},
		"caught, undo failed": {func(m *Matrix) {
			m.AddDefect(1, "a", expected, Run{Verdict: check.Invalid, Counts: lost.Counts}, false)
		}, ExitUndo},
		"infra": {func(m *Matrix) {
			m.AddDefect(1, "a", expected, Run{Verdict: check.Infra, Exit: ExitInfra, Undo: Undo{OK: true}}, false)
		}, ExitInfra},
		"clean":       {func(m *Matrix) { m.AddClean(valid) }, ExitValid},
		"false alarm": {func(m *Matrix) { m.AddClean(lost) }, ExitInvalid},
		"unproved":    {func(m *Matrix) { m.AddClean(Run{Undo: Undo{OK: true}}) }, ExitUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			var m Matrix
			c.add(&m)
			m.Settle()
			require.Equal(t, c.want, m.Exit)
		})
	}
}

func TestQuiet(t *testing.T) {
	quiet := Run{NoFault: true, Verdict: check.Unknown, Reason: "Not proved: the plan's faults were left out; not judged: queues.", Undo: Undo{OK: true}}
	require.True(t, quiet.Quiet())
	for _, change := range []func(*Run){
		func(r *Run) { r.NoFault = false },
		func(r *Run) { r.Undo.OK = false },
		func(r *Run) { r.Verdict = check.Invalid },
		func(r *Run) { r.Verdict = check.Infra },
		func(r *Run) {
			r.Reason = "Not proved: the place rows was not read at the end, the plan's faults were left out."
		},
		func(r *Run) { r.Reason = "Not proved: the plan's faults were left out, and more." },
		func(r *Run) { r.Counts = map[check.Class]int{check.Acknowledged: 5, check.OK: 4} },
	} {
		run := quiet
		change(&run)
		require.False(t, run.Quiet(), "%+v", run)
	}
	require.True(t, Run{Verdict: check.Valid, Undo: Undo{OK: true}}.Quiet())
}

func TestWhere(t *testing.T) {
	for want, finding := range map[string]check.Finding{
		"K version 2: SFTP":           {Class: check.Lost, Key: "K", Version: 2, LastSeen: "SFTP", Evidence: "no trace"},
		"K version 2: shown twice":    {Class: check.Duplicated, Key: "K", Version: 2, LastSeen: "read 3", Evidence: "shown twice"},
		"the whole of a.csv: it lies": {Class: check.Misreported, File: "a.csv", LastSeen: "status", Evidence: "it lies"},
		`K version 1: \x1b[2J`:        {Class: check.Altered, Key: "K", Version: 1, Evidence: "\x1b[2J"},
	} {
		require.Equal(t, want, Where(finding))
	}
}
