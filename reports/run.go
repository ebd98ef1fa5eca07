package reports

import (
	"cmp"
	"encoding/json"
	"maps"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/repair"
)

// Run is the content of run.json: one run, what it was made of and what came
// of it. Machines rely on its names; more may be added, none is taken away.
type Run struct {
	Scenario string        `json:"scenario"`
	Pipeline string        `json:"pipeline"` // "reference" or "reference:<defect>[,…]"
	Seed     uint64        `json:"seed"`
	Verdict  check.Verdict `json:"verdict"`
	// Exit is the exit code that the run stands for. It is a field of its own:
	// a failed undo (5) does not hide that the verdict is invalid.
	Exit    int    `json:"exit"`
	Reason  string `json:"reason"`  // one sentence
	Records int    `json:"records"` // of the workload, control and sentinel left out
	// RecordsAsked is how many records were asked for; 0: what the scenario says.
	RecordsAsked int `json:"records_asked"`
	// Counts has every class of the checker, also those that are 0.
	Counts map[check.Class]int `json:"counts"`
	Fates  map[check.Fate]int  `json:"fates"` // of all attempted operations; they add up
	Faults []check.FaultResult `json:"faults"`
	// Operations of the plan: what people did with the pipeline.
	Operations []check.OperationResult `json:"operations"`
	Seconds    map[string]float64      `json:"seconds"` // "total" and the phases of the run
	Undo       Undo                    `json:"undo"`
	Images     []Image                 `json:"images"`
	// Plan is what was to be broken, in order; NoFault says that it was left
	// out on purpose.
	Plan      []history.PlannedFault `json:"plan"`
	NoFault   bool                   `json:"no_fault"`
	Latency   *check.Latency         `json:"latency"`    // null where visibility was not read while the run went on
	NotJudged []string               `json:"not_judged"` // what the pipeline does not declare
	Tag       string                 `json:"tag"`        // part of every key of the run
	Started   string                 `json:"started"`    // RFC 3339
	Folder    string                 `json:"folder"`     // where the run is stored; empty if nothing is
	Workload  json.RawMessage        `json:"workload"`   // configuration that the workload was generated from

	// Repaired is what came of the repair plan; null: it was not carried out.
	Repaired *Repaired `json:"repaired"`
	// Verified is what was compared where nothing was tried (seatrial verify).
	Verified *Verified `json:"verified,omitempty"`
	// Repair is the plan for what was found; Write leaves it in a file of its own.
	Repair *repair.Plan `json:"-"`
}

// Undo says whether everything that was broken was put back. A run that had
// nothing to put back is OK; it has to be said, the zero value is a failed undo.
type Undo struct {
	OK    bool   `json:"ok"`
	Error string `json:"error"`
}

// Repaired is what a repair plan came to on the pipeline that it was made for.
// It changes nothing of the run's own verdict.
type Repaired struct {
	Verdict check.Verdict       `json:"verdict"` // of what stood there afterwards
	Reason  string              `json:"reason"`
	Counts  map[check.Class]int `json:"counts"`
	Steps   []RepairedStep      `json:"steps"`
	Seconds float64             `json:"seconds"`
	Folder  string              `json:"folder"` // below the run's, a run's folder of its own
}

// RepairedStep is one step of a repair plan as it was carried out.
type RepairedStep struct {
	Do       repair.Do `json:"do"`
	Text     string    `json:"text"`
	Done     bool      `json:"done"`
	Evidence string    `json:"evidence"`
	Seconds  float64   `json:"seconds"`
}

// Image is what really ran: one container image of the run.
type Image struct {
	Kind    string `json:"kind"`    // "sftp", "rabbitmq", "postgres", "elasticsearch", "proxy", "importer"
	Ref     string `json:"ref"`     // as docker run gets it
	Origin  string `json:"origin"`  // "local", "registry" or "built"
	Version string `json:"version"` // of the service inside
	Digest  string `json:"digest"`
}

// With returns the run with what the judge found put in, and its exit code
// derived anew. Exit codes that no judge can know (an abort, an interrupt)
// are kept. Who knows better than the judge (the machine failed) changes the
// verdict afterwards.
func (r Run) With(result check.Result) Run {
	if result.Verdict != "" {
		r.Verdict, r.Reason = result.Verdict, result.Reason
		r.Counts, r.Fates = maps.Clone(result.Counts), maps.Clone(result.Fates)
		r.Faults, r.Latency, r.NotJudged = result.Faults, result.Latency, result.NotJudged
		r.Operations = result.Operations
	}
	r.Exit = r.derivedExit()
	return r.filled()
}

// filled returns the run as machines get it: nothing is nil, every class
// stands under its name, and the exit code is not better than the verdict and
// the undo.
func (r Run) filled() Run {
	r.Verdict = cmp.Or(r.Verdict, check.Unknown)
	r.Exit = Exit([]Run{r})
	r.Counts = filledCounts(r.Counts)
	if r.Fates == nil {
		r.Fates = map[check.Fate]int{}
	}
	if r.Faults == nil {
		r.Faults = []check.FaultResult{}
	}
	if r.Operations == nil {
		r.Operations = []check.OperationResult{}
	}
	if r.Seconds == nil {
		r.Seconds = map[string]float64{"total": 0}
	}
	if r.Images == nil {
		r.Images = []Image{}
	}
	if r.Plan == nil {
		r.Plan = []history.PlannedFault{}
	}
	if r.NotJudged == nil {
		r.NotJudged = []string{}
	}
	if r.Repaired != nil {
		repaired := *r.Repaired
		repaired.Counts = filledCounts(repaired.Counts)
		repaired.Steps = append([]RepairedStep{}, repaired.Steps...)
		r.Repaired = &repaired
	}
	if len(r.Workload) == 0 {
		r.Workload = json.RawMessage("{}")
	}
	return r
}

// filledCounts returns counts with every class.
func filledCounts(counts map[check.Class]int) map[check.Class]int {
	filled := map[check.Class]int{}
	for _, class := range allClasses {
		filled[class] = 0
	}
	maps.Copy(filled, counts)
	return filled
}
