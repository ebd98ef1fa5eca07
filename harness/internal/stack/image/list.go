package image

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/moby/moby/client"
)

// Stored is an image that this package made and that the engine still has.
type Stored struct {
	Kind    string    `json:"kind"` // a service, "base", or the name of a program
	Ref     string    `json:"ref"`
	Version string    `json:"version,omitempty"`
	Digest  string    `json:"digest"`
	Bytes   int64     `json:"bytes"` // layers that several images share count in each
	Created time.Time `json:"created"`
	Current bool      `json:"current"` // what a run would take: the current recipe's, or the newest of a program
}

// List returns the images that this package made, by kind and the newest of a kind first. An image counts by its label
// and its name: one that was pushed to a registry and pulled again is that registry's.
func List(ctx context.Context) ([]Stored, error) {
	cli, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	return list(ctx, cli)
}

func list(ctx context.Context, cli *client.Client) ([]Stored, error) {
	got, err := cli.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("label", LabelKind)})
	if err != nil {
		return nil, unavailable("listing the images built here: %w", err)
	}
	var stored []Stored
	for _, summary := range got.Items {
		for _, ref := range summary.RepoTags {
			if !isOwn(ref) {
				continue
			}
			kind := summary.Labels[LabelKind]
			recipe, err := recipeHash(kind)
			stored = append(stored, Stored{
				Kind: kind, Ref: ref, Version: summary.Labels[LabelVersion], Digest: summary.ID,
				Bytes: summary.Size, Created: time.Unix(summary.Created, 0).UTC(),
				Current: err == nil && recipe == summary.Labels[LabelRecipe],
			})
		}
	}
	slices.SortFunc(stored, func(a, b Stored) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), b.Created.Compare(a.Created), cmp.Compare(a.Ref, b.Ref))
	})
	for i := range stored {
		program := official[Kind(stored[i].Kind)] == "" && stored[i].Kind != baseFolder
		if program && (i == 0 || stored[i-1].Kind != stored[i].Kind) {
			stored[i].Current = true
		}
	}
	return stored, nil
}

// Remove removes the images refs, whatever made them; without refs all that List returns, and never another. It returns
// what it removed; an image that a container uses stays and is an error, after the others were removed.
func Remove(ctx context.Context, refs ...string) (removed []string, err error) {
	cli, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	if len(refs) == 0 {
		stored, err := list(ctx, cli)
		if err != nil {
			return nil, err
		}
		for _, image := range stored {
			if image.Kind != baseFolder {
				refs = append(refs, image.Ref)
			}
		}
		for _, image := range stored { // last: the others are made from it
			if image.Kind == baseFolder {
				refs = append(refs, image.Ref)
			}
		}
	}
	var failed []error
	for _, ref := range refs {
		if _, err := cli.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true}); err != nil {
			failed = append(failed, unavailable("removing %s: %w: end what uses it with `seatrial clean` and try again", ref, err))
			continue
		}
		removed = append(removed, ref)
	}
	return removed, errors.Join(failed...)
}
