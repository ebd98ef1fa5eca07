package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/seatrial/seatrial/harness"
)

const (
	latestDefault    = 10 * time.Minute
	surpriseExpected = "Whatever breaks for a while costs time only: nothing is lost, doubled or hidden once it works again."
)

// dayPlan is a game day as it is asked for: by flags, or in a file.
type dayPlan struct {
	Scenario   string            `json:"scenario"`
	Pipeline   string            `json:"pipeline"`
	Seed       uint64            `json:"seed"`
	Records    int               `json:"records"`
	Hypothesis string            `json:"hypothesis"`
	Surprise   bool              `json:"surprise"`
	Roles      map[string]string `json:"roles"`
	AbortIf    []string          `json:"abort_if"`
	Alert      string            `json:"alert"`
	Latest     string            `json:"latest"` // a duration
}

type gamedayFlags struct {
	dayPlan
	latest       time.Duration
	out          string
	by           string
	keep         bool
	yes          bool
	noRehearsal  bool
	rehearse     bool
	dryRun       bool
	resume       string
	scenarioFrom string
	into         string
	json         bool
}

const longGameday = `Run a scenario with people in it, who find out what is wrong and put it right.

It begins with a preflight, go or no-go for each point: every service and role works,
nobody's data is in the way, the undo of every fault was tried on the idle system,
somebody leads, the hypothesis, the abort conditions. Then the run: control, workload,
faults. What the plan would take back by itself stays broken until somebody marks it
mitigated, or for --latest. Afterwards the debrief and the scorecard (scorecard.json,
scorecard.md); all that happened stands in gameday.jsonl, in the run's folder.

On a terminal there are keys: d detected, k acknowledged, m mitigated, n note,
f follow-up, s status, a (and then y) abort. Elsewhere lines on standard input do the same:
"detected [by NAME]", "acknowledged", "mitigated", "note TEXT", "follow-up TEXT",
"status", "abort [by NAME:] [WHY]", "yes", "no". An abort, or Ctrl-C, takes everything back at
once; the exit code is 4.

"seatrial serve", in another terminal, has a page for it: people watch there, and who has
the whole address that it prints takes part by the same commands, up to the end of the
debrief. What is said in the page stands in the terminal, too.

With --surprise the scenario gives the workload, and what breaks is chosen by the seed
and hidden until the debrief. The harness's own files (history.jsonl, undo.jsonl) must
name it: responders leave the run's folder alone, but for gameday.jsonl. The pages of
"seatrial serve" hide it from them.

Conditions, for --abort-if and --alert, are asked every 5s within 2s unless they say
otherwise; one that cannot be checked three times in a row aborts as well:
  sql: SELECT count(*) > 100 FROM …           true holds
  http: ${ELASTICSEARCH_URL}/x (status != 200)   or (body has "red"); no 200 without any
  queue: records > 5000                       != == >= <= > <
  command: ./is-it-bad                        exit code 0 holds, 1 does not
  sql every 10s within 1s: …
${NAME} is POSTGRES_URL, ELASTICSEARCH_URL, AMQP_URL, RABBITMQ_MANAGEMENT_URL or
SFTP_URL; commands have them in their environment.

A plan is a JSON file with scenario, pipeline, seed, records, hypothesis, surprise,
roles, abort_if, alert, latest; flags that are given count more.

If the harness is killed, "seatrial gameday --resume RUN" puts back what it owed, takes
notes, and ends with the scorecard. The run itself proves nothing then.`

