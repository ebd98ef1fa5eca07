package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// Networks returns the names of the networks that the engine has the container
// on, sorted.
func (c *Container) Networks(ctx context.Context) ([]string, error) {
	result, err := c.stack.docker.ContainerInspect(ctx, c.onNetwork(), client.ContainerInspectOptions{})
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", c.Part(), err)
	}
	var names []string
	if settings := result.Container.NetworkSettings; settings != nil {
		for name := range settings.Networks {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Disconnect takes the container off all its networks. Nobody is told: what
// was said to it is lost, connections stay as they were.
func (c *Container) Disconnect(ctx context.Context) error {
	names, err := c.Networks(ctx)
	if err != nil {
		return err
	}
	c.stack.membership.Lock()
	defer c.stack.membership.Unlock()
	var errs []error
	for _, name := range names {
		if _, err := c.stack.docker.NetworkDisconnect(ctx, name, client.NetworkDisconnectOptions{Container: c.onNetwork()}); err != nil {
			errs = append(errs, fmt.Errorf("take %s off network %s: %w", c.Part(), name, err))
		}
	}
	return errors.Join(errs...)
}

// Connect puts the container back on those of its networks that it is not on,
// under its names there.
func (c *Container) Connect(ctx context.Context) error {
	on, err := c.Networks(ctx)
	if errdefs.IsNotFound(err) {
		return nil // made anew, it is on all of them
	}
	if err != nil {
		return err
	}
	c.stack.membership.RLock()
	defer c.stack.membership.RUnlock()
	var errs []error
	for name, aliases := range c.request.Networks {
		if slices.Contains(on, name) {
			continue
		}
		_, err := c.stack.docker.NetworkConnect(ctx, name, client.NetworkConnectOptions{
			Container: c.onNetwork(), EndpointConfig: &network.EndpointSettings{Aliases: aliases},
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("put %s back on network %s: %w", c.Part(), name, err))
		}
	}
	return errors.Join(errs...)
}

// Received returns how many bytes the container has received from its networks
// since it was started, as the engine counts them.
func (c *Container) Received(ctx context.Context) (uint64, error) {
	result, err := c.stack.docker.ContainerStats(ctx, c.onNetwork(), client.ContainerStatsOptions{})
	if err != nil {
		return 0, fmt.Errorf("ask for the figures of %s: %w", c.Part(), err)
	}
	defer result.Body.Close()
	var figures container.StatsResponse
	if err := json.NewDecoder(result.Body).Decode(&figures); err != nil {
		return 0, fmt.Errorf("read the figures of %s: %w", c.Part(), err)
	}
	var received uint64
	for _, interfaces := range figures.Networks {
		received += interfaces.RxBytes
	}
	return received, nil
}

// Said returns what the container has printed since it was made, both streams.
func (c *Container) Said(ctx context.Context) (string, error) { return c.said(ctx, "") }

// SaidSinceStart returns what it has printed since it ended last: in the life
// that it is in. Its start is noted only after its first words.
func (c *Container) SaidSinceStart(ctx context.Context) (string, error) {
	state, err := c.Inspect(ctx)
	if err != nil {
		return "", err
	}
	if state.EndedAt.Unix() <= 0 { // it never did
		return c.said(ctx, "")
	}
	return c.said(ctx, fmt.Sprintf("%d.%09d", state.EndedAt.Unix(), state.EndedAt.Nanosecond()))
}

func (c *Container) said(ctx context.Context, since string) (string, error) {
	logs, err := c.stack.docker.ContainerLogs(ctx, c.Name(), client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Since: since})
	if err != nil {
		return "", fmt.Errorf("read what %s said: %w", c.Part(), err)
	}
	defer logs.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, logs); err != nil {
		return text.String(), fmt.Errorf("read what %s said: %w", c.Part(), err)
	}
	return text.String(), nil
}
