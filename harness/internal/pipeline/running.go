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
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/internal/stack"
)

// Running is a pipeline whose containers run on a stack.
type Running struct {
	Spec Spec
	// Removing is told of a container of a role before a deployment removes it;
	// may be nil.
	Removing func(context.Context, *stack.Container) error

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
	part := role.Part(replica)
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
		Networks: map[string][]string{network: {part}}, Placed: true, MemoryBytes: memory,
	}
}

// Doing returns the containers of the roles that do what is named (Collect,
// Load, Index, Export), or that have that name.
func (r *Running) Doing(what string) []*stack.Container {
	var found []*stack.Container
	for _, s := range r.roles {
		if s.role.Is(what) {
			found = append(found, s.containers...)
		}
	}
	return append(found, r.doubles.doing(what)...)
}

// stopWithin is how long a container may take to stop before it is killed.
const stopWithin = 2 * time.Second

// Operate does one of the declared operations and returns the role it was done
// on and what is said of it: the last line that a command printed.
func (r *Running) Operate(ctx context.Context, name string, args map[string]string) (role, said string, err error) {
	operation, ok := r.Spec.Operations[name]
	if !ok {
		return "", "", fmt.Errorf("pipeline %s declares no operation %q: declare what does it", r.Spec.Name, name)
	}
	fill := func(text string) string {
		return os.Expand(text, func(variable string) string { return args[variable] })
	}
	wanted := fill(operation.Role)
	for i, s := range r.roles {
		if !s.role.Is(wanted) {
			continue
		}
		if len(operation.Env) > 0 {
			said, err = r.reconfigure(ctx, i, operation.Env, args)
			return s.role.Name, said, err
		}
		var command []string
		for _, word := range operation.Command {
			command = append(command, fill(word))
		}
		replica := 1
		if number := args["replica"]; number != "" {
			if replica, err = strconv.Atoi(number); err != nil || replica < 1 || replica > len(s.containers) {
				return s.role.Name, "", fmt.Errorf("operation %s is for replica %q of role %s, which has %d", name, number, s.role.Name, len(s.containers))
			}
		}
		said, err = s.containers[replica-1].Exec(ctx, "", command...)
		said = strings.TrimSpace(said)
		said = said[strings.LastIndexByte(said, '\n')+1:]
		if err != nil {
			return s.role.Name, said, fmt.Errorf("%s in %s: %w", strings.Join(command, " "), s.role.Name, err)
		}
		return s.role.Name, said, nil
	}
	return wanted, "", fmt.Errorf("operation %s of pipeline %s is for role %q, which it does not have", name, r.Spec.Name, wanted)
}

// reconfigure changes a role's environment and makes its containers anew.
func (r *Running) reconfigure(ctx context.Context, i int, changes, args map[string]string) (said string, err error) {
	role := r.roles[i].role
	role.Env = maps.Clone(role.Env)
	for name, value := range changes {
		role.Env[name] = os.Expand(value, func(variable string) string {
			if given, ok := args[variable]; ok {
				return given
			}
			return "${" + variable + "}" // the stack's to fill in
		})
	}
	r.roles[i].role.Env = role.Env
	for replica, c := range r.roles[i].containers {
		if err := c.StopGently(ctx, stopWithin); err != nil {
			return "", err
		}
		if r.Removing != nil {
			if err := r.Removing(ctx, c); err != nil {
				return "", err
			}
		}
		if err := c.Reconfigure(ctx, request(role, replica, r.stack.Front(), r.stack.PipelineEnv()).Env); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("made anew with another %s", strings.Join(slices.Sorted(maps.Keys(changes)), ", ")), nil
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
	var errs []error
	for _, c := range r.Containers() {
		errs = append(errs, c.Remove(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, name := range r.Spec.Volumes {
		errs = append(errs, r.stack.RemoveVolume(ctx, name))
	}
	return errors.Join(errs...)
}
