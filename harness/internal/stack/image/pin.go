package image

import (
	"context"
	"strings"

	"github.com/distribution/reference"
)

// Pin says which image of a service a pipeline wants. The zero value wants none
// in particular. SEATRIAL_IMAGE_<KIND> goes before it.
type Pin struct {
	Image   string // a reference
	Version string // of the service; of an image here that is none other, or the official one's tag
}

// tags are what the official images' tags have after the version.
var tags = map[Kind]string{RabbitMQ: "-management"}

// ref returns the reference to look for; empty: any.
func (p Pin) ref(kind Kind) string {
	switch {
	case p.Image != "":
		return p.Image
	case p.Version == "":
		return ""
	}
	repository, _, _ := strings.Cut(official[kind], ":")
	ref := repository + ":" + p.Version
	if !strings.HasSuffix(ref, tags[kind]) {
		ref += tags[kind]
	}
	if prefix := hubPrefix(); prefix != "" {
		ref = prefix + "/" + ref
	}
	return ref
}

// isVersion reports whether what an image says of itself ("PostgreSQL 15.14") is
// the version wanted: "15" and "15.14" are, "1" and "15.1" are not.
func isVersion(said, wanted string) bool {
	_, number, found := strings.Cut(said, " ")
	rest, begins := strings.CutPrefix(number, wanted)
	return found && begins && (rest == "" || rest[0] == '.' || rest[0] == '-')
}

// findVersion looks on the engine for an image of the service in that version.
func (r *resolver) findVersion(ctx context.Context, kind Kind, pin Pin) (Image, bool, error) {
	if image, ok, err := r.inspect(ctx, kind, Official(kind), Local); err != nil || ok && isVersion(image.Version, pin.Version) {
		return image, ok, err
	}
	if image, ok, err := r.findBuilt(ctx, kind); err != nil || ok && isVersion(image.Version, pin.Version) {
		return image, ok, err
	}
	return Image{}, false, nil
}

// pinned returns what a service is pinned to and where that stands; empty: nowhere.
func (r *resolver) pinned(kind Kind) (ref, where string) {
	if ref := Pinned(kind); ref != "" {
		return ref, pinVariable(kind)
	}
	return r.pins[kind].ref(kind), "the pipeline's services." + string(kind)
}

// hubbed returns the name by which a container engine set up with
// TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX knows an image.
func hubbed(ref string) string {
	prefix := hubPrefix()
	named, err := reference.ParseNormalizedNamed(ref)
	if prefix == "" || err != nil || reference.Domain(named) != "docker.io" || strings.HasPrefix(ref, "docker.io/") {
		return ref
	}
	return prefix + "/" + ref
}
