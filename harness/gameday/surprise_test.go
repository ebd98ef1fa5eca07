package gameday

import (
	"go/parser"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/reports"
)

func TestSurprises(t *testing.T) {
	all := Surprises([]string{fault.Collector, fault.Loader, fault.Indexer, fault.Exporter})
	require.Len(t, all, len(surprises))
	known := map[string]bool{}
	for _, each := range all {
		key := each.Fault.Name + " on " + each.Fault.Target
		require.False(t, known[key], "%s stands there twice, and a report would not tell them apart", key)
		known[key] = true
		require.Empty(t, each.Fault.Destroys, key)
		require.Nil(t, each.Fault.Data, key)
		require.False(t, each.Fault.Holds, key)
		_, err := parser.ParseExpr(each.Go)
		require.NoError(t, err, key)
	}
	for _, each := range Surprises(nil) {
		require.Contains(t, []string{fault.SFTP, fault.RabbitMQ, fault.Postgres, fault.Elasticsearch}, each.Fault.Target, "a pipeline without roles")
	}
	chosen := map[string]bool{}
	for seed := range uint64(500) {
		require.Equal(t, Choose(all, seed).Go, Choose(all, seed).Go, "the same seed, the same fault")
		chosen[Choose(all, seed).Go] = true
	}
	require.Len(t, chosen, len(all), "each is chosen by some seed")
}

const scenariosFolder = "../../scenarios"

// Whatever was chosen, the scenario kept for it compiles among the others.
func TestRegression(t *testing.T) {
	run := reports.Run{Scenario: "calm" + SurpriseSuffix, Pipeline: "reference:ack-before-commit", Seed: 7, Tag: "k3v9x2", Started: "2026-03-01T12:00:00Z", Verdict: check.Invalid,
		Counts: map[check.Class]int{check.Lost: 3}}
	dir := t.TempDir()
	overlay := `{"Replace":{`
	here, err := filepath.Abs(scenariosFolder)
	require.NoError(t, err)
	add := func(name, base string, run reports.Run) string {
		function, source, err := Regression(scenariosFolder, name, base, run)
		require.NoError(t, err)
		require.Contains(t, source, "func "+function+"() harness.Scenario {")
		file := filepath.Join(dir, name+".go")
		require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
		if overlay[len(overlay)-1] != '{' {
			overlay += ","
		}
		overlay += `"` + filepath.Join(here, name+".go") + `":"` + file + `"`
		return source
	}
	for i, each := range surprises {
		run.Plan = []history.PlannedFault{{Name: each.Fault.Name, Target: each.Fault.Target}}
		add("kept-"+string(rune('a'+i)), "calm", run)
	}
	run.Scenario = "loader-killed"
	source := add("loader-killed-twice", "loader-killed", run)
	require.Contains(t, source, "scenario := LoaderKilled()")
	require.Contains(t, source, "// LoaderKilledTwice is kept from a game day of 2026-03-01, which found 3 lost.")
	require.Contains(t, source, "seatrial run loader-killed-twice --pipeline reference:ack-before-commit --seed 7 --tag k3v9x2")
	require.NotContains(t, source, "Plan")
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, []byte(overlay+"}}"), 0o600))
	output, err := exec.CommandContext(t.Context(), "go", "vet", "-overlay", file, scenariosFolder).CombinedOutput()
	require.NoError(t, err, string(output))
}

func TestRegressionRefuses(t *testing.T) {
	found := reports.Run{Scenario: "calm", Verdict: check.Invalid}
	for name, test := range map[string]struct {
		name, base string
		run        reports.Run
		says       string
	}{
		"no name":        {"", "calm", found, "use small letters"},
		"no such name":   {"Loader_Killed", "calm", found, "use small letters"},
		"a path":         {"../calm", "calm", found, "use small letters"},
		"a test":         {"loader-test", "calm", found, "_test.go is no scenario"},
		"taken":          {"loader-killed", "calm", found, `there is a scenario "loader-killed" already`},
		"function taken": {"loaderkilled", "calm", found, ""},
		"no base":        {"kept", "storm", found, `returns the scenario "storm"`},
		"no finding":     {"kept", "calm", reports.Run{Folder: "out/x", Verdict: check.Valid}, "the run in out/x is valid: only a finding"},
		"no surprise":    {"kept", "calm", reports.Run{Scenario: "calm-surprise", Verdict: check.Invalid, Plan: []history.PlannedFault{{Name: "party", Target: "load"}}}, "no surprise that this version knows"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Regression(scenariosFolder, test.name, test.base, test.run)
			if test.says == "" {
				require.NoError(t, err, "another function")
				return
			}
			require.ErrorContains(t, err, test.says)
		})
	}
}
