package reports

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
)

func TestExit(t *testing.T) {
	valid := Run{Verdict: check.Valid, Undo: Undo{OK: true}}
	invalid := Run{Verdict: check.Invalid, Exit: ExitInvalid, Undo: Undo{OK: true}}
	unknown := Run{Verdict: check.Unknown, Exit: ExitUnknown, Undo: Undo{OK: true}}
	infra := Run{Verdict: check.Infra, Exit: ExitInfra, Undo: Undo{OK: true}}
	aborted := Run{Verdict: check.Unknown, Exit: ExitAborted, Undo: Undo{OK: true}}
	undo := Run{Verdict: check.Invalid, Exit: ExitUndo, Undo: Undo{Error: "no"}}
	interrupted := Run{Verdict: check.Unknown, Exit: ExitInterrupted, Undo: Undo{OK: true}}
	for _, c := range []struct {
		name string
		runs []Run
		want int
	}{
		{"none prove nothing", nil, 6},
		{"valid", []Run{valid, valid}, 0},
		{"unknown over valid", []Run{valid, unknown}, 6},
		{"infra over unknown", []Run{infra, unknown, valid}, 3},
		{"aborted over infra", []Run{infra, aborted}, 4},
		{"invalid over aborted", []Run{aborted, invalid, infra}, 1},
		{"undo over invalid", []Run{invalid, undo}, 5},
		{"interrupted over all", []Run{undo, interrupted, invalid}, 130},
		{"a verdict that the code hides", []Run{{Verdict: check.Invalid, Undo: Undo{OK: true}}}, 1},
		{"a failed undo that the code hides", []Run{{Verdict: check.Valid, Undo: Undo{Error: "no"}}}, 5},
		{"no verdict", []Run{{Undo: Undo{OK: true}}}, 6},
		{"a code that there is not", []Run{{Verdict: check.Valid, Exit: 77, Undo: Undo{OK: true}}}, 3},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, Exit(c.runs)) })
	}
}

func TestWithDerivesTheExitCode(t *testing.T) {
	judged := check.Result{Verdict: check.Valid, Reason: "all is well"}
	for _, c := range []struct {
		name string
		run  Run
		want int
	}{
		{"judged anew", Run{Verdict: check.Invalid, Exit: ExitInvalid, Undo: Undo{OK: true}}, 0},
		{"aborted stays", Run{Exit: ExitAborted, Undo: Undo{OK: true}}, 4},
		{"interrupted stays", Run{Exit: ExitInterrupted, Undo: Undo{OK: true}}, 130},
		{"undo stays", Run{Exit: ExitUndo, Undo: Undo{Error: "no"}}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := c.run.With(judged)
			require.Equal(t, check.Valid, run.Verdict)
			require.Equal(t, "all is well", run.Reason)
			require.Equal(t, c.want, run.Exit)
		})
	}
	infra := Run{Verdict: check.Infra, Reason: "no Docker", Undo: Undo{OK: true}}.With(check.Result{})
	require.Equal(t, check.Infra, infra.Verdict)
	require.Equal(t, "no Docker", infra.Reason)
	require.Equal(t, ExitInfra, infra.Exit)
}
