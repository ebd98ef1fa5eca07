package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/gameday"
	"github.com/seatrial/seatrial/reports"
)

// resumeDay finishes a game day whose harness died: it puts everything back, takes
// what people have to say, and scores what there is.
func (a *app) resumeDay(ctx context.Context, flags gamedayFlags) error {
	dir := flags.resume
	record, err := gameday.Read(dir)
	if err != nil {
		return usage("--resume %s: %w", dir, err)
	}
	if record.State == gameday.Over {
		return usage("the game day in %s is over: its scorecard is %s", dir, filepath.Join(dir, gameday.ScoreMarkdown))
	}
	rolled, err := a.putBack(ctx, dir)
	if err != nil {
		return err
	}
	log, record, err := gameday.Reopen(dir)
	if err != nil {
		return usage("--resume %s: %w", dir, err)
	}
	defer log.Close()
	if err := os.Remove(filepath.Join(dir, gameday.ControlFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nobody listens to pages any more: %w", err)
	}
	session, err := gameday.Resume(record, log, gameday.SystemClock())
	if err != nil {
		return err
	}
	score, err := a.finishDay(session, dir, rolled)
	if err != nil {
		return err
	}
	if err := a.printScore(score, flags.json); err != nil {
		return err
	}
	exit := score.Exit
	if !rolled.OK() {
		exit = reports.Worst(exit, reports.ExitUndo)
	}
	return exitWith(exit)
}

// finishDay notes what was put back, takes notes and follow-ups, and scores.
func (a *app) finishDay(session *gameday.Session, dir string, rolled harness.RolledBack) (gameday.Score, error) {
	undone := gameday.Event{Kind: gameday.Undone}
	run, err := a.world.recheck(dir)
	if err != nil && run.Verdict == "" {
		return gameday.Score{}, usage("judge what the dead run left: %w", err)
	}
	if rolled.OK() {
		run.Undo = reports.Undo{OK: true}
	} else {
		undone.Text = "not everything was put back: seatrial rollback " + dir + " says what"
	}
	steps := []gameday.Event{undone}
	if was := session.Record(); !was.Aborted && was.State != gameday.Debrief {
		steps = append([]gameday.Event{{Kind: gameday.Aborted, Text: "the harness died in state " + string(was.State)}}, steps...)
	}
	for _, event := range steps {
		if err := session.Add(event); err != nil {
			return gameday.Score{}, err
		}
	}
	a.live.Say("everything that was owed was looked after; say what is to be noted: note TEXT, follow-up TEXT, detected … (an empty line or the end of input ends it)")
	a.listen(session)
	if err := session.Enter(gameday.Debrief); err != nil {
		return gameday.Score{}, err
	}
	if err := reveal(session, run, dir); err != nil {
		return gameday.Score{}, err
	}
	run.Folder = dir
	return gameday.Finish(session, run)
}

// listen takes marks and notes until an empty line.
func (a *app) listen(session *gameday.Session) {
	desk := &desk{a: a, input: make(chan []byte), ended: make(chan struct{}), restore: func() {}}
	go desk.read()
	for line := range desk.lines(nil) {
		if strings.TrimSpace(line) == "" {
			return
		}
		command, err := gameday.ParseCommand(line)
		if err != nil {
			a.live.Say(err.Error())
			continue
		}
		event := gameday.Event{By: command.By, Text: command.Text}
		switch command.Do {
		case gameday.Detected, gameday.Acknowledged, gameday.Mitigated:
			event.Kind, event.Name = gameday.Marked, command.Do
		case gameday.Note:
			event.Kind = gameday.Noted
		case gameday.Follow:
			event.Kind = gameday.FollowUp
		default:
			a.live.Say(command.Do + " is not due now: the run is dead")
			continue
		}
		if err := session.Add(event); err != nil {
			a.live.Say(err.Error())
		}
	}
}

// reveal tells what was broken, from the dead run's history, and the verdict.
func reveal(session *gameday.Session, run reports.Run, dir string) error {
	for _, f := range run.Faults {
		state := "not proved to bite"
		if f.Bit {
			state = "biting"
		}
		if err := session.Add(gameday.Event{Kind: gameday.Broke, Name: f.Name, Target: f.Target, Status: state, Text: f.Evidence}); err != nil {
			return err
		}
	}
	return session.Add(gameday.Event{Kind: gameday.Judged, Status: string(run.Verdict), Text: run.Reason})
}

// keepScenario writes a scenario that tries again what a run found something with.
func (a *app) keepScenario(flags gamedayFlags, name string) error {
	run, err := reports.Read(flags.scenarioFrom)
	if err != nil {
		return usage("--scenario-from: %w", err)
	}
	run.Folder = flags.scenarioFrom
	base := strings.TrimSuffix(run.Scenario, gameday.SurpriseSuffix)
	function, source, err := gameday.Regression(flags.into, name, base, run)
	if err != nil {
		return usage("--scenario-from: %w", err)
	}
	path := filepath.Join(flags.into, strings.ReplaceAll(name, "-", "_")+".go")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return usage("--scenario-from: %w", err)
	}
	_, err = file.WriteString(source)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the scenario: %w", err)
	}
	_, err = fmt.Fprintf(a.stdout, "%s\nadd %s() to All in %s, and write the README's table anew: go test ./harness/cmd/seatrial -run ReadmeTables -update\n",
		path, function, filepath.Join(flags.into, "scenarios.go"))
	return err
}
