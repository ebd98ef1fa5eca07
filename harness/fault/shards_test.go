package fault

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlowShardRecovery(t *testing.T) {
	green := `{"status":"green","active_primary_shards":2}`
	red := `{"status":"red","unassigned_shards":2}`
	world := &fakeWorld{health: []string{green}}
	injection, err := SlowShardRecovery().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoSetting, Target: Elasticsearch, Args: map[string]string{"name": InitialRecoveries}}}, injection.Undo)
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, `PUT /_cluster/settings {"persistent":{"cluster.routing.allocation.node_initial_primaries_recoveries":0}}`, world.asked[len(world.asked)-1])

	soon, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = injection.Bites(soon)
	require.ErrorContains(t, err, "waited for health [red]: cluster health is green")
	world.health = []string{green, red}
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "cluster health is red, 2 shards unassigned", seen)
	world.health = []string{red, `{"status":"yellow","active_primary_shards":2,"unassigned_shards":1}`}
	seen, err = injection.Healed(t.Context())
	require.NoError(t, err)
	require.Equal(t, "cluster health is yellow, 1 shards unassigned", seen)
}

func TestSlowShardRecoveryNeedsShards(t *testing.T) {
	for _, health := range []string{`{"status":"red","active_primary_shards":1}`, `{"status":"green"}`} {
		_, err := SlowShardRecovery().Prepare(t.Context(), &fakeWorld{health: []string{health}})
		require.ErrorContains(t, err, "there is nothing to break")
	}
	_, err := SlowShardRecovery().Prepare(t.Context(), &fakeWorld{})
	require.ErrorContains(t, err, "connection refused")
}
