package fault

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// InitialRecoveries is the cluster setting that says how many primary shards
// a node recovers at a time after it started.
const InitialRecoveries = "cluster.routing.allocation.node_initial_primaries_recoveries"

// SlowShardRecovery has Elasticsearch come back from its next restart with
// its shards not assigned, as a node with a big index does for minutes: the
// server answers, searches and writes to the index fail. To be combined with
// a fault that restarts it; it bites only then. Recovery lets the shards in.
func SlowShardRecovery() Fault {
	return Fault{Name: "slow-shard-recovery", Target: Elasticsearch, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		var before health
		if err := world.Elastic(ctx, http.MethodGet, "/_cluster/health", nil, &before); err != nil {
			return Injection{}, err
		}
		if before.Status == "red" || before.Primaries == 0 {
			return Injection{}, fmt.Errorf("cluster health is %s with %d primary shards before the fault: there is nothing to break", before.Status, before.Primaries)
		}
		return Injection{
			Undo: []Undo{{Do: UndoSetting, Target: target, Args: map[string]string{"name": InitialRecoveries}}},
			Inject: func(ctx context.Context) error {
				return world.Elastic(ctx, http.MethodPut, "/_cluster/settings", map[string]any{"persistent": map[string]any{InitialRecoveries: 0}}, nil)
			},
			Bites:  awaitShards(world, "red"),
			Healed: awaitShards(world, "green", "yellow"),
		}, nil
	}}
}

// health is what of Elasticsearch's cluster health says how its shards are.
type health struct {
	Status     string `json:"status"`
	Unassigned int    `json:"unassigned_shards"`
	Primaries  int    `json:"active_primary_shards"`
}

// awaitShards waits until the cluster's health is one of the given.
func awaitShards(world World, wanted ...string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		last := "no answer"
		for {
			var health health
			try, cancel := context.WithTimeout(ctx, 2*time.Second)
			err := world.Elastic(try, http.MethodGet, "/_cluster/health", nil, &health)
			cancel()
			if err == nil {
				last = fmt.Sprintf("cluster health is %s, %d shards unassigned", health.Status, health.Unassigned)
				for _, status := range wanted {
					if health.Status == status {
						return last, nil
					}
				}
			}
			select {
			case <-ctx.Done():
				return "", fmt.Errorf("waited for health %v: %s: %w", wanted, last, ctx.Err())
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
}
