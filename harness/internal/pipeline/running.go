package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
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
	extra   []started
	roles   []started
	doubles doubles
}

type started struct {
	role       Role
	containers []*stack.Container
}

// Start starts what the pipeline needs beside the services, and then all roles
// at once; each must prove that it is ready. Images must be there. On an error
// what was started is removed.
func Start(ctx context.Context, s *stack.Stack, spec Spec) (*Running, error) {
	running := &Running{Spec: spec, stack: s}
	for _, start := range []func(context.Context) error{running.startExtra, running.startRoles} {
		if err := start(ctx); err != nil {
			return nil, errors.Join(err, running.Stop(context.WithoutCancel(ctx)))
		}
	}
	return running, nil
}

func (r *Running) startExtra(ctx context.Context) (err error) {
	r.extra, err = r.startInOrder(ctx, r.Spec.Extra)
	return err
}

func (r *Running) startRoles(ctx context.Context) (err error) {
	r.roles, err = r.startInOrder(ctx, r.Spec.Roles)
	return err
}

// startInOrder starts each at once that need not come after another.
func (r *Running) startInOrder(ctx context.Context, roles []Role) ([]started, error) {
	all := make([]started, len(roles))
	ready := map[string]chan struct{}{}
	for i, role := range roles {
		all[i] = started{role: role, containers: make([]*stack.Container, max(role.Replicas, 1))}
		ready[role.Name] = make(chan struct{})
	}
	group, gctx := errgroup.WithContext(ctx)
	for _, s := range all {
		group.Go(func() error {
			for _, before := range s.role.After {
				if ready[before] == nil { // it was started with those before
					continue
				}
				select {
				case <-ready[before]:
				case <-gctx.Done():
					return gctx.Err()
				}
			}
			replicas, rctx := errgroup.WithContext(gctx)
			for i := range s.containers {
				replicas.Go(func() (err error) {
					s.containers[i], err = r.start(rctx, s.role, i)
					return err
				})
			}
			err := replicas.Wait()
			if err == nil {
				close(ready[s.role.Name])
			}
			return err
		})
	}
	return all, group.Wait()
}

// start starts one container and waits until it is ready, where its role says how
// that is seen.
func (r *Running) start(ctx context.Context, role Role, replica int) (*stack.Container, error) {
	c, err := r.stack.Start(ctx, request(role, replica, r.stack.Front(), r.stack.PipelineEnv()))
	if err != nil || role.Ready == nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(role.Ready.Within, readyWithin))
	defer cancel()
	if role.Ready.Exits {
		if err := ended(ctx, c); err != nil {
			return c, err
		}
		return nil, c.Remove(ctx) // nothing is left that could be broken, or be down
	}
	_, err = c.Ready(ctx)
	return c, err
}

// ended waits until a job has ended, with 0.
func ended(ctx context.Context, c *stack.Container) error {
	state, err := c.Down(ctx)
	if err != nil {
		return err
	}
	if state.ExitCode != 0 {
		return fmt.Errorf("%s ended with exit code %d; its last words: %s", c.Part(), state.ExitCode, c.LastWords(ctx))
	}
	return nil
}

func request(role Role, replica int, network string, env map[string]string) stack.Request {
	part := role.Part(replica)
	address := func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
	variables := map[string]string{}
	for name, value := range role.Env {
		variables[name] = filled(value, address)
	}
	var command []string
	for _, word := range role.Command {
		command = append(command, filled(word, address))
	}
	memory := role.MemoryBytes
	if memory == 0 {
		memory = stack.DefaultRoleMemory
	}
	return stack.Request{
		Part: part, Image: role.Image, User: role.User, WorkingDir: role.WorkingDir, Entrypoint: role.Entrypoint, Command: command, Env: variables, Files: files(role.Files), Volumes: role.Mounts,
		Networks: map[string][]string{network: append([]string{part}, role.Aliases...)}, Placed: true, MemoryBytes: memory, Restart: role.Restart, Proof: role.Ready.proof(env),
	}
}

// files are copied into a container before it starts: no folder of this machine
// is mounted, so that it works on an engine elsewhere too.
func files(of map[string]Script) []testcontainers.ContainerFile {
	var list []testcontainers.ContainerFile
	for _, path := range slices.Sorted(maps.Keys(of)) {
		list = append(list, testcontainers.ContainerFile{Reader: strings.NewReader(of[path].Content), ContainerFilePath: path, FileMode: 0o644})
	}
	return list
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

// readyWithin is how long a role may take to get ready, unless it says so.
const readyWithin = 2 * time.Minute

// stopWithin is how long a container may take to stop before it is killed.
const stopWithin = 2 * time.Second

// reconfigure changes a role's environment and makes its containers anew.
func (r *Running) reconfigure(ctx context.Context, i int, changes, args map[string]string) (said string, err error) {
	role := r.roles[i].role
	role.Env = maps.Clone(role.Env)
	for name, value := range changes {
		role.Env[name] = Fill(value, func(variable string) (string, bool) {
			given, ok := args[variable]
			return given, ok // the rest is the stack's to fill in
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

// Containers returns all containers of the pipeline, and those that it needs
// beside the services.
func (r *Running) Containers() []*stack.Container {
	var all []*stack.Container
	for _, s := range slices.Concat(r.extra, r.roles) {
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
