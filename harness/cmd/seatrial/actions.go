package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/seatrial/seatrial/reports"
)

// showInActions puts runs where GitHub Actions shows them.
func (a *app) showInActions(runs []reports.Run) error {
	return a.inActions(
		func(w io.Writer) error { return reports.GitHubSummary(w, runs) },
		func(w io.Writer) error { return reports.GitHubAnnotations(w, runs) })
}

// inActions puts a result where GitHub Actions shows it: a table in the step's
// summary, annotations among what is printed on standard error. Anywhere else it
// does nothing.
func (a *app) inActions(summary, annotations func(io.Writer) error) error {
	var errs []error
	if path := a.world.getenv("GITHUB_STEP_SUMMARY"); path != "" {
		errs = append(errs, appendTo(path, summary))
	}
	if a.world.getenv("GITHUB_ACTIONS") == "true" {
		errs = append(errs, annotations(a.stderr))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("show the result in GitHub Actions: %w", err)
	}
	return nil
}

// appendTo adds to a file that others add to as well.
func appendTo(path string, write func(io.Writer) error) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
