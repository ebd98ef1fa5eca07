package image

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/go-archive"
	"github.com/moby/moby/client"
	"github.com/moby/patternmatcher/ignorefile"
)

// Recipe says how somebody's own image is built: from a folder with a Dockerfile.
type Recipe struct {
	Context    string // folder
	Dockerfile string // in it; empty: Dockerfile
	Target     string // stage; empty: the last one
	Args       map[string]string
}

// foreignWithin is the limit of building somebody's own image: a compiler may
// be at work, and download what it needs.
const foreignWithin = 30 * time.Minute

// Take returns somebody's own image for what is called name: the one here, or
// that of its registry.
func Take(ctx context.Context, progress func(string), name, ref string) (Image, error) {
	cli, err := Connect(ctx)
	if err != nil {
		return Image{}, err
	}
	defer cli.Close()
	r := newResolver(cli, progress)
	for _, known := range []string{hubbed(ref), ref} {
		image, ok, err := r.inspect(ctx, Kind(name), known, Local)
		if err != nil || ok {
			return foreign(image), err
		}
	}
	image, err := r.pull(ctx, Kind(name), hubbed(ref))
	if err != nil {
		return Image{}, unavailable("%s is not here and cannot be pulled (%w): build it, load it with `docker load`, or make its registry reachable", ref, err)
	}
	return foreign(image), nil
}

// foreign says no more of an image's version than its reference does.
func foreign(image Image) Image {
	image.Version = tagOf(image.Ref)
	return image
}

// BuildRecipe builds somebody's own image, for what is called name, and gives it
// a name that begins with seatrial/pipeline-<name>. What did not change since it was built
// before comes from the engine's cache.
func BuildRecipe(ctx context.Context, progress func(string), name string, recipe Recipe) (Image, error) {
	cli, err := Connect(ctx)
	if err != nil {
		return Image{}, err
	}
	defer cli.Close()
	ctx, cancel := context.WithTimeout(ctx, foreignWithin)
	defer cancel()
	r := newResolver(cli, progress)
	packed, err := pack(recipe.Context, cmp.Or(recipe.Dockerfile, "Dockerfile"))
	if err != nil {
		return Image{}, unavailable("building the image of %s from %s: %w", name, recipe.Context, err)
	}
	defer packed.Close()
	args := buildArgs("")
	delete(args, "BASE")
	for key, value := range recipe.Args {
		args[key] = &value
	}
	// Others may build what they call the same.
	of := sha256.Sum256(fmt.Appendf(nil, "%q", []any{recipe.Context, recipe.Dockerfile, recipe.Target, recipe.Args}))
	ref := ownNames + "pipeline-" + tagText(strings.ToLower(name)) + ":" + hex.EncodeToString(of[:6])
	r.progress("%s: building its image from %s", name, recipe.Context)
	_, err = r.dockerBuild(ctx, packed, client.ImageBuildOptions{
		Tags: []string{ref}, Dockerfile: filepath.ToSlash(recipe.Dockerfile), Target: recipe.Target, BuildArgs: args,
		Labels: map[string]string{LabelKind: "pipeline-" + name},
	})
	if err != nil {
		return Image{}, unavailable("building the image of %s from %s: %w (where it needs BuildKit: build it yourself and name it as image)", name, recipe.Context, err)
	}
	image, ok, err := r.inspectOwn(ctx, Kind(name), ref)
	if err == nil && !ok {
		err = unavailable("%s vanished right after it was built: something else removes images on this engine", ref)
	}
	image.Version = image.Digest
	return image, err
}

// pack returns a folder as an archive, less what its .dockerignore excludes
// of it; never its Dockerfile.
func pack(folder, dockerfile string) (io.ReadCloser, error) {
	var excluded []string
	file, err := os.Open(filepath.Join(folder, ".dockerignore"))
	switch {
	case err == nil:
		defer file.Close()
		if excluded, err = ignorefile.ReadAll(file); err != nil {
			return nil, fmt.Errorf("read .dockerignore: %w", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if len(excluded) > 0 { // the engine needs it, whatever the image is to have
		excluded = append(excluded, "!"+dockerfile)
	}
	return archive.TarWithOptions(folder, &archive.TarOptions{ExcludePatterns: excluded})
}
