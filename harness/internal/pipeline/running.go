package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// Running is a pipeline whose containers run on a stack.
type Running struct {
	Spec    Spec
	stack   *stack.Stack
	roles   []started
	doubles doubles
}

type started struct {
	role       Role
	containers []*stack.Container
}

// Start starts all roles of a pipeline at once. On an error what was started
// is removed.
func Start(ctx context.Context, s *stack.Stack, spec Spec) (*Running, error) {
	running := &Running{Spec: spec, stack: s}
	group, gctx := errgroup.WithContext(ctx)
	env := s.PipelineEnv()
	for _, role := range spec.Roles {
		replicas := max(role.Replicas, 1)
		containers := make([]*stack.Container, replicas)
		running.roles = append(running.roles, started{role: role, containers: containers})
		for i := range replicas {
			request := request(role, i, s.Front(), env)
			group.Go(func() (err error) {
				containers[i], err = s.Start(gctx, request)
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, running.Stop(context.WithoutCancel(ctx)))
	}
	return running, nil
}

func request(role Role, replica int, network string, env map[string]string) stack.Request {
	part := role.Name
	if replica > 0 {
		part = fmt.Sprintf("%s-%d", role.Name, replica+1)
	}
	filled := map[string]string{}
	for name, value := range role.Env {
		filled[name] = os.Expand(value, func(variable string) string { return env[variable] })
	}
	memory := role.MemoryBytes
	if memory == 0 {
		memory = stack.DefaultRoleMemory
	}
	return stack.Request{
		Part: part, Image: role.Image, Command: role.Command, Env: filled, Volumes: role.Mounts,
		Networks: map[string][]string{network: {part}}, MemoryBytes: memory,
	}
}

// Doing returns the containers of the roles that do what is named (Collect,
// Load, Index, Export).
func (r *Running) Doing(what string) []*stack.Container {
	var found []*stack.Container
	for _, s := range r.roles {
		if slices.Contains(s.role.Does, what) {
			found = append(found, s.containers...)
		}
	}
	return append(found, r.doubles.doing(what)...)
}

// Operate does one of the declared operations and returns the role in whose
// container it ran and the last line that it printed.
func (r *Running) Operate(ctx context.Context, name string, args map[string]string) (role, said string, err error) {
	operation, ok := r.Spec.Operations[name]
	if !ok {
		return "", "", fmt.Errorf("pipeline %s declares no operation %q: declare the command that does it", r.Spec.Name, name)
	}
	var command []string
	for _, word := range operation.Command {
		command = append(command, os.Expand(word, func(variable string) string { return args[variable] }))
	}
	for _, s := range r.roles {
		if s.role.Name != operation.Role {
			continue
		}
		replica := 1
		if number := args["replica"]; number != "" {
			if replica, err = strconv.Atoi(number); err != nil || replica < 1 || replica > len(s.containers) {
				return operation.Role, "", fmt.Errorf("operation %s is for replica %q of role %s, which has %d", name, number, operation.Role, len(s.containers))
			}
		}
		said, err = s.containers[replica-1].Exec(ctx, "", command...)
		said = strings.TrimSpace(said)
		said = said[strings.LastIndexByte(said, '\n')+1:]
		if err != nil {
			return operation.Role, said, fmt.Errorf("%s in %s: %w", strings.Join(command, " "), operation.Role, err)
		}
		return operation.Role, said, nil
	}
	return operation.Role, "", fmt.Errorf("operation %s of pipeline %s is for role %q, which it does not have", name, r.Spec.Name, operation.Role)
}

// Staged lists the files in the declared staging folder, by their paths in it:
// those of all containers of its role, each path once.
func (r *Running) Staged(ctx context.Context) ([]string, error) {
	staging := r.Spec.Staging
	if staging == nil {
		return nil, nil
	}
	found := map[string]bool{}
	known := false
	for _, s := range r.roles {
		if s.role.Name != staging.Role {
			continue
		}
		known = true
		for _, c := range s.containers {
			files, err := c.Files(ctx, staging.Path)
			if err != nil {
				return slices.Sorted(maps.Keys(found)), err
			}
			for _, file := range files {
				found[file] = true
			}
		}
	}
	if !known {
		return nil, fmt.Errorf("pipeline %s stages files in role %q, which it does not have", r.Spec.Name, staging.Role)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// Containers returns all containers of the pipeline.
func (r *Running) Containers() []*stack.Container {
	var all []*stack.Container
	for _, s := range r.roles {
		for _, c := range s.containers {
			if c != nil {
				all = append(all, c)
			}
		}
	}
	return append(all, r.doubles.doing("")...)
}

// Down returns what of the pipeline does not run, in words; empty: all runs.
func (r *Running) Down(ctx context.Context) (string, error) {
	var down []string
	for _, c := range r.Containers() {
		state, err := c.Inspect(ctx)
		if err != nil {
			return "", err
		}
		if !state.Running || state.Paused {
			down = append(down, fmt.Sprintf("%s is %s (exit code %d)", c.Part(), state.Status, state.ExitCode))
		}
	}
	return strings.Join(down, ", "), nil
}

// Stop removes the pipeline's containers and volumes.
func (r *Running) Stop(ctx context.Context) error {
	var group errgroup.Group
	for _, c := range r.Containers() {
		group.Go(func() error { return c.Remove(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	var errs []error
	for _, name := range r.Spec.Volumes {
		errs = append(errs, r.stack.RemoveVolume(ctx, name))
	}
	return errors.Join(errs...)
}
