package harness

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/internal/tap"
)

// hogProgram is what takes memory in a container for an OOM kill.
const hogProgram = "github.com/seatrial/seatrial/harness/internal/hog"

// world is the stack and the pipeline as faults see them.
type world struct {
	stack    *stack.Stack
	pipeline *pipeline.Running
	uploads  *uploads
	logs     func(context.Context, *stack.Container) error // saves a container's log before it is removed
}

func (w world) Containers(target string) ([]fault.Container, error) {
	var found []fault.Container
	does, replica := fault.SplitReplica(target)
	for _, c := range append(w.stack.Services(), w.pipeline.Doing(does)...) {
		if c.Part() == target || !isService(c.Part()) {
			found = append(found, container{Container: c, logs: w.logs})
		}
	}
	if replica > len(found) {
		return nil, fmt.Errorf("pipeline %s has %d containers that do %q, none of them is number %d: give the scenario's Deployment more replicas", w.pipeline.Spec.Name, len(found), does, replica)
	}
	if replica > 0 {
		return found[replica-1 : replica], nil
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("pipeline %s has no role that does %q and the stack no such service: declare the role or leave the scenario out", w.pipeline.Spec.Name, target)
	}
	return found, nil
}

func isService(part string) bool {
	switch part {
	case stack.SFTP, stack.RabbitMQ, stack.Successor, stack.Postgres, stack.Elasticsearch:
		return true
	}
	return false
}

func (w world) Connections(service string) (fault.Connections, error) {
	if !isService(service) {
		return nil, fmt.Errorf("no connections to %q pass the proxy: it stands before sftp, rabbitmq, rabbitmq-next, postgres and elasticsearch", service)
	}
	return connections{control: w.stack.Control, proxy: w.stack.Proxy, service: service}, nil
}

func (w world) Elastic(ctx context.Context, method, path string, body, answer any) error {
	return w.stack.Elastic(ctx, method, path, body, answer)
}

func (w world) Hog(ctx context.Context) ([]byte, error) {
	path, err := image.Build(ctx, hogProgram)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// part returns the container with that name, of services and pipeline.
func (w world) part(name string) (*stack.Container, error) {
	for _, c := range append(w.stack.Services(), w.pipeline.Containers()...) {
		if c.Part() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no container %s in this run", name)
}

// undo takes one step back.
func (w world) undo(ctx context.Context, step fault.Undo) error {
	switch step.Do {
	case fault.UndoRemoveToxic:
		return w.stack.Control.RemoveToxic(step.Target, step.Args["name"])
	case fault.UndoCut:
		return w.stack.Control.SetOpen(step.Target, true)
	case fault.UndoSetting:
		return w.putSetting(ctx, step.Args["name"])
	case fault.UndoQueue:
		return w.deleteOther(ctx, step.Args["queue"], step.Args["arguments"])
	case fault.UndoIndexSetting:
		return w.putIndexSetting(ctx, step.Args["index"], step.Args["name"], step.Args["value"])
	case fault.UndoVhost:
		return w.putVhost(ctx)
	case fault.UndoUnlock:
		return w.unlock(ctx, step.Args["holder"])
	case fault.UndoManage:
		return w.manage(ctx, step.Args["method"], step.Args["path"], step.Args["body"])
	case fault.UndoEval:
		return w.evaluate(ctx, step.Args["expression"])
	case fault.UndoConfig:
		return w.putConfig(ctx, step.Args["name"])
	case fault.UndoDisk:
		return w.putDisk(ctx)
	case fault.UndoFolder:
		return w.stack.PutSFTPFolder(ctx, step.Args["name"], step.Args["mode"])
	case fault.UndoFull:
		return w.stack.EmptySFTP(ctx)
	case fault.UndoHostKey:
		return w.stack.PutSFTPKey(ctx)
	case fault.UndoRemove:
		return w.pipeline.Undouble(ctx, step.Target, w.logs)
	}
	c, err := w.part(step.Target)
	if err != nil {
		return err
	}
	state, err := c.Inspect(ctx)
	if err != nil {
		return err
	}
	switch step.Do {
	case fault.UndoStart:
		if state.Running {
			return nil
		}
		return c.StartAgain(ctx)
	case fault.UndoUnpause:
		return c.Unpause(ctx)
	case fault.UndoAckTimeout:
		if !state.Running {
			return nil // it is forgotten with the process
		}
		return fault.SetAckTimeout(ctx, container{Container: c, logs: w.logs}, step.Args["consumer_timeout"], step.Args["channel_tick_interval"])
	case fault.UndoThaw:
		if !state.Running {
			return nil
		}
		return fault.Thaw(ctx, container{Container: c, logs: w.logs})
	case fault.UndoConnect:
		return c.Connect(ctx)
	case fault.UndoCreate:
		switch {
		case state.ID == "":
			return c.CreateAgain(ctx)
		case !state.Running: // it was created, and starting it failed
			return c.StartAgain(ctx)
		}
		return nil
	}
	return fmt.Errorf("undo step %q is not known", step.Do)
}

// putSetting puts a cluster setting back to its default. Elasticsearch may
// just be coming back: it is asked until the context ends.
func (w world) putSetting(ctx context.Context, name string) error {
	none := map[string]any{"persistent": map[string]any{name: nil}}
	for {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := w.stack.Elastic(try, http.MethodPut, "/_cluster/settings", none, nil)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// container is a stack's container as faults see it.
type container struct {
	*stack.Container
	logs func(context.Context, *stack.Container) error
}

func (c container) State(ctx context.Context) (fault.State, error) {
	s, err := c.Inspect(ctx)
	return fault.State{ID: s.ID, Status: s.Status, Running: s.Running, Paused: s.Paused, OOMKilled: s.OOMKilled, ExitCode: s.ExitCode, StartedAt: s.StartedAt}, err
}

// Stop rounds grace up: the engine knows whole seconds only, and 0 is no grace.
func (c container) Stop(ctx context.Context, grace time.Duration) error {
	return c.StopGently(ctx, (grace + time.Second - 1).Truncate(time.Second))
}

func (c container) Start(ctx context.Context) error { return c.StartAgain(ctx) }

func (c container) Remove(ctx context.Context, volumes bool) error {
	if err := c.logs(ctx, c.Container); err != nil {
		return err
	}
	if err := c.Container.Remove(ctx); err != nil || !volumes {
		return err
	}
	return c.RemoveVolumes(ctx)
}

// connections are the pipeline's connections to one service.
type connections struct {
	control *tap.Control
	proxy   *stack.Container
	service string
}

func (c connections) AddToxic(name, kind, stream string, attributes map[string]any) error {
	return c.control.AddToxic(c.service, name, kind, stream, attributes)
}

func (c connections) HasToxic(name string) (bool, error) { return c.control.HasToxic(c.service, name) }

func (c connections) From(ctx context.Context) (string, error) {
	state, err := c.proxy.Inspect(ctx)
	if err == nil && state.IP == "" {
		err = fmt.Errorf("the proxy is %s and has no address", state.Status)
	}
	return state.IP, err
}

func (c connections) Open() (bool, error) { return c.control.Open(c.service) }

func (c connections) SetOpen(open bool) error { return c.control.SetOpen(c.service, open) }

func (c connections) Canary(ctx context.Context) (fault.Canary, error) {
	flown, err := c.control.Canary(ctx, c.service)
	return fault.Canary{Took: time.Duration(flown.Seconds * float64(time.Second)), Err: flown.Error, GaveUp: flown.GaveUp}, err
}
