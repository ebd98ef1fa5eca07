package image

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cpuguy83/dockercfg"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
)

// Limits of a pull: a registry behind a firewall that swallows packets must cost seconds, a slow one may take its time.
const (
	firstWordWithin = 15 * time.Second
	nextWordWithin  = 60 * time.Second
)

// pull fetches ref. It gives up when the registry says nothing for too long; a pull that broke off leaves no image.
func (r *resolver) pull(ctx context.Context, kind Kind, ref string) (Image, error) {
	r.progress("%s: pulling %s", kind, ref)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(r.silence, func() {
		cancel(fmt.Errorf("%w: nothing heard for %v", errNoAnswer, r.silence))
	})
	defer watchdog.Stop()

	if err := r.pullWatched(ctx, ref, watchdog); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errNoAnswer) {
			return Image{}, cause
		}
		return Image{}, err
	}
	image, ok, err := r.inspect(ctx, kind, ref, Registry)
	if err == nil && !ok {
		err = fmt.Errorf("the pull of %s ended without an error and without an image", ref)
	}
	return image, err
}

func (r *resolver) pullWatched(ctx context.Context, ref string, watchdog *time.Timer) error {
	stream, err := r.cli.ImagePull(ctx, ref, client.ImagePullOptions{RegistryAuth: credentials(ref)})
	if err != nil {
		return err
	}
	defer stream.Close()
	for message, err := range stream.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if message.Error != nil {
			return message.Error
		}
		watchdog.Reset(nextWordWithin)
	}
	return ctx.Err()
}

// credentials returns what the user's Docker configuration holds for ref's registry, encoded for the engine; empty where
// it holds nothing: most registries then serve public images.
func credentials(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	host := dockercfg.ResolveRegistryHost(reference.Domain(named))
	user, password, err := dockercfg.GetRegistryCredentials(host)
	if err != nil || password == "" {
		return ""
	}
	config := registry.AuthConfig{Username: user, Password: password, ServerAddress: host}
	if user == "" { // how Docker's configuration marks a token
		config = registry.AuthConfig{IdentityToken: password, ServerAddress: host}
	}
	encoded, err := authconfig.Encode(config)
	if err != nil {
		return ""
	}
	return encoded
}
