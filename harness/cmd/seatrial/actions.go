package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/seatrial/seatrial/reports"
)

// showInActions puts runs where GitHub Actions shows them.
func (a *app) showInActions(runs []reports.Run, exit int) int {
	return a.inActions(
		func(w io.Writer) error { return reports.GitHubSummary(w, runs) },
		func(w io.Writer) error { return reports.GitHubAnnotations(w, runs) }, exit)
}

// inActions puts a result where GitHub Actions shows it: a table in the step's
// summary, annotations among what is printed on standard error. Anywhere else it
// does nothing. It returns the exit code, worse where that could not be done.
func (a *app) inActions(summary, annotations func(io.Writer) error, exit int) int {
	var errs []error
	if path := a.world.getenv("GITHUB_STEP_SUMMARY"); path != "" {
		errs = append(errs, appendTo(path, summary))
	}
	if a.world.getenv("GITHUB_ACTIONS") == "true" {
		errs = append(errs, annotations(a.stderr))
	}
	if err := errors.Join(errs...); err != nil {
		a.live.Say(fmt.Sprintf("the result cannot be shown in GitHub Actions: %v", err))
		exit = reports.Worst(exit, reports.ExitInfra)
	}
	return exit
}

// appendTo adds to a file that others add to as well.
func appendTo(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
