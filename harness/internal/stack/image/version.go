package image

import (
	"strings"

	"github.com/moby/moby/api/types/image"
)

var serviceName = map[Kind]string{
	SFTP:          "OpenSSH",
	RabbitMQ:      "RabbitMQ",
	Postgres:      "PostgreSQL",
	Elasticsearch: "Elasticsearch",
}

// versionOf says which version of the service is in an image, by what the image itself says, in order of trust: the label
// of a recipe, the variable that the official image sets, the label that packagers set, the tag.
func versionOf(kind Kind, ref string, got image.InspectResponse) string {
	name := serviceName[kind]
	if got.Config != nil {
		if text := got.Config.Labels[LabelVersion]; text != "" {
			return text
		}
		if variable := map[Kind]string{RabbitMQ: "RABBITMQ_VERSION", Postgres: "PG_VERSION"}[kind]; variable != "" {
			for _, assignment := range got.Config.Env {
				if value, ok := strings.CutPrefix(assignment, variable+"="); ok && value != "" {
					return name + " " + upstream(value)
				}
			}
		}
		for _, label := range []string{"org.opencontainers.image.version", "org.label-schema.version"} {
			// An image that only carries its distribution's label would lend the service that version.
			if value := got.Config.Labels[label]; value != "" && kind == Elasticsearch {
				return name + " " + value
			}
		}
	}
	return name + " (" + tagOf(ref) + ")"
}

// upstream cuts a package's revision off its version: "15.14-1.pgdg12+1" is 15.14.
func upstream(version string) string {
	version, _, _ = strings.Cut(version, "-")
	return version
}

// tagOf returns the tag or digest that ref names, "latest" where it names none.
func tagOf(ref string) string {
	if _, digest, ok := strings.Cut(ref, "@"); ok {
		return digest
	}
	if _, tag, ok := strings.Cut(ref[strings.LastIndex(ref, "/")+1:], ":"); ok {
		return tag
	}
	return "latest"
}

// digestOf picks, among the digests that an image has in several registries, the one of ref's.
func digestOf(ref string, digests []string) string {
	repository := strings.TrimSuffix(strings.TrimSuffix(ref, tagOf(ref)), ":")
	repository = strings.TrimSuffix(repository, "@")
	for _, digest := range digests {
		if strings.HasPrefix(digest, repository+"@") {
			return digest
		}
	}
	return digests[0]
}
