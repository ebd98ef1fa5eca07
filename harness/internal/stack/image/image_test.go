package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/image"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func TestOfficialBelowPrefix(t *testing.T) {
	for _, test := range []struct{ prefix, want string }{
		{"", "rabbitmq:3.10.8-management"},
		{"  ", "rabbitmq:3.10.8-management"},
		{"127.0.0.1:5000", "127.0.0.1:5000/rabbitmq:3.10.8-management"},
		{"mirror.example/hub/", "mirror.example/hub/rabbitmq:3.10.8-management"},
	} {
		t.Setenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", test.prefix)
		require.Equal(t, test.want, Official(RabbitMQ))
	}
}

func TestPinned(t *testing.T) {
	t.Setenv("SEATRIAL_IMAGE_POSTGRES", " postgres:14 ")
	t.Setenv("TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX", "mirror.example")
	require.Equal(t, "postgres:14", Pinned(Postgres), "a pinned reference is taken as it stands")
	require.Empty(t, Pinned(SFTP))
}

func TestVersionOf(t *testing.T) {
	inspected := func(labels map[string]string, env ...string) image.InspectResponse {
		return image.InspectResponse{Config: &v1.DockerOCIImageConfig{ImageConfig: ocispec.ImageConfig{Labels: labels, Env: env}}}
	}
	for _, test := range []struct {
		name string
		kind Kind
		ref  string
		got  image.InspectResponse
		want string
	}{
		{"a recipe's label", RabbitMQ, "seatrial/rabbitmq:3.10.8-abc", inspected(map[string]string{LabelVersion: "RabbitMQ 3.10.8"}, "RABBITMQ_VERSION=1"), "RabbitMQ 3.10.8"},
		{"the official variable", RabbitMQ, "rabbitmq:3-management", inspected(nil, "PATH=/bin", "RABBITMQ_VERSION=3.13.7"), "RabbitMQ 3.13.7"},
		{"a package's version", Postgres, "postgres:15", inspected(nil, "PG_VERSION=15.14-1.pgdg12+1"), "PostgreSQL 15.14"},
		{"Elastic's label", Elasticsearch, "elasticsearch:7.17.29", inspected(map[string]string{"org.opencontainers.image.version": "7.17.29"}), "Elasticsearch 7.17.29"},
		{"not the distribution's label", SFTP, "atmoz/sftp:debian", inspected(map[string]string{"org.opencontainers.image.version": "24.04"}), "OpenSSH (debian)"},
		{"nothing known", SFTP, "registry.example:5000/sftp", image.InspectResponse{}, "OpenSSH (latest)"},
		{"a digest", Postgres, "postgres@sha256:12", image.InspectResponse{}, "PostgreSQL (sha256:12)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, versionOf(test.kind, test.ref, test.got))
		})
	}
}

func TestDigestOfTheRightRegistry(t *testing.T) {
	digests := []string{"other.example/postgres@sha256:1", "127.0.0.1:5000/postgres@sha256:2"}
	require.Equal(t, digests[1], digestOf("127.0.0.1:5000/postgres:15", digests))
	require.Equal(t, digests[1], digestOf("127.0.0.1:5000/postgres@sha256:2", digests))
	require.Equal(t, digests[0], digestOf("postgres:15", digests), "better one of them than none")
}

func TestTagText(t *testing.T) {
	for version, want := range map[string]string{
		"RabbitMQ 3.10.8":   "3.10.8",
		"OpenSSH 9.2p1":     "9.2p1",
		"PostgreSQL 15~rc1": "15_rc1",
		"7.17.29":           "7.17.29",
	} {
		require.Equal(t, want, tagText(version))
	}
}

func TestRecipeHashes(t *testing.T) {
	seen := map[string]string{}
	for _, folder := range []string{baseFolder, string(SFTP), string(RabbitMQ), string(Postgres), string(Elasticsearch)} {
		hash, err := recipeHash(folder)
		require.NoError(t, err)
		require.Len(t, hash, 64)
		again, err := recipeHash(folder)
		require.NoError(t, err)
		require.Equal(t, hash, again)
		require.NotContains(t, seen, hash, "two recipes with one hash")
		seen[hash] = folder
	}
	_, err := recipeHash("nothing")
	require.Error(t, err)
}

func TestBuildContextKeepsProgramsExecutable(t *testing.T) {
	archive := newBuildContext()
	require.NoError(t, archive.addTree(fstest.MapFS{
		"entrypoint":  {Data: []byte("#!/bin/sh\n")},
		"etc/setting": {Data: []byte("a = 1\n")},
	}, modeOf))
	first, err := archive.close()
	require.NoError(t, err)

	modes := map[string]int64{}
	reader := tar.NewReader(bytes.NewReader(first.Bytes()))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		modes[header.Name] = header.Mode
	}
	require.Equal(t, map[string]int64{"entrypoint": 0o755, "etc/setting": 0o644}, modes)
}

func TestReadStream(t *testing.T) {
	for _, test := range []struct {
		name, stream, id string
		fails            []string
	}{
		{"a build", `{"stream":"Step 1/1 : FROM scratch\n"}{"aux":{"ID":"sha256:12"}}{"stream":"Successfully built 12\n"}`, "sha256:12", nil},
		{"an error with what led to it", `{"stream":"E: no such package\n"}{"errorDetail":{"message":"exit 100"},"error":"exit 100"}`, "", []string{"exit 100", "E: no such package"}},
		{"broken off", `{"stream":"Step 1"}{"str`, "", []string{"broke off", "Step 1"}},
		{"not JSON", `<html>`, "", []string{"broke off"}},
		{"nothing", ``, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			id, err := readStream(strings.NewReader(test.stream))
			require.Equal(t, test.id, id)
			if test.fails == nil {
				require.NoError(t, err)
			}
			for _, text := range test.fails {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

func FuzzReadStream(f *testing.F) {
	f.Add([]byte(`{"stream":"a\n"}{"aux":{"ID":"sha256:12"}}`))
	f.Add([]byte(`{"errorDetail":{"message":"m"}}`))
	f.Add([]byte(`{"aux":[]}`))
	f.Fuzz(func(t *testing.T, stream []byte) {
		id, err := readStream(bytes.NewReader(stream))
		if err != nil {
			require.Empty(t, id)
		}
	})
}

func TestLastLines(t *testing.T) {
	require.Equal(t, "b | c", lastLines("a\n\n b \nc\n\n", 2))
	require.Empty(t, lastLines("\n\n", 3))
}
