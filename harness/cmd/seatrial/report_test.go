package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

func TestReport(t *testing.T) {
	f := &fake{
		verdicts: map[string]reports.Run{"lossy": failedRun(check.Invalid, "lost")},
		errs:     map[string]error{"foreign": fmt.Errorf("%w: generator \"x/9\" is not known", harness.ErrUsage), "full": fmt.Errorf("%w: no space left", harness.ErrInfra)},
	}
	calm, lossy := storedRun(t, "calm"), storedRun(t, "lossy")
	got := call(t, f, "report", calm, lossy)
	require.Zero(t, got.code, "whatever the verdicts are: %s", got.stderr)
	require.Equal(t, filepath.Join(calm, "report.html")+"\n"+filepath.Join(lossy, "report.html")+"\n", got.stdout)

	for name, want := range map[string]int{"foreign": reports.ExitUsage, "full": reports.ExitInfra} {
		got := call(t, f, "report", storedRun(t, name))
		require.Equal(t, want, got.code)
		require.Contains(t, got.stderr, "report ")
		require.Empty(t, got.stdout)
	}
	require.Equal(t, reports.ExitUsage, call(t, f, "report").code)
	require.Equal(t, reports.ExitUsage, call(t, f, "report", t.TempDir()).code)
}
