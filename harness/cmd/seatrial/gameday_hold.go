package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) gameday(ctx context.Context, flags gamedayFlags) error {
	day, err := a.prepareDay(flags)
	if err != nil {
		return err
	}
	if flags.dryRun {
		return a.dryRun(day, flags)
	}
	if err := os.MkdirAll(flags.out, 0o700); err != nil {
		return usage("--out %s: %w", flags.out, err)
	}
	desk, err := a.sitDown()
	if err != nil {
		return err
	}
	defer desk.restore()
	return a.holdDay(ctx, day, flags, desk)
}

// holdDay holds a game day, from the start of the services to the scorecard.
func (a *app) holdDay(ctx context.Context, day prepared, flags gamedayFlags, desk *desk) error {
	// An interrupt aborts: it does not cut the run's context by itself.
	running, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	held := gameday.NewDay(day.plan, desk, quietPhase{a.live, desk}, abort, gameday.SystemClock())
	desk.day = held
	a.live.Phase("starting services")
	warm, err := a.world.open(ctx, harness.Options{Out: flags.out, Keep: flags.keep, Pipeline: flags.Pipeline, Watch: held})
	if err != nil {
		return err
	}
	if desk.keys != nil {
		a.live.Say(keysHelp)
	}
	stop := context.AfterFunc(ctx, func() {
		if held.Abort(flags.by, "Ctrl-C") != nil { // it has not begun, or is being ended
			abort(fmt.Errorf("%w: Ctrl-C", gameday.ErrAborted))
		}
	})
	serving, over := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan struct{})
	go func() {
		defer close(served)
		desk.serve(serving)
	}()
	scenario := day.scenario.ByHand(held.Mitigated(), flags.latest)
	run, runErr := warm.Run(running, scenario, harness.RunOptions{Pipeline: flags.Pipeline, Seed: flags.Seed, Records: flags.Records, Crew: held})
	stop()
	over()
	<-served
	if runErr != nil && run.Verdict == "" {
		desk.restore()
		return errors.Join(runErr, a.closeWarm(ctx, warm))
	}
	if !flags.yes && ctx.Err() == nil {
		desk.followUps(func(text string) {
			if _, err := held.Do(gameday.Command{Do: gameday.Follow, Text: text}); err != nil {
				a.live.Say(err.Error())
			}
		})
	}
	score, scoreErr := held.Finish()
	exit := reports.Exit([]reports.Run{run})
	if err := a.closeWarm(ctx, warm); err != nil {
		exit = reports.Worst(exit, reports.ExitInfra)
		a.sayLeft(err)
	}
	if scoreErr != nil {
		exit = reports.Worst(exit, reports.ExitInfra)
		a.live.Say("the scorecard cannot be kept: " + scoreErr.Error())
	}
	if runErr != nil && !errors.Is(runErr, gameday.ErrAborted) {
		a.live.Say(runErr.Error())
	}
	if err := a.printScore(score, flags.json); err != nil {
		return err
	}
	return exitWith(exit)
}

// quietPhase is the live view, with a line that people type into.
type quietPhase struct {
	*reports.Live
	desk *desk
}

func (q quietPhase) Phase(text string) { q.desk.Phase(text) }

func (a *app) closeWarm(ctx context.Context, warm session) error {
	a.live.Phase("cleaning up")
	cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	return warm.Close(cleaning)
}

func (a *app) printScore(score gameday.Score, asJSON bool) error {
	a.live.Close()
	if asJSON {
		return printJSON(a.stdout, score)
	}
	var rows [][]string
	for _, row := range score.Rows() {
		rows = append(rows, []string{row[0], reports.Line(row[1])})
	}
	if score.Folder != "" {
		rows = append(rows, []string{"scorecard", filepath.Join(score.Folder, gameday.ScoreMarkdown)})
	}
	return printColumns(a.stdout, rows)
}

// dryRun says what would be done, and starts nothing.
func (a *app) dryRun(day prepared, flags gamedayFlags) error {
	header := day.plan.Header
	rows := [][]string{{"scenario", day.base}, {"pipeline", header.Pipeline}, {"hypothesis", header.Hypothesis}}
	if flags.Surprise {
		rows = append(rows, []string{"breaks", fmt.Sprintf("one of %d faults, chosen by the seed, at %d %% committed; hidden until the debrief", len(day.possible), gameday.SurpriseBegins)})
	}
	// Only the words: nobody marks anything here.
	scenario := day.scenario.ByHand(nil, flags.latest)
	for _, step := range describe([]harness.Scenario{scenario})[0].Plan {
		if !flags.Surprise {
			rows = append(rows, []string{"breaks", step.String()})
		}
	}
	rehearsal := "its undo is carried out before anything is broken"
	if day.plan.Rehearse {
		rehearsal = "injected once before it begins, where it destroys nothing, and taken back"
	}
	rows = append(rows, []string{"check", "every service and every role works"}, []string{"check", "nobody's data in inbox, queues, rows, documents"},
		[]string{"check", "undo of every fault: " + rehearsal})
	if header.Roles[gameday.Commander] == "" {
		rows = append(rows, []string{"no-go", "nobody leads: --role " + gameday.Commander + "=NAME"})
	}
	for _, role := range slices.Sorted(maps.Keys(header.Roles)) {
		rows = append(rows, []string{"role", role + ": " + header.Roles[role]})
	}
	for _, c := range day.plan.AbortIf {
		rows = append(rows, []string{"abort if", fmt.Sprintf("%s (every %s, within %s)", c.Text, c.Every, c.Within)})
	}
	if len(day.plan.AbortIf) == 0 {
		rows = append(rows, []string{"unproved", "no abort condition: only people abort"})
	}
	if c := day.plan.Alert; c != nil {
		rows = append(rows, []string{"alert", fmt.Sprintf("%s (every %s, within %s)", c.Text, c.Every, c.Within)})
	}
	for i := range rows {
		rows[i][1] = reports.Line(rows[i][1])
	}
	return printColumns(a.stdout, rows)
}