func (a *app) gamedayCommand() *cobra.Command {
	var flags gamedayFlags
	command := &cobra.Command{
		Use:   "gameday SCENARIO|PLAN.json",
		Short: "Run a scenario with people who detect, mitigate and are scored",
		Long:  longGameday,
		Example: `  seatrial gameday loader-killed --role incident-commander=Ada --dry-run
  seatrial gameday loader-killed --role incident-commander=Ada,scribe=Bob
  seatrial gameday calm --surprise --role incident-commander=Ada --abort-if 'queue: records > 5000'
  seatrial gameday plan.json --alert 'http: http://127.0.0.1:9093/api/v2/alerts (body has "firing")'
  seatrial gameday --resume reports/out/20260102-150405-loader-killed-k3v9x2
  seatrial gameday --scenario-from reports/out/20260102-150405-loader-killed-k3v9x2 loader-killed-twice`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case flags.resume != "":
				if len(args) > 0 {
					return usage("--resume takes up the game day in its folder: leave %q out", args[0])
				}
				return a.resumeDay(cmd.Context(), flags)
			case flags.scenarioFrom != "":
				if len(args) != 1 {
					return usage("--scenario-from RUN wants the new scenario's name")
				}
				return a.keepScenario(flags, args[0])
			case len(args) != 1:
				return usage("name one scenario, or the file of a plan; \"seatrial list\" shows the scenarios")
			}
			if err := flags.readPlan(cmd, args[0]); err != nil {
				return err
			}
			return a.gameday(cmd.Context(), flags)
		},
	}
	set := command.Flags()
	set.StringVar(&flags.Pipeline, "pipeline", harness.Reference, pipelineFlagText)
	set.Uint64Var(&flags.Seed, "seed", 0, "seed of the workload, and of the surprise (default: random)")
	set.IntVar(&flags.Records, "records", 0, "about how many records are sent (default: as the scenario says)")
	set.StringVar(&flags.Hypothesis, "hypothesis", "", "what should hold (default: the scenario's)")
	set.BoolVar(&flags.Surprise, "surprise", false, "choose what breaks by the seed, and hide it until the debrief")
	set.StringToStringVar(&flags.Roles, "role", nil, "who is what: incident-commander=NAME,scribe=NAME,…")
	set.StringArrayVar(&flags.AbortIf, "abort-if", nil, "condition that ends the run (again for more)")
	set.StringVar(&flags.Alert, "alert", "", "condition that holds when the alert fires")
	set.DurationVar(&flags.latest, "latest", latestDefault, "how long something stays broken if nobody mitigates it")
	set.StringVar(&flags.by, "by", "", "whose marks and notes these are, unless they say (default: the incident commander's)")
	set.StringVar(&flags.out, "out", harness.DefaultOut, "folder below which the run leaves its own")
	set.BoolVar(&flags.keep, "keep", false, "leave containers, networks and volumes as they are at the end")
	set.BoolVar(&flags.yes, "yes", false, "go on after a preflight without no-go, without asking")
	set.BoolVar(&flags.noRehearsal, "no-rehearsal", false, "only carry the undo out beforehand, do not inject for it")
	set.BoolVar(&flags.rehearse, "rehearse", false, "inject for the rehearsal also with --surprise, where somebody may see it")
	set.BoolVar(&flags.dryRun, "dry-run", false, "say what would be done and checked, and start nothing")
	set.StringVar(&flags.resume, "resume", "", "folder of a game day whose harness died: put everything back and finish it")
	set.StringVar(&flags.scenarioFrom, "scenario-from", "", "folder of a run that found something: write a scenario that tries it again")
	set.StringVar(&flags.into, "into", "scenarios", "with --scenario-from: folder of the scenarios")
	set.BoolVar(&flags.json, "json", false, "print the scorecard as JSON")
	return command
}

// readPlan takes what is not given by flags from the file of a plan, if there is one.
func (f *gamedayFlags) readPlan(cmd *cobra.Command, arg string) error {
	f.Scenario = arg
	if filepath.Ext(arg) == ".json" {
		if err := f.readFile(cmd, arg); err != nil {
			return err
		}
	}
	switch {
	case f.Records < 0:
		return usage("--records %d: give at least 1, or leave it out for what the scenario says", f.Records)
	case f.latest <= 0:
		return usage("--latest %s: give a time like 10m", f.latest)
	case f.Seed == 0:
		f.Seed = randomSeed()
	}
	return checkSeeds(f.Seed, 1)
}

func (f *gamedayFlags) readFile(cmd *cobra.Command, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return usage("read the plan: %w", err)
	}
	defer file.Close()
	var plan dayPlan
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return usage("read the plan %s: %w", path, err)
	}
	if plan.Scenario == "" {
		return usage("the plan %s names no scenario", path)
	}
	f.Scenario = plan.Scenario
	given := cmd.Flags().Changed
	if plan.Pipeline != "" && !given("pipeline") {
		f.Pipeline = plan.Pipeline
	}
	if !given("seed") {
		f.Seed = plan.Seed
	}
	if !given("records") {
		f.Records = plan.Records
	}
	if !given("hypothesis") {
		f.Hypothesis = plan.Hypothesis
	}
	if !given("surprise") {
		f.Surprise = plan.Surprise
	}
	if !given("alert") {
		f.Alert = plan.Alert
	}
	if plan.Latest != "" && !given("latest") {
		if f.latest, err = time.ParseDuration(plan.Latest); err != nil {
			return usage("read the plan %s: latest: %w", path, err)
		}
	}
	f.AbortIf = append(plan.AbortIf, f.AbortIf...)
	roles := map[string]string{}
	maps.Copy(roles, plan.Roles)
	maps.Copy(roles, f.Roles)
	f.Roles = roles
	return nil
}
