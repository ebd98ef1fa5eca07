package reports

import (
	"cmp"
	"crypto/sha256"
	_ "embed" // the page and what it needs
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/check"
)

// Limits of report.html; everything beyond is in the files beside it.
const (
	findingsEmbedded = 2000
	bytesEmbedded    = 2 << 20 // of findings as JSON
	filesEmbedded    = 200
	cellShown        = 400 // characters of a text that a service or a record wrote
)

var (
	//go:embed assets/report.html
	pageSource string
	//go:embed assets/report.css
	pageStyle string
	//go:embed assets/report.js
	pageScript string
	//go:embed assets/uplot/uPlot.iife.min.js
	plotScript string
	//go:embed assets/uplot/uPlot.min.css
	plotStyle string
	//go:embed assets/uplot/LICENSE
	plotLicense string
)

// htmlPage is parsed once. Texts go through "text", which makes what cannot be
// seen visible; html/template makes them harmless.
var htmlPage = template.Must(template.New("report.html").Funcs(template.FuncMap{
	"text":    func(text string) string { return printable(shorten(text, cellShown)) },
	"line":    sentence,
	"words":   func(class check.Class) string { return printable(words(class)) },
	"fate":    func(fate check.Fate) string { return printable(words(fate)) },
	"grouped": grouped,
	"seconds": seconds,
}).Parse(pageSource))

// sheet is what the page shows.
type sheet struct {
	Run      Run
	Word     string // the verdict with a capital
	Headline string
	Began    string

	Steps     []stepRow
	Affected  []affected
	Signs     []hopCount // last on the wire
	MoreSigns int
	Files     int // with a finding
	Keys      int // records with one
	Actions   []action
	Classes   []classRow
	Latency   *check.Latency
	Slowest   []check.FileLatency
	Fates     []check.Fate
	FileRows  []check.FileFates
	FileRest  int
	Queues    []string
	Charts    bool
	Problem   string
	Workload  []setting
	Again     string
	Check     string

	Total, Shown int
	First        []findingRow // those that are there without a script
	HasWire      bool

	Style    template.CSS
	Scripts  []template.JS
	Data     template.JS
	Policy   string
	License  string
	Findings string
}

// stepRow is one step of the plan and what became of it.
type stepRow struct {
	N                        int
	What                     string
	Operation                bool
	State, Trigger, Evidence string
	From, To, Clock          string
	Arrow                    string // why it is pointed at; empty: it is not
	Failed                   bool
}

// affected says of a class how many records were last seen where.
type affected struct {
	Class check.Class
	Count int
	Hops  []hopCount
	More  int
}

type hopCount struct {
	Hop   string
	Count int
}

type action struct{ What, Command string }

type classRow struct {
	Class    check.Class
	Count    int
	Meaning  string
	Findings int
}

type setting struct{ Name, Value string }

// writeHTML writes report.html: one file that needs nothing else, and in which
// nothing that a record or a service wrote can do anything.
func writeHTML(w io.Writer, run Run, result check.Result, t timeline) error {
	s, err := newSheet(run, result, t)
	if err != nil {
		return err
	}
	return htmlPage.Execute(w, s)
}

func newSheet(run Run, result check.Result, t timeline) (sheet, error) {
	s := sheet{
		Run: run, Word: verdictWord(run), Headline: headline(run), Again: againCommand(run), Check: checkCommand(run), Findings: FindingsFile,
		Latency: run.Latency, Workload: settings(run.Workload), Total: run.total(result.Findings), HasWire: t.wired,
		Charts: len(t.charts) > 0, Problem: t.problem, License: plotLicense,
	}
	if began, err := time.Parse(time.RFC3339, run.Started); err == nil {
		s.Began = began.UTC().Format("2 January 2006, 15:04:05 UTC")
	}
	s.steps(run, result, t)
	s.affected(result.Findings, t)
	s.actions(run, result.Findings)
	s.classes(run, result.Findings)
	s.files(result)
	for _, queue := range t.queues {
		if queue.Ready+queue.Unacked > 0 {
			name := queue.Queue
			if queue.Broker != "" {
				name += " on " + queue.Broker
			}
			s.Queues = append(s.Queues, fmt.Sprintf("%s: %s ready, %s unacknowledged", name, grouped(queue.Ready), grouped(queue.Unacked)))
		}
	}
	data, err := s.data(result.Findings, t)
	if err != nil {
		return s, err
	}
	s.Data = template.JS(data) //nolint:gosec // encoding/json writes <, > and & as escapes
	s.Scripts = []template.JS{template.JS(plotScript), template.JS(pageScript)}
	s.Style = template.CSS(plotStyle + pageStyle)
	s.Policy = policy([]string{string(s.Style)}, []string{plotScript, pageScript})
	return s, nil
}

