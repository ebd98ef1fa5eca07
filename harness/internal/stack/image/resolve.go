package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

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
	return ResolvePinned(ctx, nil, progress, kinds...)
}

// ResolvePinned is Resolve where some services are wanted in an image or a version
// of their own: these are not replaced, either.
func ResolvePinned(ctx context.Context, pins map[Kind]Pin, progress func(string), kinds ...Kind) (map[Kind]Image, error) {
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

	r := newResolver(cli, progress)
	r.pins = pins
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
	silence  time.Duration // how long a registry may say nothing before it says its first word
	pins     map[Kind]Pin  // what the pipeline wants
	base     sync.Mutex    // recipes share a base: the first to need it builds it
}

func newResolver(cli *client.Client, progress func(string)) *resolver {
	return &resolver{cli: cli, progress: oneAtATime(progress), silence: firstWordWithin}
}

// Find returns those images of kinds (all where none is named) that Resolve would take from the engine, without pulling or
// building: a kind that is missing here is missing in the map.
func Find(ctx context.Context, kinds ...Kind) (map[Kind]Image, error) {
	if len(kinds) == 0 {
		kinds = Kinds()
	}
	cli, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	r := newResolver(cli, nil)
	images := map[Kind]Image{}
	for _, kind := range kinds {
		image, ok, err := r.find(ctx, kind)
		if err != nil {
			return nil, err
		}
		if ok {
			images[kind] = image
		}
	}
	return images, nil
}

// find looks on the engine only. Nothing stands in for a pinned reference: a report would then speak of a version that did
// not run.
func (r *resolver) find(ctx context.Context, kind Kind) (Image, bool, error) {
	if ref, _ := r.pinned(kind); ref != "" {
		if pin := r.pins[kind]; Pinned(kind) == "" && pin.Image == "" {
			if image, ok, err := r.findVersion(ctx, kind, pin); ok || err != nil {
				return image, ok, err
			}
		}
		return r.inspect(ctx, kind, ref, Local)
	}
	if image, ok, err := r.inspect(ctx, kind, Official(kind), Local); ok || err != nil {
		return image, ok, err
	}
	return r.findBuilt(ctx, kind)
}

func (r *resolver) resolve(ctx context.Context, kind Kind) (Image, error) {
	if image, ok, err := r.find(ctx, kind); ok || err != nil {
		return image, err
	}
	if ref, where := r.pinned(kind); ref != "" {
		image, err := r.pull(ctx, kind, ref)
		if err != nil {
			return Image{}, unavailable("%s=%s is not here and cannot be pulled (%w): load it with `docker load`, make its registry reachable, or unset %[1]s",
				where, ref, err)
		}
		return image, nil
	}
	return r.pullOrBuild(ctx, kind)
}

func (r *resolver) pullOrBuild(ctx context.Context, kind Kind) (Image, error) {
	ref := Official(kind)
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

// inspectOwn returns an image made here, by a name that testcontainers-go takes as it stands.
func (r *resolver) inspectOwn(ctx context.Context, kind Kind, ref string) (Image, bool, error) {
	image, ok, err := r.inspect(ctx, kind, ref, Built)
	if !ok || err != nil || hubPrefix() == "" {
		return image, ok, err
	}
	image.Ref = ownNamesWithPrefix + strings.TrimPrefix(ref, ownNames)
	if _, err := r.cli.ImageTag(ctx, client.ImageTagOptions{Source: ref, Target: image.Ref}); err != nil {
		return Image{}, false, unavailable("naming %s %s: %w", ref, image.Ref, err)
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
