package reports

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func tableRuns() []Run {
	valid := Run{Scenario: "calm", Pipeline: "reference", Seed: 7, Verdict: check.Valid, Records: 5000, Folder: "reports/out/a", Undo: Undo{OK: true},
		Counts: map[check.Class]int{check.Attempted: 5006, check.Acknowledged: 5006, check.OK: 5006}, Seconds: map[string]float64{"total": 12.34}}
	unknown := Run{Scenario: "slow-link", Pipeline: "reference", Seed: 123456789, Verdict: check.Unknown, Reason: "The fault was not proved to have bitten.", Undo: Undo{OK: true},
		Plan: sampleRun().Plan, Counts: map[check.Class]int{check.Attempted: 10, check.Acknowledged: 10, check.OK: 9, check.Recovered: 2}, Folder: "reports/out/b"}
	infra := Run{Scenario: "wide 日本語", Pipeline: "reference", Verdict: check.Infra, Reason: "no Docker:\n" + hostile, Undo: Undo{Error: "container gone"}, Exit: ExitUndo}
	interrupted := Run{Scenario: "last", Pipeline: "reference", Verdict: check.Unknown, Exit: ExitInterrupted, Reason: "Interrupted before it began.", NoFault: true, Plan: sampleRun().Plan, Undo: Undo{OK: true}}
	return []Run{valid, sampleRun().With(sampleResult()), unknown, infra, interrupted}
}

func TestTable(t *testing.T) {
	var plain, colored, single, none bytes.Buffer
	require.NoError(t, Table(&plain, tableRuns(), false))
	golden(t, "table.txt", plain.String())
	require.NotContains(t, plain.String(), "\x1b")

	require.NoError(t, Table(&colored, tableRuns(), true))
	golden(t, "table-color.txt", colored.String())

	require.NoError(t, Table(&single, tableRuns()[:1], false))
	require.Equal(t, 2, strings.Count(single.String(), "\n"), "one run needs no sum")

	require.NoError(t, Table(&none, nil, false))
	require.Contains(t, none.String(), "no runs")
}

func TestColor(t *testing.T) {
	var buffer bytes.Buffer
	require.False(t, Terminal(&buffer))
	require.False(t, Color(&buffer), "colours only on a terminal")
}
