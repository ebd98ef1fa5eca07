package reports

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func TestFailure(t *testing.T) {
	folder, err := filepath.Abs("run")
	require.NoError(t, err)
	report := "\nreport: " + filepath.Join(folder, HTMLFile)
	lost := check.Finding{Class: check.Lost, Key: "K", Version: 1, File: "a.csv", Line: 2, LastSeen: "rows"}
	for _, c := range []struct {
		name     string
		run      Run
		findings []check.Finding
		want     string
	}{
		{"valid", Run{Verdict: check.Valid, Undo: Undo{OK: true}}, nil, ""},
		{"invalid", Run{Verdict: check.Invalid, Exit: ExitInvalid, Reason: "1 operation is lost", Undo: Undo{OK: true}}, []check.Finding{lost},
			"calm on p.yaml is invalid: 1 operation is lost\n  lost: K version 1, sent in a.csv line 2, last seen: rows"},
		{"infra", Run{Verdict: check.Infra, Exit: ExitInfra, Reason: "infrastructure: no engine", Undo: Undo{OK: true}}, nil,
			"calm on p.yaml is infra: infrastructure: no engine"},
		{"unknown, and no reason", Run{Exit: ExitUnknown, Undo: Undo{OK: true}}, nil, "calm on p.yaml is unknown: no reason was given"},
		{"valid, and not put back", Run{Verdict: check.Valid, Exit: ExitUndo, Reason: "everything arrived", Undo: Undo{Error: "rabbitmq\ndid not start"}}, nil,
			"calm on p.yaml is valid: everything arrived\n  undo failed: rabbitmq; did not start"},
		{"valid, and interrupted", Run{Verdict: check.Valid, Exit: ExitInterrupted, Reason: "interrupted", Undo: Undo{OK: true}}, nil,
			"calm on p.yaml is valid: interrupted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run.Scenario, c.run.Pipeline, c.run.Folder = "calm", "p.yaml", "run"
			want := c.want
			if want != "" {
				want += report
			}
			require.Equal(t, want, Failure(c.run, c.findings))
		})
	}
}

// The three that stand twice are told beside the 5,000 that are lost, and what
// records hold does nothing to a terminal.
func TestFailureOfManyFindings(t *testing.T) {
	findings := make([]check.Finding, 5000, 5003)
	for i := range findings {
		findings[i] = check.Finding{Class: check.Lost, Key: "K", Version: 1}
	}
	findings = append(findings, check.Finding{Class: check.Duplicated, Key: "D", Evidence: hostile})
	text := Failure(Run{Verdict: check.Invalid, Exit: ExitInvalid, Reason: hostile, Undo: Undo{OK: true}}, findings)
	require.Contains(t, text, "duplicated: D")
	require.Contains(t, text, "  and 4,996 more, in findings.jsonl")
	require.Len(t, strings.Split(text, "\n"), 1+failureFindings+1)
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\u202e")
}
