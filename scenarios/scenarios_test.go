package scenarios_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
	"github.com/seatrial/seatrial/scenarios"
)

// TestScenarios runs, on one shared stack, the incidents, clean and broken, and
// of everything else a sample that changes from day to day: the clean pipeline
// must be valid, and a defect must be caught with its classes by the scenario
// meant for it. Defects that nothing triggers must show nothing. Every run is
// judged a second time by SQL alone, and both must agree. What an incident leaves
// is repaired by the plan that is made from the run: afterwards all is in its
// place, though the pipeline has its defect still.
//
// All of it at once, with more seeds, is `seatrial matrix`.
func TestScenarios(t *testing.T) {
	if testing.Short() {
		t.Skip("starts services in Docker; without -short it runs")
	}
	chosen := sampleOfTheDay(t)
	b := newBench(t, harness.Reference)
	meant := meantFor()
	for i, scenario := range scenarios.All() {
		if scenario.Incident.Number > 0 || chosen.holds(i) {
			t.Run(scenario.Name, func(t *testing.T) {
				run := b.try(t, scenario, harness.RunOptions{})
				require.Equal(t, check.Valid, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
				require.Zero(t, run.Exit)
			})
		}
		var untriggered []defect.Name
		for _, planted := range meant[scenario.Name] {
			repair := slices.Contains(repaired, planted.Name)
			if scenario.Incident.Number == 0 && !chosen.holds(planted.Number) && !repair {
				continue
			}
			untriggered = append(untriggered, planted.Name)
			t.Run(scenario.Name+"/"+string(planted.Name), func(t *testing.T) {
				run := b.try(t, scenario, harness.RunOptions{Pipeline: reference(planted.Name), Repair: repair})
				require.Equal(t, check.Invalid, run.Verdict, "%s\nsee %s", run.Reason, run.Folder)
				for _, class := range planted.Classes {
					require.Positive(t, run.Counts[check.Class(class)], "%s: nothing is %s: %v\nsee %s", planted.Name, class, run.Counts, run.Folder)
				}
				if repair {
					requireRepaired(t, run)
				}
			})
		}
		if !chosen.holds(i) {
			continue
		}
		for _, group := range defect.Groups(untriggered) {
			t.Run(scenario.Name+"/nothing-broken", func(t *testing.T) {
				run := b.try(t, scenario, harness.RunOptions{Pipeline: reference(group...), NoFault: true})
				require.True(t, run.Quiet(), "%v: %s\nsee %s", group, run.Reason, run.Folder)
			})
		}
	}
	var all []defect.Name
	for _, planted := range defect.All() {
		all = append(all, planted.Name)
	}
	for _, group := range defect.Groups(all) {
		t.Run("calm/nothing-broken", func(t *testing.T) {
			run := b.try(t, scenarios.Calm(), harness.RunOptions{Pipeline: reference(group...)})
			require.True(t, run.Quiet(), "%v: %s\nsee %s", group, run.Reason, run.Folder)
		})
	}
}

// repaired are the defects after whose runs the repair plan is carried out.
var repaired = []defect.Name{
	defect.MarkedBeforeHandoff, defect.PublishUnconfirmed, defect.AckBeforeCommit, defect.LocalStaging, defect.LeftOnOldBroker,
	defect.ReplayNotIdempotent, defect.LooksInOldDirectory, defect.DeltasOutOfOrder, defect.LockOnlyScheduled,
}

func requireRepaired(t *testing.T, run reports.Run) {
	require.NotNil(t, run.Repaired, "nothing was repaired\nsee %s", run.Folder)
	for _, step := range run.Repaired.Steps {
		require.True(t, step.Done, "%s: %s\nsee %s", step.Do, step.Evidence, run.Folder)
	}
	require.Equal(t, check.Valid, run.Repaired.Verdict, "%s\nsee %s", run.Repaired.Reason, run.Repaired.Folder)
}

// meantFor returns, by scenario, the defects that it is the first to catch.
func meantFor() map[string][]defect.Defect {
	meant, seen := map[string][]defect.Defect{}, map[string]bool{}
	for _, scenario := range scenarios.All() {
		for _, name := range scenario.Catches {
			if planted, known := defect.Find(defect.Name(name)); known && !seen[name] {
				seen[name] = true
				meant[scenario.Name] = append(meant[scenario.Name], planted)
			}
		}
	}
	return meant
}

func reference(defects ...defect.Name) string {
	names := make([]string, len(defects))
	for i, name := range defects {
		names[i] = string(name)
	}
	return harness.Reference + ":" + strings.Join(names, ",")
}

// sampleVariable chooses the sample: a number from 0 to samples-1, or "all".
const sampleVariable = "SEATRIAL_SAMPLE"

// samples is how many samples make the whole: each day has another one.
const samples = 9

type sample int

const wholeMatrix sample = -1

// holds says whether number i of a list belongs to the sample.
func (s sample) holds(i int) bool { return s == wholeMatrix || i%samples == int(s) }

func sampleOfTheDay(t *testing.T) sample {
	text := os.Getenv(sampleVariable)
	switch number, err := strconv.Atoi(text); {
	case text == "all":
		return wholeMatrix
	case text != "":
		require.NoError(t, err, "%s: give a number from 0 to %d, or all", sampleVariable, samples-1)
		require.True(t, number >= 0 && number < samples, "%s=%s: give a number from 0 to %d, or all", sampleVariable, text, samples-1)
		return sample(number)
	}
	today := sample(time.Now().UTC().Unix() / (24 * 60 * 60) % samples)
	t.Logf("sample %d of the matrix: %s=%d runs it on any day, %[2]s=all runs everything", today, sampleVariable, today)
	return today
}

func TestSamplesMakeTheWhole(t *testing.T) {
	for i := range 100 {
		in := 0
		for s := range sample(samples) {
			if s.holds(i) {
				in++
			}
		}
		require.Equal(t, 1, in, "number %d", i)
		require.True(t, wholeMatrix.holds(i))
	}
}

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
