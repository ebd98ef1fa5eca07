package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/reports"
)

func imageKinds() []string {
	var kinds []string
	for _, kind := range image.Kinds() {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	return kinds
}

// ensureImages finds, pulls or builds the images of services.
func ensureImages(ctx context.Context, names []string, progress func(string)) ([]reports.Image, error) {
	var kinds []image.Kind
	for _, name := range names {
		kinds = append(kinds, image.Kind(name))
	}
	found, err := image.Resolve(ctx, progress, kinds...)
	if err != nil {
		return nil, err
	}
	var made []reports.Image
	for _, kind := range image.Kinds() {
		if one, ok := found[kind]; ok {
			made = append(made, reports.Image{Kind: string(one.Kind), Ref: one.Ref, Origin: one.Origin, Version: one.Version, Digest: one.Digest})
		}
	}
	return made, nil
}

// listImages lists the pinned and official images that are on the engine, and
// everything that was built here. It pulls and builds nothing.
func listImages(ctx context.Context) ([]storedImage, error) {
	docker, err := image.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer docker.Close()
	var found []storedImage
	taken := map[string]bool{} // kinds of which a run takes a pinned or official image
	for _, kind := range image.Kinds() {
		ref, pinned := image.Official(kind), image.Pinned(kind)
		if pinned != "" {
			ref = pinned
		}
		got, err := docker.ImageInspect(ctx, ref)
		if errdefs.IsNotFound(err) {
			// A run takes nothing in the place of what was pinned.
			taken[string(kind)] = pinned != ""
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("inspect %s: %w", ref, err)
		}
		taken[string(kind)] = true
		found = append(found, storedImage{Kind: string(kind), Ref: ref, Origin: image.Local, Digest: got.ID, Bytes: got.Size, Current: true})
	}
	built, err := image.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range built {
		if slices.ContainsFunc(found, func(other storedImage) bool { return other.Ref == one.Ref }) {
			continue
		}
		found = append(found, storedImage{Kind: one.Kind, Ref: one.Ref, Origin: image.Built, Version: one.Version, Digest: one.Digest,
			Bytes: one.Bytes, Current: one.Current && !taken[one.Kind]})
	}
	return found, nil
}
