package image

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrUnavailable is wrapped by every error of this package: an image that cannot be had is a fault of the machine or of
// the set-up, never of the pipeline under test.
var ErrUnavailable = errors.New("image unavailable")

// Kind is a service of the stack.
type Kind string

// The services that a stack can hold.
const (
	SFTP          Kind = "sftp"
	RabbitMQ      Kind = "rabbitmq"
	Postgres      Kind = "postgres"
	Elasticsearch Kind = "elasticsearch"
)

// Kinds returns all services, the slowest to build first.
func Kinds() []Kind { return []Kind{Elasticsearch, RabbitMQ, Postgres, SFTP} }

// Where an image came from.
const (
	Local    = "local"    // an official or pinned image that was here already
	Registry = "registry" // pulled by this call
	Built    = "built"    // from packages, by this call or an earlier one
)

// Image is an image that is present on the engine.
type Image struct {
	Kind    Kind   `json:"kind"`
	Ref     string `json:"ref"`     // what a container is created from
	Origin  string `json:"origin"`  // Local, Registry or Built
	Version string `json:"version"` // of the service in it, e.g. "RabbitMQ 3.10.8"
	Digest  string `json:"digest"`  // of the registry's manifest, the image's ID where it never saw a registry
}

// Labels of every image that this package makes.
const (
	LabelKind    = "org.seatrial.image"   // the kind, or the program's name
	LabelRecipe  = "org.seatrial.recipe"  // what it was built from: a hash, of recipes only
	LabelVersion = "org.seatrial.version" // of the service in it
)

// official are the references of the images whose contract the recipes keep.
var official = map[Kind]string{
	SFTP:          "atmoz/sftp:debian",
	RabbitMQ:      "rabbitmq:3.10.8-management",
	Postgres:      "postgres:15",
	Elasticsearch: "elasticsearch:7.17.29",
}

// Pinned returns the reference that the environment sets for kind (SEATRIAL_IMAGE_<KIND>), empty where it sets none.
func Pinned(kind Kind) string {
	return strings.TrimSpace(os.Getenv(pinVariable(kind)))
}

func pinVariable(kind Kind) string { return "SEATRIAL_IMAGE_" + strings.ToUpper(string(kind)) }

// Official returns the reference of kind's official image, below TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX where that is set.
func Official(kind Kind) string {
	if prefix := hubPrefix(); prefix != "" {
		return prefix + "/" + official[kind]
	}
	return official[kind]
}

// hubPrefix is what testcontainers-go puts before every reference that names no registry.
func hubPrefix() string {
	return strings.Trim(strings.TrimSpace(os.Getenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX")), "/")
}

// Names of the images made here. With a registry's name in front testcontainers-go leaves them alone where a prefix for
// hub images is set, and would look for them below it else.
const (
	ownNames           = "seatrial/"
	ownNamesWithPrefix = "localhost/seatrial/"
)

func isOwn(ref string) bool {
	return strings.HasPrefix(ref, ownNames) || strings.HasPrefix(ref, ownNamesWithPrefix)
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, fmt.Errorf(format, args...))
}
