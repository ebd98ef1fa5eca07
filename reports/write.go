package reports

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/repair"
)

// The files that Write leaves in a run's folder.
const (
	RunFile      = "run.json"
	FindingsFile = "findings.jsonl"
	JUnitFile    = "junit.xml"
	MarkdownFile = "report.md"
	HTMLFile     = "report.html"
)

// Write writes a run's reports into its folder dir, which is made if it is
// missing: run.json, findings.jsonl, junit.xml, report.md, report.html, whose
// timeline comes from the history in dir, if there is one, and, where something
// is to be mended, repair.json. The run is taken as it is, a verdict that
// differs from the result's stands; one without a verdict gets the result's
// (Run.With). A report that was there is replaced as a whole: a reader never
// meets half a file. run.json is written last, so a folder that has it has the
// others.
func Write(dir string, run Run, result check.Result) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	if run.Verdict == "" {
		run = run.With(result)
	}
	run = run.filled()
	if run.Folder == "" {
		run.Folder = dir
	}
	stored, unread := history.Load(dir)
	if unread != nil {
		stored = nil // of a run that never came so far: there is no course to tell
	}
	for _, report := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{FindingsFile, allFindings(run, result)},
		{JUnitFile, func(w io.Writer) error { return writeJUnit(w, []Run{run}, result.Findings) }},
		{MarkdownFile, func(w io.Writer) error { return writeMarkdown(w, run, result, stored) }},
		{HTMLFile, func(w io.Writer) error { return writeHTML(w, run, result, storedTimeline(stored, unread, result)) }},
		{RepairFile, writeRepair(run.Repair)},
		{RunFile, func(w io.Writer) error { return writeJSON(w, run) }},
	} {
		path := filepath.Join(dir, report.name)
		if report.write == nil { // it has none, and may have had one
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("write reports: %w", err)
			}
			continue
		}
		if err := replaceFile(path, report.write); err != nil {
			return err
		}
	}
	return nil
}

// allFindings returns what writes all findings.
func allFindings(run Run, result check.Result) func(io.Writer) error {
	if run.Verified != nil && run.Verified.All != nil {
		return run.Verified.All
	}
	return func(w io.Writer) error { return writeFindings(w, result.Findings) }
}

// storedTimeline is the timeline of a history. Why it could not be read is told
// in its place: a report is needed most where something is wrong.
func storedTimeline(stored *history.Run, unread error, result check.Result) timeline {
	switch {
	case errors.Is(unread, fs.ErrNotExist):
		return timeline{problem: "there is no history"}
	case unread != nil:
		return timeline{problem: unread.Error()}
	}
	return timelineOf(stored, result)
}

// writeRepair returns what writes a repair plan; nil where there is none.
func writeRepair(plan *repair.Plan) func(io.Writer) error {
	if plan == nil {
		return nil
	}
	return func(w io.Writer) error { return writeJSON(w, plan) }
}

// Read returns the run whose run.json is in dir.
func Read(dir string) (Run, error) {
	path := filepath.Join(dir, RunFile)
	var run Run
	if err := readJSON(path, &run); err != nil {
		return Run{}, fmt.Errorf("read run: %w", err)
	}
	return run, nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// JSON writes runs as an array of what their run.json holds.
func JSON(w io.Writer, runs []Run) error {
	filled := make([]Run, len(runs))
	for i, run := range runs {
		filled[i] = run.filled()
	}
	return writeJSON(w, filled)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func writeFindings(w io.Writer, findings []check.Finding) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for i := range findings {
		if err := encoder.Encode(&findings[i]); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile writes path through a temporary file beside it.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	buffered := bufio.NewWriterSize(file, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