// policy allows what the page brings along, by its hash, and nothing else: no
// network, no frames, no forms, no other script.
func policy(styles, scripts []string) string {
	hashes := func(sources []string) string {
		var list []string
		for _, source := range sources {
			sum := sha256.Sum256([]byte(source))
			list = append(list, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
		return strings.Join(list, " ")
	}
	return "default-src 'none'; script-src " + hashes(scripts) + "; style-src " + hashes(styles) + "; base-uri 'none'; form-action 'none'"
}

// steps puts the plan, what became of it and when together.
func (s *sheet) steps(run Run, result check.Result, t timeline) {
	suspect, pointed := suspect{}, false
	if run.Verdict == check.Invalid {
		suspect, pointed = t.suspected(result.Findings)
	}
	used := make([]bool, len(t.steps))
	faults, operations := run.Faults, run.Operations
	add := func(number int, name, target, trigger string, operation bool) {
		row := stepRow{N: len(s.Steps) + 1, What: name, Operation: operation, Trigger: trigger}
		if target != "" {
			row.What += " on " + target
		}
		switch {
		case run.NoFault:
			row.State = "left out on purpose"
		case operation && len(operations) > 0:
			row.State, row.Evidence, row.Failed = operationState(operations[0]), operations[0].Evidence, !operations[0].Done
			if role := operations[0].Role; role != "" && target == "" {
				row.What += " in " + role
				row.State = operationState(check.OperationResult{Done: !row.Failed})
			}
			operations = operations[1:]
		case !operation && len(faults) > 0:
			row.State, row.Evidence = faultState(faults[0])+", "+inFlight(faults[0]), faults[0].Evidence
			row.Failed = !faults[0].Bit || !faults[0].Healed
			faults = faults[1:]
		default:
			row.State, row.Failed = "never began", true
		}
		if row.Failed {
			row.Arrow = "The plan broke here."
		}
		for i, at := range t.steps {
			if used[i] || at.Name != name || at.Operation != operation || at.Step != number && number != 0 {
				continue
			}
			used[i] = true
			row.when(at, run.Started)
			if pointed && suspect.step == i {
				row.Arrow = strings.TrimSpace(row.Arrow + " " + suspect.String())
			}
			break
		}
		s.Steps = append(s.Steps, row)
	}
	for _, step := range run.Plan {
		add(step.Step, step.Name, step.Target, step.Trigger, step.Operation)
	}
	for len(faults) > 0 && !run.NoFault { // by hand, or of a run whose plan is not known
		add(0, faults[0].Name, faults[0].Target, "", false)
	}
	for len(operations) > 0 && !run.NoFault {
		add(0, operations[0].Name, "", "", true)
	}
}

func (row *stepRow) when(at stepTime, started string) {
	if at.Begin < 0 {
		return
	}
	row.From, row.To = moment(at.Begin), "the end"
	if at.Over >= 0 {
		row.To = moment(at.Over)
	}
	if began, err := time.Parse(time.RFC3339Nano, started); err == nil {
		row.Clock = began.Add(time.Duration(at.Begin * float64(time.Second))).UTC().Format("15:04:05 UTC")
	}
}

// hopsShown is how many places of each class the top of the page names.
const hopsShown = 4

func (s *sheet) affected(findings []check.Finding, t timeline) {
	counts := map[check.Class]map[string]int{}
	for _, finding := range findings {
		if counts[finding.Class] == nil {
			counts[finding.Class] = map[string]int{}
		}
		counts[finding.Class][hop(finding)]++
	}
	keys, files := named(findings)
	s.Files, s.Keys = len(files), len(keys)
	for _, class := range slices.SortedFunc(maps.Keys(counts), byPlaceIn(allClasses)) {
		a := affected{Class: class}
		a.Hops, a.More = ranked(counts[class])
		for _, n := range counts[class] {
			a.Count += n
		}
		s.Affected = append(s.Affected, a)
	}
	signs := map[string]int{}
	for _, finding := range findings {
		if last, ok := t.sign(finding); ok && keys[finding.Key] {
			keys[finding.Key] = false // counted
			signs[last.what]++
		}
	}
	s.Signs, s.MoreSigns = ranked(signs)
}

// ranked returns the places with the highest counts, and how many there are elsewhere.
func ranked(counts map[string]int) (list []hopCount, rest int) {
	for name, n := range counts {
		list = append(list, hopCount{name, n})
	}
	slices.SortFunc(list, func(x, y hopCount) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Hop, y.Hop)) })
	if len(list) > hopsShown {
		for _, other := range list[hopsShown:] {
			rest += other.Count
		}
		list = list[:hopsShown]
	}
	return list, rest
}

