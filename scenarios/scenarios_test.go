package scenarios_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/scenarios"
)

// TestScenarios runs every scenario on one shared stack: the clean pipeline
// must be valid, and each defect that a scenario promises to catch must be
// caught with its class. A defect that nothing triggers must show nothing.
// Every run is judged a second time by SQL alone, and both must agree.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("starts services in Docker; without -short it runs")
	}
	h, err := harness.Open(t.Context(), harness.Options{Out: "../reports/out", Watch: watcher{t}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })

	for _, scenario := range scenarios.All() {
		t.Run(scenario.Name, func(t *testing.T) {
			run := try(t, h, scenario, harness.RunOptions{})
			require.Equal(t, check.Valid, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
			require.Zero(t, run.Exit)
		})
		for _, name := range scenario.Catches {
			planted, _ := defect.Find(defect.Name(name))
			pipeline := harness.Reference + ":" + name
			t.Run(scenario.Name+"/"+name, func(t *testing.T) {
				run := try(t, h, scenario, harness.RunOptions{Pipeline: pipeline})
				require.Equal(t, check.Invalid, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
				for _, class := range planted.Classes {
					require.Positive(t, run.Counts[check.Class(class)], "%s: nothing is %s: %v\nsee %s", name, class, run.Counts, run.Folder)
				}
			})
			t.Run(scenario.Name+"/"+name+"/no-fault", func(t *testing.T) {
				run := try(t, h, scenario, harness.RunOptions{Pipeline: pipeline, NoFault: true, Records: few})
				require.Equal(t, check.Unknown, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
			})
			t.Run("calm/"+name, func(t *testing.T) {
				run := try(t, h, scenarios.Calm(), harness.RunOptions{Pipeline: pipeline, Records: few})
				require.Equal(t, check.Valid, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
			})
		}
	}
}

// few is how many records show that an untriggered defect shows nothing.
const few = 1000

func TestEveryScenarioIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, scenario := range scenarios.All() {
		require.NoError(t, scenario.Validate())
		require.False(t, seen[scenario.Name], "two scenarios are called %s", scenario.Name)
		seen[scenario.Name] = true
		found, ok := scenarios.ByName(scenario.Name)
		require.True(t, ok)
		require.Equal(t, scenario.Hypothesis, found.Hypothesis)
		for _, name := range scenario.Catches {
			planted, ok := defect.Find(defect.Name(name))
			require.True(t, ok, "scenario %s catches %s, which is no defect", scenario.Name, name)
			require.NotEmpty(t, planted.Classes, "defect %s has no expected class", name)
			for _, class := range planted.Classes {
				require.True(t, slices.Contains(check.Classes, check.Class(class)), "defect %s: %s is no class", name, class)
			}
		}
	}
}

// Every defect that the reference pipeline can show has a scenario that must
// catch it.
func TestEveryPlantedDefectHasAScenario(t *testing.T) {
	caught := map[string]bool{}
	for _, scenario := range scenarios.All() {
		for _, name := range scenario.Catches {
			caught[name] = true
		}
	}
	for _, known := range defect.All() {
		if known.Planted {
			require.True(t, caught[string(known.Name)], "no scenario catches %s", known.Name)
		}
	}
}

func TestWithoutDockerTheErrorSaysHowToGetIt(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	_, err := harness.Open(t.Context(), harness.Options{Out: t.TempDir()})
	require.ErrorIs(t, err, harness.ErrInfra)
	require.ErrorContains(t, err, "make setup")
}
