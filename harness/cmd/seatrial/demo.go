package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/fixtures/importer/defect"
	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

func (a *app) demoCommand() *cobra.Command {
	var flags runFlags
	var parallel int
	command := &cobra.Command{
		Use:   "demo",
		Short: "Five incidents: an import that survives them, and the same import that does not",
		Long: `Run the incidents that scenarios come from, each on a clean import and on the same
import with the incident's defect, and say for each what happened then and what was
found now: how many records, which, and where each was last seen. Ends with 0 if every
clean run is valid and every broken one is found out.`,
		Example: `  seatrial demo
  seatrial demo --seed 7 --parallel 1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("seed") {
				flags.seed = randomSeed()
			}
			if parallel < 0 {
				return usage("--parallel %d: give at least 1", parallel)
			}
			return a.demo(cmd.Context(), flags, parallel)
		},
	}
	command.Flags().Uint64Var(&flags.seed, "seed", 0, "seed of the workload (default: random, printed)")
	command.Flags().IntVar(&parallel, "parallel", 0, parallelFlagText)
	command.Flags().StringVar(&flags.out, "out", harness.DefaultOut, "folder below which each run leaves its own")
	return command
}

// shownIncident is an incident and its two runs.
type shownIncident struct {
	scenario      harness.Scenario
	defect        defect.Defect
	clean, broken *reports.Run // nil: not made yet
}

// incidents returns for each incident the scenario that is called after it
// or, where there is none, the first that comes from it.
func incidents(scenarios []harness.Scenario) []*shownIncident {
	byNumber := map[int]*shownIncident{}
	for _, s := range scenarios {
		if s.Incident.Number == 0 || len(s.Catches) == 0 {
			continue
		}
		planted, _ := defect.Find(defect.Name(s.Catches[0]))
		called := strings.ReplaceAll(strings.TrimPrefix(s.Incident.Title, "the "), " ", "-")
		if byNumber[s.Incident.Number] == nil || s.Name == called {
			byNumber[s.Incident.Number] = &shownIncident{scenario: s, defect: planted}
		}
	}
	var list []*shownIncident
	for _, incident := range byNumber {
		list = append(list, incident)
	}
	slices.SortFunc(list, func(a, b *shownIncident) int { return a.scenario.Incident.Number - b.scenario.Incident.Number })
	return list
}

func (a *app) demo(ctx context.Context, flags runFlags, parallel int) error {
	shown := incidents(a.world.scenarios())
	var trials []trial
	for _, incident := range shown {
		for _, pipeline := range []string{harness.Reference, harness.Reference + ":" + string(incident.defect.Name)} {
			flags.pipeline, flags.repeat = pipeline, 1
			planned, err := a.planRuns([]string{incident.scenario.Name}, flags)
			if err != nil {
				return err
			}
			trials = append(trials, planned...)
		}
	}
	a.live.Say(fmt.Sprintf("%s, each clean and broken; seed %d", quantity(len(shown), "incident"), flags.seed))
	runs := make([]*reports.Run, len(trials))
	next := 0 // incident to print
	var printErr error
	l := lanes{app: a, n: a.stacks(ctx, parallel), options: harness.Options{Out: flags.out},
		watch: func() harness.Watcher { return &faultLines{live: a.live} }}
	l.done = func(i int, run reports.Run) {
		runs[i] = &run
		for ; next < len(shown) && runs[2*next] != nil && runs[2*next+1] != nil; next++ {
			shown[next].clean, shown[next].broken = runs[2*next], runs[2*next+1]
			if err := a.printIncident(shown[next]); err != nil {
				printErr = err
			}
		}
	}
	closeErr := l.run(ctx, trials)
	a.live.Close()
	switch {
	case interrupted(ctx):
		return exitWith(reports.ExitInterrupted)
	case printErr != nil:
		return printErr
	case closeErr != nil:
		return closeErr
	}
	exit := reports.ExitValid
	for _, incident := range shown {
		exit = reports.Worst(exit, incident.exit())
	}
	if exit == reports.ExitValid {
		fmt.Fprintf(a.stdout, "The clean import survived %s; every defect was found out. What each run left is in %s.\n", quantity(len(shown), "incident"), flags.out)
	} else {
		fmt.Fprintln(a.stdout, "Not every run came out as it must: see the reports.")
	}
	return exitWith(exit)
}

// exit is 0 if the clean run is valid and the broken one shows every class
// that is expected of its defect.
func (s *shownIncident) exit() int {
	var m reports.Matrix
	m.AddClean(*s.clean)
	m.AddDefect(s.defect.Number, string(s.defect.Name), classesOf(s.defect), *s.broken, false)
	m.Settle()
	return m.Exit
}

// examplesShown is how many records of each class are named.
const examplesShown = 3

// printIncident says what happened then, and what was found now.
func (a *app) printIncident(s *shownIncident) error {
	a.live.Close()
	out := a.stdout
	fmt.Fprintf(out, "\n%s (%s)\n", s.scenario.Incident, s.scenario.Name)
	fmt.Fprintf(out, "  then    %s\n", wrapped(s.scenario.Incident.Happened, 100, 10))
	fmt.Fprintf(out, "  clean   %s: %s\n", s.clean.Verdict, wrapped(s.clean.Reason, 100, 10))
	fmt.Fprintf(out, "          %s\n", reportOf(*s.clean))
	fmt.Fprintf(out, "  broken  %s: %s\n", s.broken.Verdict, wrapped(fmt.Sprintf("the import with %s (%s)", s.defect.Name, s.defect.Line), 100, 10))
	if s.broken.Verdict != check.Invalid {
		fmt.Fprintf(out, "          %s\n", wrapped(s.broken.Reason, 100, 10))
	} else if err := a.printAffected(*s.broken); err != nil {
		return err
	}
	fmt.Fprintf(out, "          %s\n", reportOf(*s.broken))
	return nil
}

func reportOf(run reports.Run) string {
	text := fmt.Sprintf("%.1f s", run.Seconds["total"])
	if run.Folder != "" {
		text += ", report: " + filepath.Join(run.Folder, reports.HTMLFile)
	}
	return text
}

// printAffected prints how many records of each class were found, and names some.
func (a *app) printAffected(run reports.Run) error {
	file, err := os.Open(filepath.Join(run.Folder, reports.FindingsFile))
	if err != nil {
		return fmt.Errorf("read the findings: %w", err)
	}
	defer file.Close()
	shown := map[check.Class]int{}
	for decoder := json.NewDecoder(bufio.NewReader(file)); decoder.More(); {
		var finding check.Finding
		if err := decoder.Decode(&finding); err != nil {
			return fmt.Errorf("read the findings: %w", err)
		}
		if shown[finding.Class] == 0 {
			fmt.Fprintf(a.stdout, "          %d %s\n", run.Counts[finding.Class], strings.ReplaceAll(string(finding.Class), "-", " "))
		}
		if shown[finding.Class]++; shown[finding.Class] <= examplesShown {
			fmt.Fprintf(a.stdout, "            %s\n", reports.Where(finding))
		}
	}
	return nil
}

// wrapped breaks text into lines of at most width characters; all but the
// first are indented.
func wrapped(text string, width, indent int) string {
	var out strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			out.WriteString("\n" + strings.Repeat(" ", indent))
			column = 0
		default:
			out.WriteString(" ")
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String()
}
