package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// brokenRun is an invalid run with its findings in a folder.
func brokenRun(t *testing.T, class check.Class) reports.Run {
	t.Helper()
	run := failedRun(check.Invalid, "Not what was sent: 5 lost.")
	run.Folder, run.Counts = t.TempDir(), map[check.Class]int{class: 5}
	line := `{"class":"` + string(class) + `","key":"7F3K000017X4","version":2,"last_seen":"acknowledged by SFTP; not in rows"}` + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(run.Folder, reports.FindingsFile), []byte(strings.Repeat(line, 5)), 0o600))
	return run
}

func TestDemo(t *testing.T) {
	broken := brokenRun(t, check.Lost)
	f := &fake{byRun: func(_ string, options harness.RunOptions) (reports.Run, bool) {
		return broken, options.Pipeline == "reference:ack-before-commit"
	}}
	got := call(t, f, "demo", "--out", t.TempDir(), "--seed", "7")
	require.Equal(t, 0, got.code, got.stderr)
	require.ElementsMatch(t, []string{"loader-killed", "loader-killed"}, f.asked, "clean and broken")
	require.Contains(t, got.stdout, "1, the wiped inbox (loader-killed)\n  then    A folder was wiped.\n  clean   valid: ")
	require.Contains(t, got.stdout, "broken  invalid: the import with ack-before-commit (acks")
	require.Contains(t, got.stdout, "5 lost\n            7F3K000017X4 version 2: acknowledged by SFTP; not in rows\n")
	require.Equal(t, examplesShown, strings.Count(got.stdout, "7F3K000017X4"))
	require.Contains(t, got.stdout, filepath.Join(broken.Folder, reports.HTMLFile))
	require.Contains(t, got.stdout, "survived 1 incident")
	require.Equal(t, len(f.opened), f.closed)
}

func TestDemoForgivesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		run  reports.Run
		on   string
		want int
	}{
		"clean is invalid":            {brokenRun(t, check.Lost), harness.Reference, 1},
		"clean proves nothing":        {failedRun(check.Unknown, "not proved"), harness.Reference, 1}, // the broken one is valid besides
		"broken is valid":             {failedRun(check.Valid, "all is well"), "reference:ack-before-commit", 1},
		"broken shows something else": {brokenRun(t, check.Altered), "reference:ack-before-commit", 1},
		"broken broke off":            {failedRun(check.Infra, "no disk"), "reference:ack-before-commit", 3},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{byRun: func(_ string, options harness.RunOptions) (reports.Run, bool) { return c.run, options.Pipeline == c.on }}
			require.Equal(t, c.want, call(t, f, "demo", "--out", t.TempDir()).code)
		})
	}
}

func TestIncidentsPreferTheScenarioCalledAfterThem(t *testing.T) {
	first := harness.Incident{Number: 1, Title: "the wiped inbox"}
	second := harness.Incident{Number: 2, Title: "the forgotten consumer"}
	list := incidents([]harness.Scenario{
		{Name: "forgotten-consumer", Incident: second, Catches: []string{"left-on-old-broker"}},
		{Name: "collector-recreated", Incident: first, Catches: []string{"local-staging"}},
		{Name: "wiped-inbox", Incident: first, Catches: []string{"marked-before-handoff"}},
		{Name: "clean-only", Incident: harness.Incident{Number: 3, Title: "the other"}},
		{Name: "calm"},
	})
	require.Len(t, list, 2)
	require.Equal(t, "wiped-inbox", list[0].scenario.Name)
	require.Equal(t, 4, list[0].defect.Number)
	require.Equal(t, "forgotten-consumer", list[1].scenario.Name)
}
