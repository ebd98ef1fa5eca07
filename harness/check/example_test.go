package check_test

import (
	"fmt"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

// The lost records of a stored run, and where each was last seen.
func ExampleJudge() {
	run, err := history.Load("reports/out/20261121-090000-calm-7F3K")
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := check.Judge(run)
	if err != nil {
		fmt.Println(err) // the run is of a generator that this version does not know
		return
	}
	fmt.Println(result.Verdict, result.Reason)
	for _, finding := range result.Findings {
		if finding.Class == check.Lost {
			fmt.Println(finding.Key, finding.File, finding.Line, finding.LastSeen)
		}
	}
}
