package reports

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/seatrial/seatrial/harness/check"
)

// slowestShown is how many files the section on latency names.
const slowestShown = 5

// latency says how long it took until readers saw what was acknowledged.
func (p *page) latency(latency *check.Latency) {
	p.printf("## How long until visible\n\n")
	if latency == nil || latency.Operations == 0 {
		p.printf("Not measured: no reads of the index were taken while the run went on.\n\n")
		return
	}
	p.printf("From the acknowledgement until visible for good, over %d operations and %d reads of the index. "+
		"The figures are upper bounds: visibility is known at the reads only.\n\n", latency.Operations, latency.Reads)
	p.head(">half within", ">95 % within", ">99 % within", ">slowest")
	p.row(seconds(latency.P50), seconds(latency.P95), seconds(latency.P99), seconds(latency.Max))
	p.printf("\n")
	if len(latency.Files) == 0 {
		return
	}
	p.head("slowest files", ">operations", ">more than", ">at most")
	for _, file := range slowest(latency.Files, slowestShown) {
		p.row(prose(file.File), strconv.Itoa(file.Operations), seconds(file.AtLeast), seconds(file.Seconds))
	}
	p.printf("\n")
}

// slowest returns at most limit of the files, the slowest first.
func slowest(files []check.FileLatency, limit int) []check.FileLatency {
	sorted := slices.Clone(files)
	slices.SortStableFunc(sorted, func(a, b check.FileLatency) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return firstOf(sorted, limit)
}
