package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/fixtures/images"
)

// buildWithin is the limit of building one image from packages, downloads included.
const buildWithin = 10 * time.Minute

// versionFile is where a recipe leaves the name and version of its service.
const versionFile = "/etc/seatrial-version"

// findBuilt returns the image that an earlier call built from the current recipe of kind.
func (r *resolver) findBuilt(ctx context.Context, kind Kind) (Image, bool, error) {
	hash, err := recipeHash(string(kind))
	if err != nil {
		return Image{}, false, unavailable("%w", err)
	}
	ref, err := r.findLabelled(ctx, string(kind), hash)
	if err != nil || ref == "" {
		return Image{}, false, err
	}
	return r.inspectOwn(ctx, kind, ref)
}

// findLabelled returns the name of the image with these labels, empty where there is none.
func (r *resolver) findLabelled(ctx context.Context, name, hash string) (string, error) {
	filters := client.Filters{}.Add("label", LabelKind+"="+name, LabelRecipe+"="+hash)
	got, err := r.cli.ImageList(ctx, client.ImageListOptions{Filters: filters})
	if err != nil {
		return "", unavailable("listing the images built here: %w", err)
	}
	for _, summary := range got.Items {
		for _, tag := range summary.RepoTags {
			if strings.HasPrefix(tag, ownNames) {
				return tag, nil
			}
		}
	}
	return "", nil
}

