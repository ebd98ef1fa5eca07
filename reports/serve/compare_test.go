package serve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// toldOf returns a comparison as lines of text: "title: name: cell | cell", those
// that are the same in all runs marked with =.
func toldOf(c Comparison) map[string]string {
	lines := map[string]string{}
	for _, section := range c.Sections {
		for _, line := range section.Lines {
			var cells []string
			for _, cell := range line.Cells {
				text := cell.Text
				if cell.Change != "" {
					text += fmt.Sprintf(" (%s%s)", cell.Change, map[bool]string{true: "!"}[cell.Worse])
				}
				cells = append(cells, text)
			}
			lines[section.Title+": "+line.Name] = map[bool]string{true: "= "}[line.Same] + strings.Join(cells, " | ")
		}
	}
	return lines
}

func TestCompare(t *testing.T) {
	a, b, c := sample(1), sample(5), sample(2)
	a.Latency = &check.Latency{Operations: 10, P50: 1, P95: 2, P99: 3, Max: 4}
	b.Latency = &check.Latency{Operations: 10, P50: 1.2, P95: 9, P99: 3, Max: 2}
	a.Seconds = map[string]float64{"total": 20, "trial": 10, "quiet": 2}
	b.Seconds = map[string]float64{"total": 31.24, "trial": 10, "extra": 1}
	b.Images = []reports.Image{a.Images[0], {Kind: "sftp", Version: "OpenSSH 9", Ref: "sftp:1", Origin: "built", Digest: "sha256:0123456789abcdef"}}
	b.Faults = append(b.Faults, check.FaultResult{Name: "kill", Target: "load", Bit: true})
	b.Operations = []check.OperationResult{{Name: "replay"}}
	c.NoFault, c.Faults = true, nil
	c.Counts = nil

	got := toldOf(Compare([]reports.Run{a, b, c}))
	for line, want := range map[string]string{
		"Verdict: verdict":                    "valid | invalid | valid",
		"Verdict: besides":                    "– | – | no fault",
		"Verdict: records":                    "= 800 | 800 | 800",
		"What came of it: attempted":          "806 | 806 | 0 (−806)",
		"What came of it: ok":                 "806 | 794 (−12) | 0 (−806)",
		"What came of it: lost":               "0 | 12 (+12!) | 0",
		"What was broken: kill on load":       "bit, healed | bit, healed | –",
		"What was broken: kill on load, 2":    "– | bit, not healed | –",
		"What was broken: replay":             "– | not done to its end | –",
		"How long until visible: half within": "1.0 s | 1.2 s (+0.2 s) | –",
		"How long until visible: 95 % within": "2.0 s | 9.0 s (+7.0 s!) | –",
		"How long until visible: slowest":     "4.0 s | 2.0 s (−2.0 s) | –",
		"How long it took: total":             "20.0 s | 31.2 s (+11.2 s!) | 22.0 s (+2.0 s)",
		"How long it took: quiet":             "2.0 s | – | –",
		"How long it took: extra":             "– | 1.0 s | –",
		"What ran: postgres":                  "= PostgreSQL 15.20 | PostgreSQL 15.20 | PostgreSQL 15.20",
		"What ran: sftp":                      "– | OpenSSH 9, sftp:1, built, 0123456789ab | –",
	} {
		require.Equal(t, want, got[line], line)
	}
	require.NotContains(t, got, "What came of it: stale", "nobody has any")

	c.Counts = map[check.Class]int{"odd\n": 2}
	require.Equal(t, `0 | 2 (+2!)`, toldOf(Compare([]reports.Run{a, c}))[`What came of it: odd\n`])
	require.Empty(t, Compare(nil).Sections)
	require.NotEmpty(t, Compare([]reports.Run{{}, {}}).Sections)
}
