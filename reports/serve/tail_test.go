package serve

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
)

// Whatever stands in a history, and wherever it was cut off when it was read
// first: nothing breaks, and the same is told as by reading it at once.
func FuzzTail(f *testing.F) {
	head, err := json.Marshal(header("fuzzed"))
	require.NoError(f, err)
	lines := string(head) + "\n" +
		`{"seq":1,"at_ns":5,"phase":"invoke","act":"inject","name":"kill","data":{"step":1,"name":"kill","target":"load"}}` + "\n" +
		`{"seq":2,"at_ns":6,"phase":"ok","of":1,"act":"bite","name":"kill","data":{"step":9,"name":"kill","target":"load","evidence":"e"}}` + "\n" +
		`{"seq":3,"at_ns":7,"phase":"note","act":"progress","data":{"sent":-5,"taken":1}}` + "\n" +
		`{"seq":4,"at_ns":8,"phase":"ok","act":"observe","name":"queues","data":{"queues":[{"queue":"q","ready":-1}]}}` + "\n" +
		`{"seq":5,"at_ns":9,"phase":"fail","act":"operate","name":"sync","error":"no","data":{"role":"index"}}` + "\n"
	f.Add([]byte(lines), 700)
	f.Add([]byte(lines+`{"end":true,"lines":6}`+"\n"+"more"), 3)
	f.Add([]byte(`{"workload":{"files":9223372036854775807,"records_per_file":2}}`+"\n"), 1)
	f.Add([]byte("\n\n{}"), 0)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		whole, parts := newTail(), newTail()
		require.NoError(t, whole.read(bytes.NewReader(text)))
		require.NoError(t, parts.read(bytes.NewReader(text[:max(0, min(cut, len(text)))])))
		require.NoError(t, parts.read(bytes.NewReader(text)))
		once, err := json.Marshal(whole.story())
		require.NoError(t, err)
		twice, err := json.Marshal(parts.story())
		require.NoError(t, err)
		require.JSONEq(t, string(once), string(twice))
		require.Equal(t, whole.doing()+whole.came()+whole.broken(), parts.doing()+parts.came()+parts.broken())
		require.LessOrEqual(t, len(whole.steps), stepsKept)
		require.LessOrEqual(t, len(whole.acts), actsKept)
	})
}

func TestMomentsAreThinned(t *testing.T) {
	var m moments
	for i := range 10 * pointsKept {
		m.add(float64(i), history.Marks{Sent: i, Visible: -1})
	}
	require.LessOrEqual(t, len(m.At), pointsKept)
	require.Greater(t, len(m.At), pointsKept/4)
	for i, at := range m.At {
		require.Equal(t, mark(at), m.Values[0][i])
	}
	raw, err := json.Marshal(m.Values[4][:1])
	require.NoError(t, err)
	require.Equal(t, "[null]", string(raw))
}