// buildRecipe builds the image of kind; where another process is doing that, it waits and takes that one's.
func (r *resolver) buildRecipe(ctx context.Context, kind Kind) (Image, error) {
	ctx, cancel := context.WithTimeout(ctx, buildWithin)
	defer cancel()
	unlock, err := lock(ctx, string(kind))
	if err != nil {
		return Image{}, err
	}
	defer unlock()
	if image, ok, err := r.findBuilt(ctx, kind); ok || err != nil {
		return image, err
	}
	hash, err := recipeHash(string(kind))
	if err != nil {
		return Image{}, err
	}

	began := time.Now()
	var base string
	var archive *bytes.Buffer
	group, groupCtx := errgroup.WithContext(ctx) // jars are downloaded while the base is made
	group.Go(func() (err error) {
		base, err = r.ensureBase(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		archive, err = r.recipeContext(groupCtx, kind)
		return err
	})
	if err := group.Wait(); err != nil {
		return Image{}, err
	}

	r.progress("%s: building the image", kind)
	id, err := r.dockerBuild(ctx, archive, client.ImageBuildOptions{BuildArgs: buildArgs(base)})
	if err != nil {
		return Image{}, err
	}
	version, err := r.readFile(ctx, id, versionFile)
	if err != nil {
		return Image{}, err
	}
	ref := fmt.Sprintf("seatrial/%s:%s-%s", kind, tagText(version), hash[:8])
	if err := r.label(ctx, id, ref, map[string]string{LabelKind: string(kind), LabelRecipe: hash, LabelVersion: version}); err != nil {
		return Image{}, err
	}
	r.progress("%s: built %s in %.0f s", kind, ref, time.Since(began).Seconds())
	image, ok, err := r.inspectOwn(ctx, kind, ref)
	if err == nil && !ok {
		err = fmt.Errorf("%s vanished right after it was built: something else removes images on this engine", ref)
	}
	return image, err
}

// ensureBase returns the name of the image that recipes start from.
func (r *resolver) ensureBase(ctx context.Context) (string, error) {
	r.base.Lock()
	defer r.base.Unlock()
	unlock, err := lock(ctx, baseFolder)
	if err != nil {
		return "", err
	}
	defer unlock()
	hash, err := recipeHash(baseFolder)
	if err != nil {
		return "", err
	}
	if ref, err := r.findLabelled(ctx, baseFolder, hash); ref != "" || err != nil {
		return ref, err
	}

	r.progress("base: fetching a minimal Debian")
	directory, err := os.MkdirTemp("", "seatrial-base-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(directory)
	if err := unpack(baseFolder, directory); err != nil {
		return "", err
	}
	if err := r.installTool(ctx, "mmdebstrap"); err != nil {
		return "", err
	}
	archive := filepath.Join(directory, "root.tar")
	if err := run(ctx, directory, "sh", "build.sh", archive); err != nil {
		return "", err
	}
	ref := "seatrial/base:bookworm-" + hash[:8]
	return ref, r.importBase(ctx, archive, ref, hash)
}

func (r *resolver) importBase(ctx context.Context, archive, ref, hash string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	stream, err := r.cli.ImageImport(ctx, client.ImageImportSource{Source: file, SourceName: "-"}, ref, client.ImageImportOptions{
		Changes: []string{
			"ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"LABEL " + LabelKind + "=" + baseFolder,
			"LABEL " + LabelRecipe + "=" + hash,
		},
	})
	if err != nil {
		return fmt.Errorf("importing the base image: %w", err)
	}
	defer stream.Close()
	_, err = readStream(stream)
	return err
}

// recipeContext packs what kind's Dockerfile copies.
func (r *resolver) recipeContext(ctx context.Context, kind Kind) (*bytes.Buffer, error) {
	archive := newBuildContext()
	files, err := fs.Sub(images.Recipes, string(kind))
	if err != nil {
		return nil, err
	}
	if err := archive.addTree(files, modeOf); err != nil {
		return nil, err
	}
	if kind == Elasticsearch {
		if err := r.addJars(ctx, archive); err != nil {
			return nil, err
		}
	}
	return archive.close()
}

// addJars adds the jars that the recipe's poms name. Maven runs on the host: it has the certificates and the mirror that
// this machine's owner has set up, a container has neither.
func (r *resolver) addJars(ctx context.Context, archive *buildContext) error {
	if err := r.installTool(ctx, "maven"); err != nil {
		return err
	}
	r.progress("%s: fetching its jars", Elasticsearch)
	directory, err := os.MkdirTemp("", "seatrial-jars-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	if err := unpack(string(Elasticsearch), directory); err != nil {
		return err
	}
	if err := run(ctx, directory, "mvn", "--quiet", "--batch-mode", "dependency:copy-dependencies"); err != nil {
		return err
	}
	jars, err := filepath.Glob(filepath.Join(directory, "*", "target", "jars", "*.jar"))
	if err != nil || len(jars) == 0 {
		return fmt.Errorf("maven ended without an error and without a jar in %s", directory)
	}
	for _, jar := range jars {
		content, err := os.ReadFile(jar)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(directory, jar)
		if err != nil {
			return err
		}
		if err := archive.add(filepath.ToSlash(name), 0o644, content); err != nil {
			return err
		}
	}
	return nil
}

// dockerBuild builds the Dockerfile in archive with the engine's classic builder and returns the image's ID.
func (r *resolver) dockerBuild(ctx context.Context, archive io.Reader, options client.ImageBuildOptions) (string, error) {
	options.Remove, options.ForceRemove = true, true
	result, err := r.cli.ImageBuild(ctx, archive, options)
	if err != nil {
		return "", fmt.Errorf("building an image: %w", err)
	}
	defer result.Body.Close()
	return readStream(result.Body)
}

// label gives an image its name and labels, in a layer without content.
func (r *resolver) label(ctx context.Context, id, ref string, labels map[string]string) error {
	archive := newBuildContext()
	if err := archive.add("Dockerfile", 0o644, []byte("FROM "+id+"\n")); err != nil {
		return err
	}
	buffer, err := archive.close()
	if err != nil {
		return err
	}
	_, err = r.dockerBuild(ctx, buffer, client.ImageBuildOptions{Tags: []string{ref}, Labels: labels})
	return err
}

// readFile returns the text of a file in an image, from a container that is never started.
func (r *resolver) readFile(ctx context.Context, id, path string) (_ string, err error) {
	created, err := r.cli.ContainerCreate(ctx, client.ContainerCreateOptions{Image: id})
	if err != nil {
		return "", fmt.Errorf("reading %s of image %s: %w", path, id, err)
	}
	defer func() {
		_, removeErr := r.cli.ContainerRemove(context.WithoutCancel(ctx), created.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, removeErr)
	}()
	got, err := r.cli.CopyFromContainer(ctx, created.ID, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return "", fmt.Errorf("reading %s of image %s: %w", path, id, err)
	}
	defer got.Content.Close()
	archive := tar.NewReader(got.Content)
	if _, err := archive.Next(); err != nil {
		return "", fmt.Errorf("reading %s of image %s: %w", path, id, err)
	}
	content, err := io.ReadAll(io.LimitReader(archive, 4096))
	return strings.TrimSpace(string(content)), err
}

// readStream follows a build or an import to its end and returns the image's ID. An error carries the last lines of output.
func readStream(stream io.Reader) (string, error) {
	var id string
	var output tail
	decoder := json.NewDecoder(stream)
	for {
		var message jsonstream.Message
		err := decoder.Decode(&message)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("the engine broke off a build: %w%s", err, output.String())
		}
		output.add(message.Stream)
		if message.Error != nil {
			return "", fmt.Errorf("a build failed: %w%s", message.Error, output.String())
		}
		if message.Aux != nil {
			var aux struct{ ID string }
			if json.Unmarshal(*message.Aux, &aux) == nil && aux.ID != "" {
				id = aux.ID
			}
		}
	}
	return id, nil
}

// buildArgs passes the base and the machine's proxies: classic builders take the latter without a declaration.
func buildArgs(base string) map[string]*string {
	args := map[string]*string{"BASE": &base}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := os.Getenv(name); value != "" {
			args[name] = &value
		}
	}
	return args
}

// installTool makes sure that a program which building needs is there: engine.sh installs it where that is possible.
func (r *resolver) installTool(ctx context.Context, name string) error {
	program := name
	if name == "maven" {
		program = "mvn"
	}
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	r.progress("installing %s, which building needs", name)
	command := exec.CommandContext(ctx, "sh", "-s", "tool", name)
	command.Stdin = bytes.NewReader(images.Engine)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("installing %s: %w: %s", name, err, lastLines(string(output), 5))
	}
	return nil
}

// run executes a program in directory; its output is shown only where it fails.
func run(ctx context.Context, directory, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = directory
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, lastLines(string(output), 8))
	}
	return nil
}

var notInTag = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// tagText makes the version out of "RabbitMQ 3.10.8" fit for a tag.
func tagText(version string) string {
	if _, number, ok := strings.Cut(version, " "); ok {
		version = number
	}
	return strings.Trim(notInTag.ReplaceAllString(version, "_"), "_.-")
}
