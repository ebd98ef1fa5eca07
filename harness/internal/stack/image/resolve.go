package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"
)

// Resolve makes the images of kinds (all where none is named) present on the engine and returns them. For each it takes
// the first that can be had: the official image here, one built here from the current recipe, the official one from its
// registry, a new one built from packages. A reference pinned by SEATRIAL_IMAGE_<KIND> is taken from here or its registry
// and never replaced. Kinds are resolved in parallel; progress, which may be nil, gets a line per step, never two at once.
// Errors wrap ErrUnavailable and name the cause and the remedy.
func Resolve(ctx context.Context, progress func(string), kinds ...Kind) (map[Kind]Image, error) {
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	for _, kind := range kinds {
		if official[kind] == "" {
			return nil, unavailable("there is no service %q: name one of %v", kind, Kinds())
		}
	}
	cli, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer cli.Close()

	r := &resolver{cli: cli, progress: oneAtATime(progress)}
	kinds = slices.Compact(slices.Sorted(slices.Values(kinds)))
	found := make([]Image, len(kinds))
	group, ctx := errgroup.WithContext(ctx)
	for i, kind := range kinds {
		group.Go(func() (err error) {
			found[i], err = r.resolve(ctx, kind)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	images := make(map[Kind]Image, len(kinds))
	for _, image := range found {
		images[image.Kind] = image
	}
	return images, nil
}

type resolver struct {
	cli      *client.Client
	progress func(format string, args ...any)
	base     sync.Mutex // recipes share a base: the first to need it builds it
}

func (r *resolver) resolve(ctx context.Context, kind Kind) (Image, error) {
	if ref := Pinned(kind); ref != "" {
		return r.resolvePinned(ctx, kind, ref)
	}
	ref := Official(kind)
	if image, ok, err := r.inspect(ctx, kind, ref, Local); ok || err != nil {
		return image, err
	}
	if image, ok, err := r.findBuilt(ctx, kind); ok || err != nil {
		return image, err
	}
	pulled, pullErr := r.pull(ctx, kind, ref)
	if pullErr == nil {
		return pulled, nil
	}
	if ctx.Err() != nil {
		return Image{}, unavailable("resolving the %s image: %w", kind, ctx.Err())
	}
	r.progress("%s: %s cannot be pulled (%v), building it from packages", kind, ref, pullErr)
	built, buildErr := r.buildRecipe(ctx, kind)
	if buildErr != nil {
		return Image{}, unavailable("%s can neither be pulled (%w) nor built: %w", ref, pullErr, buildErr)
	}
	return built, nil
}

// resolvePinned never puts another image in the place of what the user asked for: a report would then speak of a
// version that did not run.
func (r *resolver) resolvePinned(ctx context.Context, kind Kind, ref string) (Image, error) {
	if image, ok, err := r.inspect(ctx, kind, ref, Local); ok || err != nil {
		return image, err
	}
	image, err := r.pull(ctx, kind, ref)
	if err != nil {
		return Image{}, unavailable("%s=%s is not here and cannot be pulled (%w): load it with `docker load`, make its registry reachable, or unset %[1]s",
			pinVariable(kind), ref, err)
	}
	return image, nil
}

// inspect returns the image behind ref where the engine has it.
func (r *resolver) inspect(ctx context.Context, kind Kind, ref, origin string) (Image, bool, error) {
	got, err := r.cli.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return Image{}, false, nil
	}
	if err != nil {
		return Image{}, false, unavailable("looking for %s on the engine: %w", ref, err)
	}
	image := Image{Kind: kind, Ref: ref, Origin: origin, Digest: got.ID, Version: versionOf(kind, ref, got.InspectResponse)}
	if len(got.RepoDigests) > 0 {
		image.Digest = digestOf(ref, got.RepoDigests)
	}
	return image, true, nil
}

// oneAtATime lets goroutines share a callback that need not be safe for that.
func oneAtATime(progress func(string)) func(string, ...any) {
	if progress == nil {
		return func(string, ...any) {}
	}
	var mutex sync.Mutex
	return func(format string, args ...any) {
		mutex.Lock()
		defer mutex.Unlock()
		progress(fmt.Sprintf(format, args...))
	}
}

var errNoAnswer = errors.New("the registry does not answer")
