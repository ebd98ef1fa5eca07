package reports

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/harness/history"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./reports -update to make it")
	require.Equal(t, string(want), got)
}

// hostile is text as records, services and file systems may hold it.
const hostile = "|a`b``c|<script>alert(1)</script>\r\n\r\n# owned\x1b[2J\u202e\xff]]> *x* @ops http://evil.example &amp; \\| '\"$(reboot)"

func sampleRun() Run {
	return Run{
		Scenario: "kill-loader", Pipeline: "reference:ack-before-commit", Seed: 7, Records: 5000, RecordsAsked: 5000,
		Seconds: map[string]float64{"total": 34.25, "trial": 12.5}, Undo: Undo{OK: true},
		Images: []Image{
			{Kind: "rabbitmq", Ref: "seatrial/rabbitmq:3.10.8-883db08b", Origin: "built", Version: "RabbitMQ 3.10.8", Digest: "sha256:00"},
			{Kind: "postgres", Ref: "postgres:15", Origin: "registry", Version: "PostgreSQL 15.20", Digest: "sha256:11"},
		},
		Plan: []history.PlannedFault{
			{Step: 1, Name: "kill", Target: "load", Trigger: "20 % committed; taken back after 2s"},
			{Step: 2, Name: "replay", Trigger: "0s after step 1 is healed", Operation: true},
			{Step: 3, Name: "sync", Trigger: "at once", Operation: true},
		},
		Tag: "7F3K", Started: "2026-11-21T09:00:00Z", Folder: "reports/out/kill-loader-7F3K",
		Workload: json.RawMessage(`{"generator":"people/1","files":20,"records_per_file":250}`),
	}
}

func sampleResult() check.Result {
	return check.Result{
		Verdict: check.Invalid,
		Reason:  "3 operations are lost and 1 is altered; dead letters were not judged.",
		Counts:  map[check.Class]int{check.Attempted: 5006, check.Acknowledged: 5006, check.OK: 5002, check.Lost: 3, check.Altered: 1},
		Findings: []check.Finding{
			{Class: check.Lost, Key: "7F3K000017X", Version: 2, File: "000004-delta-7F3K.csv", Line: 17, LastSeen: "acknowledged by SFTP; in no queue, not in rows", Evidence: "rows read 3 has no such key"},
			{Class: check.Lost, Key: "7F3K000018Y", Version: 1, File: "000004-delta-7F3K.csv", Line: 19, LastSeen: "acknowledged by SFTP"},
			{Class: check.Lost, Key: "7F3K000019Z", Version: 1, File: "000005-delta-7F3K.csv", Line: 2},
			{Class: check.Altered, Key: "7F3K000020A", Version: 1, File: "000005-delta-7F3K.csv", Line: 3, LastSeen: "rows", Evidence: "note: " + hostile},
		},
		Fates: map[check.Fate]int{check.Applied: 4000, check.Superseded: 1003, check.LostFate: 3},
		Files: []check.FileFates{
			{File: "000004-delta-7F3K.csv", Sent: "acknowledged", Attempted: 250, Fates: map[check.Fate]int{check.Applied: 200, check.Superseded: 48, check.LostFate: 2}},
			{File: "000005-delta-7F3K.csv", Sent: "acknowledged", Attempted: 250, Fates: map[check.Fate]int{check.Applied: 249, check.LostFate: 1}},
		},
		Latency: &check.Latency{Operations: 5003, Reads: 41, P50: 0.8, P95: 2.1, P99: 3.3, Max: 61.5, Files: []check.FileLatency{
			{File: "000001-delta-7F3K.csv", Operations: 250, Seconds: 0.9, AtLeast: 0.5},
			{File: "000005-delta-7F3K.csv", Operations: 249, Seconds: 61.5, AtLeast: 61},
		}},
		Faults: []check.FaultResult{{Name: "kill", Target: "load", Bit: true, Healed: true, InFlight: 812, Evidence: "exit 137, " + hostile}},
		Operations: []check.OperationResult{
			{Name: "replay", Role: "collector", Done: true, Evidence: "from number 3 on: 4 files with 1000 rows published again, of which 640 had arrived before"},
			{Name: "sync", Role: "indexer", Evidence: "exit code 1: " + hostile},
		},
		NotJudged: []string{"dead letters"},
	}
}
