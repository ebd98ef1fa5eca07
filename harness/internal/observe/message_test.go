package observe

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

func TestRecordsOfAMessage(t *testing.T) {
	for _, shape := range []string{workload.TokenKeys, workload.DigitKeys, workload.MixedKeys} {
		wl := people(t, func(c *workload.Config) { c.KeyShape = shape })
		for _, n := range []int{0, 1, 2, 3, 77} {
			key := wl.Key(n)
			for name, message := range map[string]amqp.Delivery{
				"key":            {Body: []byte(`{"fields":{"note":"` + wl.Key(9) + `"},"key":"` + key + `"}`)},
				"other name":     {Body: []byte(`{"record":{"external_id":"` + key + `"}}`)},
				"correlation id": {CorrelationId: key, Body: []byte("gzip or so")},
				"message id":     {MessageId: key},
				"word":           {Body: []byte("a;b;" + key + ";c")},
				"cut off":        {Body: []byte(`{"key":"` + key + `","fie`)},
			} {
				entries := records(wl, message, "here")
				require.Len(t, entries, 1, "%s %s", shape, name)
				require.Equal(t, n, entries[0].Number, "%s %s", shape, name)
			}
		}
	}
}

func FuzzRecords(f *testing.F) {
	wl := people(f, nil)
	f.Add([]byte(`{"key":"` + wl.Key(1) + `","version":2,"op":"upsert"}`))
	f.Add([]byte(`[[[{"a":[{"b":"` + wl.Key(1) + `"}]}]]]`))
	f.Add([]byte(`{"version":1e99,"key":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		entries := records(wl, amqp.Delivery{Body: body}, "here")
		require.NotEmpty(t, entries)
		for _, e := range entries {
			require.True(t, e.Number >= 0 && e.Number < wl.Records() || e.Number == -1 && e.Key != "")
			require.GreaterOrEqual(t, e.Version, -1)
		}
	})
}

func TestDepths(t *testing.T) {
	depths, err := parseDepths("warning: something\n[{\"name\":\"a\",\"messages_ready\":1,\"messages_unacknowledged\":2}\n]")
	require.NoError(t, err)
	require.Equal(t, []history.QueueDepth{{Queue: "a", Ready: 1, Unacked: 2}}, depths)
	depths, err = parseDepths(`[{"raw_name":"YSJi","messages_ready":0,"messages_unacknowledged":3}]`)
	require.NoError(t, err)
	require.Equal(t, []history.QueueDepth{{Queue: `a"b`, Unacked: 3}}, depths)
	depths, err = parseDepths("[]")
	require.NoError(t, err)
	require.Empty(t, depths)
	for _, out := range []string{"", "Error: vhost imports is down", "[{", `[{"name":"a","state":"down"}]`} {
		_, err := parseDepths(out)
		require.Error(t, err, out)
	}
}

func FuzzConfirmations(f *testing.F) {
	wl := people(f, nil)
	c := newConfirmations(pipeline.Confirmations{Key: "key", Version: "version"}, wl, stack.Endpoints{})
	f.Add([]byte("key,version,op,confirmed_at\n" + wl.Key(1) + ",1,upsert,x\n"))
	f.Add([]byte("key\n\"a\nb"))
	f.Add([]byte("\xef\xbb\xbfkey,version\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, _ := c.parse(content)
		for _, e := range entries {
			require.True(t, e.number >= 0 && int(e.number) < wl.Records() || e.number == -1)
			require.Positive(t, e.line)
		}
	})
}

func FuzzReadColumns(f *testing.F) {
	f.Add([]byte(`{"pit_id":"x","timed_out":false,"_shards":{"total":1,"successful":1},"hits":{"total":{"value":1},"hits":[{"sort":[0,"KEY",3]}]}}`))
	f.Add([]byte(`{"hits":{"hits":[{"sort":[0,null,9223372036854775807]},{"sort":[]},{}]}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		hits := 0
		p, err := readColumns(answer, func(key, version []byte) { hits++ })
		if err == nil {
			require.Equal(t, hits, p.hits)
		}
	})
}
