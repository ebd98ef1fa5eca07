package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/scenarios"
)

const describedReference = "../fixtures/pipelines/reference/seatrial.yaml"

// TestDescribedPipeline: the reference pipeline, described by a file as anybody
// would describe theirs, is judged as the built-in one is (by TestScenarios),
// clean and with a defect.
func TestDescribedPipeline(t *testing.T) {
	if testing.Short() {
		t.Skip("starts services in Docker; without -short it runs")
	}
	b := newBench(t, describedReference)
	for _, c := range []struct {
		name, pipeline string
		verdict        check.Verdict
		class          check.Class
	}{
		{"clean", describedReference, check.Valid, ""},
		{"ack-before-commit", withDefect(t, "ack-before-commit"), check.Invalid, check.Lost},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := b.try(t, scenarios.LoaderKilled(), harness.RunOptions{Pipeline: c.pipeline})
			require.Equal(t, c.verdict, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
			require.NotEmpty(t, run.Images[len(run.Images)-1].Ref)
			if c.class != "" {
				require.Positive(t, run.Counts[c.class], "%v\nsee %s", run.Counts, run.Folder)
			}
		})
	}
}

// withDefect describes the reference pipeline with a planted defect.
func withDefect(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(describedReference)
	require.NoError(t, err)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	text := strings.NewReplacer("context: ../../..", "context: "+root, "  STAGING_DIR:", "  DEFECTS: "+name+"\n  STAGING_DIR:").Replace(string(raw))
	path := filepath.Join(t.TempDir(), "seatrial.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// Everything that is built in fits the reference pipeline, however it is described.
func TestEveryScenarioFitsTheReferencePipeline(t *testing.T) {
	for _, name := range []string{harness.Reference, describedReference, withDefect(t, "insert-not-upsert")} {
		found, err := harness.FindPipeline(name)
		require.NoError(t, err)
		for _, scenario := range scenarios.All() {
			require.NoError(t, found.Fits(scenario), scenario.Name)
		}
		judged, not := found.Judged()
		require.Len(t, judged, 6)
		require.Empty(t, not)
	}
}
