package fault

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const refreshInterval = "index.refresh_interval"

// RefreshOff turns the refresh of the indices that readers search off, as is
// done for a big load and forgotten: what is written is not seen, and who waits
// until it is seen waits in vain. It bites when something was written, or
// somebody waits, and no refresh came for a second. Recovery puts the interval
// back that was set before.
func RefreshOff() Fault {
	return Fault{Name: "refresh-off", Target: Elasticsearch, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		documents, indices, err := behind(ctx, world)
		if err != nil {
			return Injection{}, err
		}
		var undo []Undo
		for _, i := range indices {
			before, set := i.settings[refreshInterval].(string)
			if before == "-1" {
				return Injection{}, fmt.Errorf("index %s has no refresh before the fault: there is nothing to break", i.name)
			}
			if !set {
				before = ""
			}
			undo = append(undo, indexSetting(i.name, refreshInterval, before))
		}
		return Injection{
			Undo: undo,
			Inject: func(ctx context.Context) error {
				for _, i := range indices {
					if err := world.Elastic(ctx, http.MethodPut, "/"+i.name+"/_settings", map[string]any{refreshInterval: "-1"}, nil); err != nil {
						return err
					}
				}
				return nil
			},
			Bites: func(ctx context.Context) (string, error) { return unrefreshed(ctx, world, documents) },
			Healed: func(ctx context.Context) (string, error) {
				return pollElastic(ctx, func(ctx context.Context) (string, error) { return refreshes(ctx, world, documents) })
			},
		}, nil
	}}
}

// refreshStats is what of an index's statistics tells of its refreshes.
type refreshStats struct {
	Indexing struct {
		Total int `json:"index_total"`
	}
	Refresh struct {
		Total     int `json:"external_total"`
		Listeners int // requests that wait for a refresh
	}
}

func statsOf(ctx context.Context, world World, alias string) (stats refreshStats, err error) {
	var answer struct {
		All struct{ Primaries refreshStats } `json:"_all"`
	}
	err = world.Elastic(ctx, http.MethodGet, "/"+alias+"/_stats/refresh,indexing", nil, &answer)
	return answer.All.Primaries, err
}

// unrefreshed waits until a second has passed in which something was written,
// or waited, and nothing was refreshed.
func unrefreshed(ctx context.Context, world World, documents Documents) (string, error) {
	first, err := statsOf(ctx, world, documents.Alias)
	if err != nil {
		return "", err
	}
	since := time.Now()
	return pollElastic(ctx, func(ctx context.Context) (string, error) {
		now, err := statsOf(ctx, world, documents.Alias)
		if err != nil {
			return "", err
		}
		written, waiting, calm := now.Indexing.Total-first.Indexing.Total, now.Refresh.Listeners, time.Since(since)
		if now.Refresh.Total != first.Refresh.Total {
			first, since = now, time.Now()
			return "", fmt.Errorf("%s was refreshed just now", documents.Alias)
		}
		if written+waiting == 0 || calm < time.Second {
			return "", fmt.Errorf("for %s nothing was written to %s", calm.Round(time.Millisecond), documents.Alias)
		}
		return fmt.Sprintf("no refresh of %s for %s, while %d documents were written and %d requests wait for one", documents.Alias, calm.Round(time.Millisecond), written, waiting), nil
	})
}

// refreshes says whether the interval is back and nobody waits any more.
func refreshes(ctx context.Context, world World, documents Documents) (string, error) {
	_, indices, err := behind(ctx, world)
	if err != nil {
		return "", err
	}
	for _, i := range indices {
		if i.settings[refreshInterval] == "-1" {
			return "", fmt.Errorf("index %s still has no refresh", i.name)
		}
	}
	return fmt.Sprintf("index %s is refreshed again", names(indices)), nil
}
