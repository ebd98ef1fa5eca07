package check

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// FuzzJudge: whatever acts and entries a stored run holds, it is judged or
// refused, and the fates add up.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(`{"phase":"ok","act":"inject","data":{"step":7}}`), []byte(`{"n":3,"v":1}`))
	f.Add([]byte(`{"phase":"fail","of":2,"act":"send","data":{}}`), []byte(`{"n":-1,"v":1,"k":"x"}`))
	f.Add([]byte(`{"phase":"invoke","act":"send","data":{"file":-7}}`), []byte(`{"n":3,"v":-1,"d":true}`+"\n"+`{"n":3,"v":99,"f":{"note":"x"}}`))
	f.Add([]byte(`{"phase":"note","act":"observe"}`), []byte(`{"n":9,"v":1}`+"\n"+`{"n":8,"v":1}`))
	f.Add([]byte(`{"phase":"ok","act":"observe","data":{"place":"queues","final":true,"queues":[{"queue":"q","ready":-5}]}}`), []byte(`{`))
	f.Fuzz(func(t *testing.T, acts, entries []byte) {
		r := newRun(t, func(c *workload.Config) { c.Files, c.RecordsPerFile = 2, 6 })
		r.look(history.Documents)
		r.story()
		for _, line := range bytes.Split(acts, []byte("\n")) {
			var event history.Event
			if json.Unmarshal(line, &event) == nil {
				event.Seq = len(r.stored.Events) + 1
				r.stored.Events = append(r.stored.Events, event)
			}
		}
		stored := r.final()
		for _, name := range []string{"observed/rows-1.jsonl.gz", "observed/documents-2.jsonl.gz", "observed/confirmations-1.jsonl.gz", "observed/queued-1.jsonl.gz"} {
			file, err := os.Create(filepath.Join(stored.Dir, name))
			require.NoError(t, err)
			zip := gzip.NewWriter(file)
			_, err = zip.Write(append(bytes.TrimSuffix(entries, []byte("\n")), '\n'))
			require.NoError(t, err)
			require.NoError(t, zip.Close())
			require.NoError(t, file.Close())
		}
		// The counts in the history are those of the entries put in their place.
		for i := range stored.Events {
			var obs history.Observation
			if e := &stored.Events[i]; e.Act == history.Observe && e.Decode(&obs) == nil && obs.File != "" {
				obs.Entries = bytes.Count(append(bytes.TrimSuffix(entries, []byte("\n")), '\n'), []byte("\n"))
				e.Data, _ = json.Marshal(obs)
			}
		}
		result, err := Judge(stored)
		if err != nil {
			return
		}
		sum := 0
		for _, count := range result.Fates {
			sum += count
		}
		require.Equal(t, result.Counts[Attempted], sum)
	})
}
