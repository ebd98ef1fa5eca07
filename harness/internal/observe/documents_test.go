package observe

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/workload"
)

// mappings are the ways in which key and version can stand in an index.
var mappings = map[string]string{
	"columns":         columns,
	"dynamic":         `"properties":{"key":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}},"version":{"type":"long"}}`,
	"no doc values":   `"properties":{"key":{"type":"keyword","doc_values":false},"version":{"type":"long"}}`,
	"nothing indexed": `"enabled":false`,
	"version is text": `"properties":{"key":{"type":"keyword"},"version":{"type":"text"}}`,
	"keys too long":   `"properties":{"key":{"type":"keyword","ignore_above":3},"version":{"type":"long"}}`,
	"keys normalised": `"properties":{"key":{"type":"keyword","normalizer":"lowercase"},"version":{"type":"long"}}`,
	"version is byte": `"properties":{"key":{"type":"keyword"},"version":{"type":"byte"}}`,
}

func (tr *trial) documentsReader() *documents {
	d := &documents{spec: *tr.spec.Documents, wl: tr.wl, es: newElastic(tr.stack.Endpoints().ElasticsearchURL)}
	d.es.patience = 10
	tr.t.Cleanup(d.close)
	return d
}

func TestDocumentsAreWholeWhateverTheMapping(t *testing.T) {
	for name, mapping := range mappings {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, nil)
			tr.index("people-1", mapping)
			d, s := tr.documentsReader(), newSight(tr.wl.Records())
			require.NoError(t, d.look(t.Context(), s))
			require.Empty(t, s.items)
			version := func(n int) int { return 1 + n%3 }
			tr.documents("people-1", numbers(300), version)
			require.NoError(t, d.look(t.Context(), s))
			require.Len(t, s.items, 300)
			for n, c := range s.cells {
				if n < 300 {
					require.Equal(t, cell{version: int32(version(n))}, c)
				} else {
					require.Zero(t, c)
				}
			}
		})
	}
}

func TestDocumentsAreWholePastTenThousand(t *testing.T) {
	const count = 12_345
	for _, name := range []string{"columns", "nothing indexed"} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, func(c *workload.Config) { c.Files, c.RecordsPerFile, c.UpdatePercent, c.DeletePercent = 5, 2500, 0, 0 })
			tr.index("people-1", mappings[name])
			d, s := tr.documentsReader(), newSight(tr.wl.Records())
			tr.documents("people-1", numbers(count), first1)
			for range 2 { // the second knows already that one page will not do
				require.NoError(t, d.look(t.Context(), s))
				require.Len(t, s.items, count)
				for n := range count {
					require.Equal(t, cell{version: 1}, s.cells[n])
				}
			}
			entries, evidence, err := d.all(t.Context())
			require.NoError(t, err)
			require.Empty(t, evidence)
			require.Len(t, entries, count)
			seen := map[int]bool{}
			for _, e := range entries {
				require.False(t, seen[e.Number])
				seen[e.Number] = true
				require.Equal(t, tr.wl.Record(e.Number, 1).Map(), e.Fields)
			}
		})
	}
}

func TestDocumentsOfSeveralShardsAndIndices(t *testing.T) {
	tr := newTrial(t, func(c *workload.Config) { c.Files, c.RecordsPerFile, c.UpdatePercent, c.DeletePercent = 5, 2500, 0, 0 })
	for _, name := range []string{"people-1", "people-2"} {
		tr.es("PUT", "/"+name, `{"settings":{"number_of_shards":3,"number_of_replicas":0,"refresh_interval":"100ms"},"mappings":{"dynamic":false,`+columns+`},"aliases":{"people":{}}}`)
	}
	tr.documents("people-1", numbers(6500), first1)
	tr.documents("people-2", numbers(12_000)[6000:], first1) // 500 of them stand twice
	d, s := tr.documentsReader(), newSight(tr.wl.Records())
	require.NoError(t, d.look(t.Context(), s))
	require.Len(t, s.items, 12_500)
	several := 0
	for _, c := range s.cells {
		if c.several {
			several++
		}
	}
	require.Equal(t, 500, several)
	entries, _, err := d.all(t.Context())
	require.NoError(t, err)
	require.Len(t, entries, 12_500)
	require.Contains(t, entries[0].Where, "document people-")
}

