package check

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden pins the whole result of one run, sentences included: machines
// read the names, people the sentences.
func TestGolden(t *testing.T) {
	r := newRun(t, func(c *workload.Config) { c.RecordsPerFile = 12 })
	r.expect.DeadLetterQueues = []string{"records.dead"}
	r.control()
	for i := 1; i <= 3; i++ {
		r.deliver(i)
		r.look(history.Documents)
	}
	r.send(4, history.Info)
	r.apply(4)
	r.fault()
	r.sentinel()
	n, _ := r.updated()
	r.older(r.rows, n, 1)
	r.older(r.documents, n, 1)
	lost := r.single()
	r.forget(lost)
	doubled := r.single2(lost)
	r.rows[doubled] = append(r.rows[doubled], r.rows[doubled][0])
	r.rows[doubled][0].Fields["city"] = "Elsewhere"
	r.queued = append(r.queued, history.Entry{Number: doubled, Version: 1, Where: "queue records, message 1"})
	result := r.judged()
	got, err := json.MarshalIndent(result, "", "  ")
	require.NoError(t, err)
	got = append(got, '\n')
	path := filepath.Join("testdata", "result.golden.json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
