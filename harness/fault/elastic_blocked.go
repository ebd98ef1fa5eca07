package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// The settings by which Elasticsearch blocks writes.
const (
	readOnlyIndex   = "index.blocks.read_only"
	ReadOnlySetting = "cluster.blocks.read_only_allow_delete"
)

// ReadOnlyIndex blocks writes to the indices that readers search: each item of
// a bulk request is refused (403), the request is not. It bites when a write
// that would leave no trace is refused.
func ReadOnlyIndex() Fault {
	return Fault{Name: "read-only-index", Target: Elasticsearch, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		return block(ctx, world, func(documents Documents, indices []index) ([]Undo, func(context.Context) error) {
			var undo []Undo
			for _, i := range indices {
				undo = append(undo, indexSetting(i.name, readOnlyIndex, ""))
			}
			return undo, func(ctx context.Context) error {
				for _, i := range indices {
					if err := world.Elastic(ctx, http.MethodPut, "/"+i.name+"/_settings", map[string]any{readOnlyIndex: true}, nil); err != nil {
						return err
					}
				}
				return nil
			}
		})
	}}
}

// ReadOnlyCluster blocks all writes, as a person does when the disks are full:
// whole requests are refused (403), the making of indices too. It bites when a
// write that would leave no trace is refused.
func ReadOnlyCluster() Fault {
	return Fault{Name: "read-only-cluster", Target: Elasticsearch, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		return block(ctx, world, func(Documents, []index) ([]Undo, func(context.Context) error) {
			undo := []Undo{{Do: UndoSetting, Target: target, Args: map[string]string{"name": ReadOnlySetting}}}
			return undo, func(ctx context.Context) error {
				return world.Elastic(ctx, http.MethodPut, "/_cluster/settings", map[string]any{"persistent": map[string]any{ReadOnlySetting: true}}, nil)
			}
		})
	}}
}

// indexSetting puts a setting of one index back; empty: to its default.
func indexSetting(index, name, value string) Undo {
	return Undo{Do: UndoIndexSetting, Target: Elasticsearch, Args: map[string]string{"index": index, "name": name, "value": value}}
}

func block(ctx context.Context, world World, how func(Documents, []index) ([]Undo, func(context.Context) error)) (Injection, error) {
	documents, indices, err := behind(ctx, world)
	if err != nil {
		return Injection{}, err
	}
	if seen, err := takesWrites(ctx, world, indices); err != nil {
		return Injection{}, fmt.Errorf("before the fault, %s: there is nothing to break: %w", seen, err)
	}
	undo, inject := how(documents, indices)
	return Injection{
		Undo:   undo,
		Inject: inject,
		Bites: func(ctx context.Context) (string, error) {
			seen, err := takesWrites(ctx, world, indices)
			if err == nil {
				return "", errors.New(seen)
			}
			if !strings.Contains(err.Error(), "cluster_block_exception") {
				return "", err
			}
			return seen, nil
		},
		Healed: func(ctx context.Context) (string, error) {
			return pollElastic(ctx, func(ctx context.Context) (string, error) {
				_, now, err := behind(ctx, world)
				if err != nil {
					return "", err
				}
				return takesWrites(ctx, world, now)
			})
		},
	}, nil
}

// takesWrites deletes a document that is not there: a write that changes
// nothing. An error says what refused it.
func takesWrites(ctx context.Context, world World, indices []index) (string, error) {
	for _, i := range indices {
		err := world.Elastic(ctx, http.MethodDelete, "/"+i.name+"/_doc/seatrial-canary", nil, nil)
		if err != nil && !strings.Contains(err.Error(), `"result":"not_found"`) {
			return fmt.Sprintf("index %s refuses a write that would change nothing: %s", i.name, reason(err)), err
		}
	}
	return fmt.Sprintf("index %s takes a write that changes nothing", names(indices)), nil
}

// reason is what of Elasticsearch's refusal says why.
func reason(err error) string {
	text := err.Error()
	if i := strings.Index(text, `"reason":"`); i >= 0 {
		text, _, _ = strings.Cut(text[i+len(`"reason":"`):], `"`)
	}
	return text
}