func TestDocumentsNobodyCanFindYetAreNotThere(t *testing.T) {
	tr := newTrial(t, nil)
	tr.es("PUT", "/people-1", `{"settings":{"number_of_replicas":0,"refresh_interval":"-1"},"mappings":{"dynamic":false,`+columns+`},"aliases":{"people":{}}}`)
	tr.es("PUT", "/people-1/_doc/1", `{"key":"`+tr.wl.Key(1)+`","version":1}`)
	d, s := tr.documentsReader(), newSight(tr.wl.Records())
	require.NoError(t, d.look(t.Context(), s))
	require.Empty(t, s.items, "indexed, but not refreshed")
	entries, _, err := d.all(t.Context())
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestDocumentsOfAMissingAlias(t *testing.T) {
	tr := newTrial(t, nil)
	d, s := tr.documentsReader(), newSight(tr.wl.Records())
	require.Error(t, d.look(t.Context(), s), "it may be on its way")
	entries, evidence, err := d.all(t.Context())
	require.NoError(t, err, "at the end readers find nothing")
	require.Empty(t, entries)
	require.Contains(t, evidence, "people")
	tr.index("people-1", columns)
	tr.documents("people-1", numbers(3), first1)
	require.NoError(t, d.look(t.Context(), s))
	require.Len(t, s.items, 3)
	tr.es("DELETE", "/people-1", "")
	require.NoError(t, d.look(t.Context(), s), "it was there: now readers find nothing")
	require.Empty(t, s.items)
	tr.index("people-2", mappings["nothing indexed"])
	tr.documents("people-2", numbers(2), first1)
	require.NoError(t, d.look(t.Context(), s), "made again with another mapping")
	require.Len(t, s.items, 2)
}

func TestDocumentsOfAShardThatIsGoneArePartial(t *testing.T) {
	tr := newTrial(t, nil)
	tr.index("people-1", columns)
	tr.documents("people-1", numbers(3), first1)
	// A second index whose shard can be allocated nowhere.
	tr.es("PUT", "/people-2?wait_for_active_shards=0", `{"settings":{"number_of_replicas":0,"index.routing.allocation.require._name":"nobody"},"mappings":{"dynamic":false,`+columns+`},"aliases":{"people":{}}}`)
	d, s := tr.documentsReader(), newSight(tr.wl.Records())
	require.Error(t, d.look(t.Context(), s))
	_, _, err := d.all(t.Context())
	require.Error(t, err)
}

func TestDocumentsWithoutVersionAreToldByTheirContent(t *testing.T) {
	tr := newTrial(t, nil)
	tr.spec.Documents.Version = ""
	tr.index("people-1", columns)
	updated := map[int]int{}
	for _, file := range tr.wl.Files {
		for _, op := range file.Ops {
			if !op.Delete {
				updated[int(op.Number)] = int(op.Version)
			}
		}
	}
	version := func(n int) int { return updated[n] }
	tr.documents("people-1", numbers(500), version)
	tr.es("POST", "/people-1/_doc/foreign?refresh=wait_for", `{"key":"not ours","note":"x"}`)
	tr.es("POST", "/people-1/_doc/altered?refresh=wait_for", `{"key":"`+tr.wl.Key(501)+`","note":"nobody wrote this"}`)
	d, s := tr.documentsReader(), newSight(tr.wl.Records())
	require.NoError(t, d.look(context.Background(), s))
	require.Len(t, s.items, 502)
	for n := range 500 {
		require.Equal(t, int32(version(n)), s.cells[n].version)
	}
	require.Equal(t, int32(-1), s.cells[501].version)
	entries := s.entries()
	foreign := 0
	for _, e := range entries {
		if e.Number < 0 {
			foreign++
			require.Equal(t, history.Entry{Number: -1, Version: -1, Key: "not ours", Where: "document people-1/foreign"}, e)
		}
	}
	require.Equal(t, 1, foreign)
}
