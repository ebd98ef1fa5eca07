package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/moby/moby/client"
)

// modulePath is this module: the sources of the proxy and of the reference pipeline come with it.
const modulePath = "github.com/seatrial/seatrial"

// builds keeps what this process has built, so that a run that needs a program in several roles links it once.
var builds sync.Map // folder and package → *building

type building struct {
	once sync.Once
	path string
	err  error
}

// Build compiles the main package with import path pkg to a static Linux program and returns the path of the file, which
// is named by its content and stays in the user's cache. It needs the Go toolchain, and a working directory in a module
// that holds pkg. Programs of this module are found from anywhere: see sourceDirectory.
func Build(ctx context.Context, pkg string) (string, error) {
	return buildIn(ctx, sourceDirectory(ctx, pkg), pkg)
}

// buildIn is Build of a package of the module that directory belongs to.
func buildIn(ctx context.Context, directory, pkg string) (string, error) {
	key := directory + " " + pkg
	entry, _ := builds.LoadOrStore(key, new(building))
	b := entry.(*building)
	b.once.Do(func() { b.path, b.err = build(ctx, directory, pkg) })
	if b.err != nil {
		builds.CompareAndDelete(key, b) // the next call tries again: the cause may be gone
	}
	return b.path, b.err
}

func build(ctx context.Context, sources, pkg string) (string, error) {
	directory, err := cacheDirectory("bin")
	if err != nil {
		return "", err
	}
	temporary, err := os.MkdirTemp(directory, "build-")
	if err != nil {
		return "", unavailable("building %s: %w", pkg, err)
	}
	defer os.RemoveAll(temporary)
	output := filepath.Join(temporary, "program")
	if err := compile(ctx, sources, pkg, output); err != nil {
		return "", err
	}
	sum, err := fileHash(output)
	if err != nil {
		return "", unavailable("building %s: %w", pkg, err)
	}
	final := filepath.Join(directory, path.Base(pkg)+"-"+sum[:16])
	if err := os.Rename(output, final); err != nil {
		return "", unavailable("building %s: %w", pkg, err)
	}
	forgetFiles(directory, path.Base(pkg), final)
	return final, nil
}

func compile(ctx context.Context, sources, pkg, output string) error {
	program, err := exec.LookPath("go")
	if err != nil {
		return unavailable("building %s needs the Go toolchain (%w): install it and put it on PATH", pkg, err)
	}
	command := exec.CommandContext(ctx, program, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", output, pkg)
	command.Dir = sources
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	if isOurs(pkg) { // what holds for the user's module does not for this one, in whose folder it is built
		command.Args = slices.Insert(command.Args, 2, "-mod=readonly")
		command.Env = append(command.Env, "GOWORK=off")
	}
	text, err := command.CombinedOutput()
	if ctx.Err() != nil {
		return unavailable("building %s: %w", pkg, context.Cause(ctx))
	}
	if err != nil {
		return unavailable("`go build %s` failed (%w): %s", pkg, err, lastLines(string(text), 8))
	}
	return nil
}

// sourceDirectory returns where to call the Go toolchain for pkg: the working directory, but for a program of this module
// the folder of its sources. That is around the working directory, in the module cache where the working directory's
// module requires this one (its tests use the harness), or around the running program (bin/seatrial called from anywhere).
func sourceDirectory(ctx context.Context, pkg string) string {
	working, err := os.Getwd()
	if err != nil || !isOurs(pkg) {
		return working
	}
	if directory := findModule(working, thisModule); directory != "" {
		return directory
	}
	if directory := requiredModule(ctx, working); directory != "" {
		return directory
	}
	if program, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(program); err == nil {
			program = resolved
		}
		if directory := findModule(filepath.Dir(program), thisModule); directory != "" {
			return directory
		}
	}
	return working
}

func isOurs(pkg string) bool { return strings.HasPrefix(pkg, modulePath+"/") }

// requiredModule returns the folder of this module's sources as the module around directory requires it, replaced or from
// the module cache; empty where it does not.
func requiredModule(ctx context.Context, directory string) string {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", modulePath)
	command.Dir = directory
	text, err := command.Output()
	if err != nil {
		return "" // no module, or one that knows nothing of this one
	}
	return strings.TrimSpace(string(text))
}

var thisModule = regexp.MustCompile(`(?m)^module\s+` + regexp.QuoteMeta(modulePath) + `\s*$`)

// findModule returns the closest folder at or above directory whose go.mod matches.
func findModule(directory string, module *regexp.Regexp) string {
	for {
		if content, err := os.ReadFile(filepath.Join(directory, "go.mod")); err == nil && module.Match(content) {
			return directory
		}
		parent := filepath.Dir(directory)
		if parent == directory {
			return ""
		}
		directory = parent
	}
}

func fileHash(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Binary makes an image FROM scratch of the main package pkg (see Build), with entrypoint /<name>, and returns it. The
// tag comes from the program's content: where the image is there already nothing is built.
func Binary(ctx context.Context, name, pkg string) (Image, error) {
	return BinaryIn(ctx, name, sourceDirectory(ctx, pkg), pkg)
}

// BinaryIn is Binary of a package of the module that directory belongs to: an
// import path, or a folder such as "./cmd/importer".
func BinaryIn(ctx context.Context, name, directory, pkg string) (Image, error) {
	if strings.ContainsAny(name, "/: ") || name != strings.ToLower(name) {
		return Image{}, unavailable("%q cannot name an image: use lower case letters, digits and hyphens", name)
	}
	program, err := buildIn(ctx, directory, pkg)
	if err != nil {
		return Image{}, err
	}
	cli, err := Connect(ctx)
	if err != nil {
		return Image{}, err
	}
	defer cli.Close()
	r := newResolver(cli, nil)

	hash, err := fileHash(program)
	if err != nil {
		return Image{}, unavailable("reading the program of image %s: %w", name, err)
	}
	ref := fmt.Sprintf("seatrial/%s:%s", name, hash[:12])
	image, ok, err := r.inspectOwn(ctx, Kind(name), ref)
	if err != nil || ok {
		return image, err
	}
	if err := r.buildBinary(ctx, name, program, ref, hash); err != nil {
		return Image{}, unavailable("making image %s: %w", ref, err)
	}
	r.forgetImages(ctx, name, ref)
	image, ok, err = r.inspectOwn(ctx, Kind(name), ref)
	if err == nil && !ok {
		err = unavailable("%s vanished right after it was built: something else removes images on this engine", ref)
	}
	return image, err
}

func (r *resolver) buildBinary(ctx context.Context, name, program, ref, hash string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	archive := newBuildContext()
	dockerfile := fmt.Sprintf("FROM scratch\nCOPY %s /%[1]s\nENTRYPOINT [\"/%[1]s\"]\n", name)
	if err := archive.add("Dockerfile", 0o644, []byte(dockerfile)); err != nil {
		return err
	}
	if err := archive.add(name, 0o755, content); err != nil {
		return err
	}
	buffer, err := archive.close()
	if err != nil {
		return err
	}
	_, err = r.dockerBuild(ctx, buffer, client.ImageBuildOptions{
		Tags:   []string{ref},
		Labels: map[string]string{LabelKind: name, LabelVersion: name + " " + hash[:12]},
	})
	return err
}
