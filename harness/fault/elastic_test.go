package fault

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeIndex is a world whose Elasticsearch answers by method and path.
type fakeIndex struct {
	fakeWorld
	answers map[string]string // "GET /people/_settings" → JSON, or "!" and an error; what is not here is answered {}
	asked   []string
}

func (w *fakeIndex) Elastic(_ context.Context, method, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	path, _, _ = strings.Cut(path, "?")
	w.asked = append(w.asked, method+" "+path+" "+string(raw))
	reply, known := w.answers[method+" "+path]
	if refusal, refused := strings.CutPrefix(reply, "!"); refused {
		return errors.New(refusal)
	}
	if !known || answer == nil {
		return nil
	}
	return json.Unmarshal([]byte(reply), answer)
}

const (
	behindPeople = "GET /people/_settings"
	oneIndex     = `{"people-1":{"settings":{"index.uuid":"first","index.refresh_interval":"200ms"}}}`
	noSuchCanary = `!404 Not Found: {"_id":"seatrial-canary","result":"not_found"}`
	refusedWrite = `!403 Forbidden: {"error":{"type":"cluster_block_exception","reason":"index [people-1] blocked"}}`
)

// shortly is long enough to look once.
func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestIndexFaultsNeedAnIndex(t *testing.T) {
	for _, f := range []Fault{IndexDeleted(), MappingConflict(), ReadOnlyIndex(), ReadOnlyCluster(), RefreshOff()} {
		_, err := f.Prepare(t.Context(), &fakeIndex{answers: map[string]string{behindPeople: "{}"}})
		require.ErrorContains(t, err, "nothing to break", f.Name)
		_, err = f.Prepare(t.Context(), &fakeIndex{answers: map[string]string{behindPeople: "!connection refused"}})
		require.ErrorContains(t, err, "connection refused", f.Name)
	}
}

func TestIndexDeletedKnowsAnotherOfTheSameName(t *testing.T) {
	world := &fakeIndex{answers: map[string]string{behindPeople: oneIndex, "GET /people/_count": `{"count":7}`, "GET /_all/_settings": oneIndex}}
	injection, err := IndexDeleted().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, "DELETE /people-1 null", world.asked[len(world.asked)-1])
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "index people-1 (first) is still there")
	world.answers["GET /_all/_settings"] = `{"people-1":{"settings":{"index.uuid":"second"}}}`
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "index people-1 (first) is gone, and 7 documents with it", seen)
	world.answers["GET /people/_count"] = "!404 Not Found: index_not_found_exception"
	_, err = injection.Healed(shortly(t))
	require.ErrorContains(t, err, "index_not_found_exception")
}

func TestReadOnlyIsProvedByARefusal(t *testing.T) {
	const canary = "DELETE /people-1/_doc/seatrial-canary"
	world := &fakeIndex{answers: map[string]string{behindPeople: oneIndex, canary: noSuchCanary}}
	injection, err := ReadOnlyIndex().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoIndexSetting, Target: Elasticsearch, Args: map[string]string{"index": "people-1", "name": readOnlyIndex, "value": ""}}}, injection.Undo)
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, `PUT /people-1/_settings {"index.blocks.read_only":true}`, world.asked[len(world.asked)-1])
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "takes a write that changes nothing")
	world.answers[canary] = "!connection refused"
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "connection refused", "whatever else goes wrong is no block")
	world.answers[canary] = refusedWrite
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "index people-1 refuses a write that would change nothing: index [people-1] blocked", seen)
	_, err = injection.Healed(shortly(t))
	require.ErrorContains(t, err, "cluster_block_exception")
	_, err = ReadOnlyCluster().Prepare(t.Context(), world)
	require.ErrorContains(t, err, "there is nothing to break")
}

func TestMappingConflictIsOneStep(t *testing.T) {
	world := &fakeIndex{answers: map[string]string{behindPeople: oneIndex, "GET /people/_alias": `{"people-1":{"aliases":{"people":{}}}}`}}
	injection, err := MappingConflict().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, `POST /_aliases {"actions":[{"remove_index":{"index":"people-1"}},{"add":{"alias":"people","index":"people-conflict"}}]}`, world.asked[len(world.asked)-1])
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "readers search people-1 and not people-conflict")
	world.answers[behindPeople] = `{"people-conflict":{"settings":{}}}`
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "takes a document with a plain version")
	require.Equal(t, "DELETE /people-conflict/_doc/seatrial-canary null", world.asked[len(world.asked)-1], "what was taken is taken away")
	world.answers["PUT /people-conflict/_doc/seatrial-canary"] = "!400 Bad Request: mapper_parsing_exception"
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "refuses a canary")
	_, err = injection.Healed(shortly(t))
	require.ErrorContains(t, err, "readers still search people-conflict")
}

func TestRefreshOffNeedsWorkThatMeetsIt(t *testing.T) {
	stats := "GET /people/_stats/refresh,indexing"
	world := &fakeIndex{answers: map[string]string{behindPeople: oneIndex, stats: `{"_all":{"primaries":{"indexing":{"index_total":5},"refresh":{"external_total":9}}}}`}}
	injection, err := RefreshOff().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"index": "people-1", "name": refreshInterval, "value": "200ms"}, injection.Undo[0].Args)
	_, err = injection.Bites(shortly(t))
	require.ErrorContains(t, err, "nothing was written to people")
	world.answers[stats] = `{"_all":{"primaries":{"refresh":{"external_total":9,"listeners":1}}}}`
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "1 requests wait for one")
	world.answers[behindPeople] = `{"people-1":{"settings":{"index.refresh_interval":"-1"}}}`
	_, err = injection.Healed(shortly(t))
	require.ErrorContains(t, err, "still has no refresh")
	_, err = RefreshOff().Prepare(t.Context(), world)
	require.ErrorContains(t, err, "nothing to break")
}

func TestReplica(t *testing.T) {
	require.Equal(t, "index/2", Replica(Indexer, 2))
	for target, want := range map[string]struct {
		does string
		n    int
	}{"index/2": {"index", 2}, "index": {"index", 0}, "a/b": {"a/b", 0}, "index/0": {"index/0", 0}} {
		does, n := SplitReplica(target)
		require.Equal(t, want.does, does)
		require.Equal(t, want.n, n)
	}
}