// hop returns where a finding was last seen, without what is different for
// each record: "rows" of "rows (people 9); not in confirmations".
func hop(finding check.Finding) string {
	seen, _, _ := strings.Cut(finding.LastSeen, ";")
	if finding.File != "" {
		seen, _, _ = strings.Cut(seen, " in "+finding.File)
	}
	seen, _, _ = strings.Cut(seen, ", message ")
	seen, _, _ = strings.Cut(seen, " (")
	if _, place, ok := strings.Cut(seen, "read "); ok {
		if _, of, ok := strings.Cut(place, "of the "); ok {
			seen = of
		}
	}
	return cmp.Or(strings.TrimSpace(seen), "not said")
}

// actions are what whoever was paged does next, the most urgent first.
func (s *sheet) actions(run Run, findings []check.Finding) {
	if !run.Undo.OK {
		s.Actions = append(s.Actions, action{"Something may still be broken: take it away.", "seatrial clean"})
	}
	for _, a := range s.Affected {
		if text, ok := advice[a.Class]; ok {
			s.Actions = append(s.Actions, action{What: fmt.Sprintf("%s %s: %s", grouped(a.Count), words(a.Class), text)})
		}
	}
	if run.Folder == "" || len(findings) == 0 {
		return
	}
	if run.Repair != nil {
		s.Actions = append(s.Actions, action{"What to replay, in which order, and what stands twice by that:", "seatrial repair " + shellWord(run.Folder)})
	}
	for _, finding := range findings {
		if finding.Key != "" && run.Verified == nil {
			s.Actions = append(s.Actions, action{"See one record's way, hop by hop:", "seatrial trace " + shellWord(run.Folder) + " " + shellWord(finding.Key)})
			break
		}
	}
	class := s.Affected[0].Class
	s.Actions = append(s.Actions, action{"List the keys of a class:",
		"jq -r " + shellWord(fmt.Sprintf("select(.class == %q).key", class)) + " " + shellWord(filepath.Join(run.Folder, FindingsFile))})
}

func (s *sheet) classes(run Run, findings []check.Finding) {
	found := map[check.Class]int{}
	for _, finding := range findings {
		found[finding.Class]++
	}
	shown := classesIn(run.Counts)
	for _, class := range []check.Class{check.Attempted, check.Acknowledged, check.OK} {
		if !slices.Contains(shown, class) {
			shown = append(shown, class)
		}
	}
	slices.SortStableFunc(shown, byPlaceIn(allClasses))
	for _, class := range shown {
		s.Classes = append(s.Classes, classRow{class, run.Counts[class], meanings[class], found[class]})
	}
}

func (s *sheet) files(result check.Result) {
	shown, rest := selectFiles(result.Files, filesEmbedded)
	s.Fates, s.FileRows, s.FileRest = fatesIn(result.Files), shown, len(rest)
	if s.Latency != nil {
		s.Slowest = slowest(s.Latency.Files, filesEmbedded)
	}
}

func settings(workload json.RawMessage) []setting {
	var config map[string]json.RawMessage
	if json.Unmarshal(workload, &config) != nil {
		return nil
	}
	var list []setting
	for _, name := range slices.Sorted(maps.Keys(config)) {
		list = append(list, setting{name, string(config[name])})
	}
	return list
}

// moment writes a time since the run began.
func moment(at float64) string {
	if at >= 120 {
		return seconds(at)
	}
	return fmt.Sprintf("%.2f s", at)
}
