package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// Found is a stack that was found on the engine by its labels.
type Found struct {
	ID                            string
	Containers, Networks, Volumes int
	Alive                         bool   // its process holds its lock
	Keep                          bool   // meant to outlive its process
	Attach                        string // the pipeline that it was started for, where other processes may use it; empty: they may not
}

// Find lists all stacks on the engine, whoever started them.
func Find(ctx context.Context) ([]Found, error) {
	docker, err := engine(ctx)
	if err != nil {
		return nil, err
	}
	defer docker.Close()
	stacks := map[string]*Found{}
	note := func(labels map[string]string) *Found {
		id := labels[LabelStack]
		if stacks[id] == nil {
			stacks[id] = &Found{ID: id, Alive: held(labels[LabelLock]), Keep: labels[LabelKeep] == "true"}
		}
		return stacks[id]
	}
	filter := make(client.Filters).Add("label", LabelStack)
	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filter})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	for _, item := range containers.Items {
		stack := note(item.Labels)
		stack.Containers++
		stack.Attach = cmp.Or(stack.Attach, item.Labels[LabelAttach])
	}
	networks, err := docker.NetworkList(ctx, client.NetworkListOptions{Filters: filter})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, item := range networks.Items {
		note(item.Labels).Networks++
	}
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: filter})
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	for _, item := range volumes.Items {
		note(item.Labels).Volumes++
	}
	var found []Found
	for _, stack := range stacks {
		found = append(found, *stack)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].ID < found[j].ID })
	return found, nil
}

// Remove removes a stack that was found: containers, networks and volumes.
func Remove(ctx context.Context, id string) error {
	docker, err := engine(ctx)
	if err != nil {
		return err
	}
	defer docker.Close()
	return removeStack(ctx, docker, id)
}

func removeStack(ctx context.Context, docker *testcontainers.DockerClient, id string) error {
	forgetClaims(id)
	err := removeContainers(ctx, docker, id)
	networks, listErr := docker.NetworkList(ctx, client.NetworkListOptions{Filters: ofStack(id)})
	errs := []error{err, unlessGone("networks", listErr)}
	for _, item := range networks.Items {
		_, err := docker.NetworkRemove(ctx, item.ID, client.NetworkRemoveOptions{})
		errs = append(errs, unlessGone("network "+item.Name, err))
	}
	return errors.Join(errs...)
}

// removeContainers removes the stack's containers and volumes.
func removeContainers(ctx context.Context, docker *testcontainers.DockerClient, id string) error {
	containers, err := docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ofStack(id)})
	errs := []error{unlessGone("containers", err)}
	// One at a time, for the reason at Stack.membership.
	for _, item := range containers.Items {
		_, err := docker.ContainerRemove(ctx, item.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		errs = append(errs, unlessGone("a container", err))
	}
	volumes, err := docker.VolumeList(ctx, client.VolumeListOptions{Filters: ofStack(id)})
	errs = append(errs, unlessGone("volumes", err))
	for _, item := range volumes.Items {
		_, err := docker.VolumeRemove(ctx, item.Name, client.VolumeRemoveOptions{Force: true})
		errs = append(errs, unlessGone("volume "+item.Name, err))
	}
	return errors.Join(errs...)
}

func ofStack(id string) client.Filters {
	return make(client.Filters).Add("label", LabelStack+"="+id)
}

func unlessGone(what string, err error) error {
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("remove %s: %w", what, err)
}
