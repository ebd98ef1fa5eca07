package main

import (
	"strings"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/harness/workload"
)

// prepared is a game day that may begin: everything that can be checked without a
// stack was.
type prepared struct {
	base     string // name of the scenario that was asked for
	scenario harness.Scenario
	possible []gameday.Surprise // that fit the pipeline
	plan     gameday.Plan
}

func (a *app) prepareDay(flags gamedayFlags) (prepared, error) {
	chosen, err := a.chooseScenarios([]string{flags.Scenario})
	if err != nil {
		return prepared{}, err
	}
	pipeline, err := findPipeline(flags.Pipeline)
	if err != nil {
		return prepared{}, err
	}
	if err := startable(pipeline); err != nil {
		return prepared{}, err
	}
	day := prepared{base: flags.Scenario, scenario: chosen[0], possible: gameday.Surprises(pipeline.Does())}
	if flags.Surprise {
		day.scenario = surprised(day.scenario, day.possible, flags.Seed)
	}
	if err := pipeline.Fits(day.scenario); err != nil {
		return prepared{}, usageOf(err)
	}
	if flags.Hypothesis != "" {
		day.scenario.Hypothesis = flags.Hypothesis
	}
	day.plan = gameday.Plan{By: flags.by, Confirmed: flags.yes, Rehearse: flags.rehearse || !flags.noRehearsal && !flags.Surprise}
	for _, text := range flags.AbortIf {
		condition, err := gameday.ParseCondition(text)
		if err != nil {
			return prepared{}, usage("--abort-if: %w", err)
		}
		day.plan.AbortIf = append(day.plan.AbortIf, condition)
	}
	if flags.Alert != "" {
		condition, err := gameday.ParseCondition(flags.Alert)
		if err != nil {
			return prepared{}, usage("--alert: %w", err)
		}
		day.plan.Alert = &condition
	}
	for role, name := range flags.Roles {
		if strings.TrimSpace(role) == "" || strings.TrimSpace(name) == "" {
			return prepared{}, usage("--role %s=%s: give a role and a name", role, name)
		}
	}
	faults := 0
	for _, step := range day.scenario.Plan {
		if step.Fault.Name != "" {
			faults++
		}
	}
	day.plan.Header = gameday.Header{Scenario: day.base, Pipeline: flags.Pipeline, Hypothesis: day.scenario.Hypothesis, Surprise: flags.Surprise,
		Roles: flags.Roles, AbortIf: flags.AbortIf, Alert: flags.Alert, Faults: faults}
	return day, nil
}

// surprised returns the scenario with another plan: one fault, chosen by seed, and
// files that come slowly enough for people.
func surprised(scenario harness.Scenario, possible []gameday.Surprise, seed uint64) harness.Scenario {
	chosen := gameday.Choose(possible, seed)
	before := scenario.Workload
	scenario.Workload = func(w *workload.Config) {
		if before != nil {
			before(w)
		}
		if w.FilesPerSecond == 0 || w.FilesPerSecond > gameday.SurpriseFiles {
			w.FilesPerSecond = gameday.SurpriseFiles
		}
	}
	scenario.Name += gameday.SurpriseSuffix
	scenario.Hypothesis = surpriseExpected
	scenario.Incident = harness.Incident{}
	scenario.Pauses, scenario.Catches, scenario.Repairs = nil, nil, ""
	scenario.Plan = []harness.Step{{When: harness.Committed(gameday.SurpriseBegins), Fault: chosen.Fault.Held(), Recover: harness.After(gameday.SurpriseLasts)}}
	return scenario
}
