package fault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Documents is where a pipeline's readers search.
type Documents struct {
	Alias string // index or alias
	Field string // of every document, with one plain value
}

// index is one of the indices that readers search.
type index struct {
	name     string
	uuid     string // another index of the same name has another
	settings map[string]any
}

// behind returns the indices that readers search; an error if there are none.
func behind(ctx context.Context, world World) (Documents, []index, error) {
	documents, err := world.Documents()
	if err != nil {
		return documents, nil, err
	}
	var answer map[string]struct{ Settings map[string]any }
	if err := world.Elastic(ctx, http.MethodGet, "/"+documents.Alias+"/_settings?flat_settings=true", nil, &answer); err != nil {
		return documents, nil, fmt.Errorf("look what readers search: %w", err)
	}
	var found []index
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		settings := answer[name].Settings
		found = append(found, index{name: name, uuid: fmt.Sprint(settings["index.uuid"]), settings: settings})
	}
	if len(found) == 0 {
		return documents, nil, fmt.Errorf("no index is behind %s: there is nothing to break", documents.Alias)
	}
	return documents, found, nil
}

func names(indices []index) string {
	var list []string
	for _, i := range indices {
		list = append(list, i.name)
	}
	return strings.Join(list, ", ")
}

// pollElastic asks again until look has no error.
func pollElastic(ctx context.Context, look func(context.Context) (string, error)) (string, error) {
	for {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		seen, err := look(try)
		cancel()
		if err == nil {
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// searchable waits until readers' searches are answered.
func searchable(world World, alias string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		return pollElastic(ctx, func(ctx context.Context) (string, error) {
			var answer struct{ Count int }
			if err := world.Elastic(ctx, http.MethodGet, "/"+alias+"/_count", nil, &answer); err != nil {
				return "", err
			}
			return fmt.Sprintf("search on %s counts %d documents", alias, answer.Count), nil
		})
	}
}

// IndexDeleted deletes the indices that readers search, as a person does who
// takes them for old ones. It bites when none of them is there any more,
// whatever was made under their name since. It heals when readers can search again.
func IndexDeleted() Fault {
	destroys := "the documents that readers search"
	return Fault{Name: "index-deleted", Target: Elasticsearch, Destroys: destroys, prepare: func(ctx context.Context, world World, _ string) (Injection, error) {
		documents, before, err := behind(ctx, world)
		if err != nil {
			return Injection{}, err
		}
		var counted struct{ Count int }
		if err := world.Elastic(ctx, http.MethodGet, "/"+documents.Alias+"/_count", nil, &counted); err != nil {
			return Injection{}, err
		}
		return Injection{
			Inject: func(ctx context.Context) error {
				for _, i := range before {
					if err := world.Elastic(ctx, http.MethodDelete, "/"+i.name, nil, nil); err != nil {
						return err
					}
				}
				return nil
			},
			Bites: func(ctx context.Context) (string, error) {
				var left map[string]struct{ Settings map[string]any }
				err := world.Elastic(ctx, http.MethodGet, "/_all/_settings?flat_settings=true", nil, &left)
				if err != nil {
					return "", err
				}
				for _, i := range before {
					if now, there := left[i.name]; there && fmt.Sprint(now.Settings["index.uuid"]) == i.uuid {
						return "", fmt.Errorf("index %s (%s) is still there", i.name, i.uuid)
					}
				}
				return fmt.Sprintf("index %s (%s) is gone, and %d documents with it", names(before), before[0].uuid, counted.Count), nil
			},
			Healed: searchable(world, documents.Alias),
		}, nil
	}}
}

// mappingConflict names the index with the wrong mapping.
func mappingConflict(alias string) string { return alias + "-conflict" }

// MappingConflict puts an index in the place of those that readers search, all
// their aliases included, whose mapping refuses every document of the
// pipeline: as a deployment does that makes it anew from a wrong template. It
// heals when readers search another one.
func MappingConflict() Fault {
	destroys := "the documents that readers search"
	return Fault{Name: "mapping-conflict", Target: Elasticsearch, Destroys: destroys, prepare: func(ctx context.Context, world World, _ string) (Injection, error) {
		documents, before, err := behind(ctx, world)
		if err != nil {
			return Injection{}, err
		}
		wrong := mappingConflict(documents.Alias)
		return Injection{
			Inject: func(ctx context.Context) error { return replace(ctx, world, documents, before, wrong) },
			Bites:  func(ctx context.Context) (string, error) { return refusesDocuments(ctx, world, documents, wrong) },
			Healed: func(ctx context.Context) (string, error) {
				return pollElastic(ctx, func(ctx context.Context) (string, error) {
					_, now, err := behind(ctx, world)
					if err != nil {
						return "", err
					}
					if slices.ContainsFunc(now, func(i index) bool { return i.name == wrong }) {
						return "", fmt.Errorf("readers still search %s", wrong)
					}
					return fmt.Sprintf("readers search %s in place of %s", names(now), wrong), nil
				})
			},
		}, nil
	}}
}

// replace makes the wrong index and gives it the aliases of the others, which
// are deleted in the same step: nobody can put a right one in between.
func replace(ctx context.Context, world World, documents Documents, before []index, wrong string) error {
	var aliases map[string]struct{ Aliases map[string]any }
	if err := world.Elastic(ctx, http.MethodGet, "/"+documents.Alias+"/_alias", nil, &aliases); err != nil {
		return err
	}
	object := map[string]any{"type": "object"} // takes no plain value
	made := map[string]any{
		"settings": map[string]any{"number_of_replicas": 0},
		"mappings": map[string]any{"properties": map[string]any{documents.Field: object}},
	}
	if err := world.Elastic(ctx, http.MethodPut, "/"+wrong, made, nil); err != nil {
		return err
	}
	var actions []any
	for _, i := range before {
		actions = append(actions, map[string]any{"remove_index": map[string]any{"index": i.name}})
		for alias := range aliases[i.name].Aliases {
			actions = append(actions, map[string]any{"add": map[string]any{"index": wrong, "alias": alias}})
		}
	}
	return world.Elastic(ctx, http.MethodPost, "/_aliases", map[string]any{"actions": actions}, nil)
}

// refusesDocuments shows a document to the wrong index; it leaves no trace.
func refusesDocuments(ctx context.Context, world World, documents Documents, wrong string) (string, error) {
	_, now, err := behind(ctx, world)
	if err != nil {
		return "", err
	}
	if names(now) != wrong {
		return "", fmt.Errorf("readers search %s and not %s", names(now), wrong)
	}
	canary := "/" + wrong + "/_doc/seatrial-canary"
	err = world.Elastic(ctx, http.MethodPut, canary, map[string]any{documents.Field: 1}, nil)
	if err == nil {
		return "", errors.Join(fmt.Errorf("index %s takes a document with a plain %s", wrong, documents.Field), world.Elastic(ctx, http.MethodDelete, canary, nil, nil))
	}
	if !strings.Contains(err.Error(), "mapper_parsing_exception") {
		return "", err
	}
	return fmt.Sprintf("readers search %s, which refuses a canary: mapper_parsing_exception for %s", wrong, documents.Field), nil
}
