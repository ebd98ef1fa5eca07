package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// fakeWorld is a world whose parts do what a test says.
type fakeWorld struct {
	parts       map[string][]*fakeContainer
	connections *fakeConnections
	files       *fakeFiles
	broker      Broker
	health      []string // answers of Elasticsearch, one after the other; the last one stays
	asked       []string // requests to Elasticsearch
	uploads     Uploads
	doubles     map[string][]string
}

func (w *fakeWorld) Containers(target string) ([]Container, error) {
	var list []Container
	for _, c := range w.parts[target] {
		list = append(list, c)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no role does %q", target)
	}
	return list, nil
}

func (w *fakeWorld) Connections(service string) (Connections, error) {
	if w.connections == nil {
		return nil, fmt.Errorf("no connections to %q", service)
	}
	return w.connections, nil
}

func (w *fakeWorld) Broker() Broker { return w.broker }

func (w *fakeWorld) Elastic(_ context.Context, method, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.asked = append(w.asked, method+" "+path+" "+string(raw))
	if answer == nil {
		return nil
	}
	if len(w.health) == 0 {
		return errors.New("connection refused")
	}
	next := w.health[0]
	if len(w.health) > 1 {
		w.health = w.health[1:]
	}
	return json.Unmarshal([]byte(next), answer)
}

func (w *fakeWorld) Documents() (Documents, error) {
	return Documents{Alias: "people", Field: "version"}, nil
}

func (w *fakeWorld) Postgres(context.Context, string) (*pgx.Conn, error) {
	return nil, errors.New("connect to postgres: connection refused")
}

func (w *fakeWorld) Table() (string, error) { return "", errors.New("no table declared") }

func (w *fakeWorld) Uploads() Uploads { return w.uploads }

func (w *fakeWorld) Doubles(role string) []string { return w.doubles[role] }

func (w *fakeWorld) Double(_ context.Context, role string) ([]Container, error) {
	var list []Container
	for _, name := range w.doubles[role] {
		list = append(list, up(name))
	}
	return list, nil
}

func (w *fakeWorld) Files() FileServer { return w.files }

func (w *fakeWorld) Hog(context.Context) ([]byte, error) { return []byte("hog"), nil }

// fakeContainer keeps a state and notes what is done to it.
type fakeContainer struct {
	part   string
	state  State
	limit  int64
	did    []string
	broken error        // every act fails with it
	exec   func() error // what an exec does
	says   string       // what it prints

	networks []string
	received uint64
	said     string
	acts     map[string]State // state after an act, where it is not the usual one
}

func up(part string) *fakeContainer {
	return &fakeContainer{part: part, limit: 1 << 20, state: State{ID: part + "-1", Status: "running", Running: true, StartedAt: time.Unix(1, 0)}}
}

func (c *fakeContainer) act(name string, usual State) error {
	if c.broken != nil {
		return c.broken
	}
	c.did = append(c.did, name)
	c.state = usual
	if state, ok := c.acts[name]; ok {
		c.state = state
	}
	return nil
}

func (c *fakeContainer) Part() string                         { return c.part }
func (c *fakeContainer) State(context.Context) (State, error) { return c.state, nil }
func (c *fakeContainer) MemoryLimit() int64                   { return c.limit }

func (c *fakeContainer) Kill(context.Context) error {
	return c.act("kill", State{ID: c.state.ID, Status: "exited", ExitCode: 137})
}

func (c *fakeContainer) Stop(_ context.Context, grace time.Duration) error {
	return c.act("stop "+grace.String(), State{ID: c.state.ID, Status: "exited"})
}

func (c *fakeContainer) Start(context.Context) error {
	return c.act("start", State{ID: c.state.ID, Status: "running", Running: true, StartedAt: time.Unix(2, 0)})
}

func (c *fakeContainer) StayDown(context.Context) error { return nil }

func (c *fakeContainer) Pause(context.Context) error {
	return c.act("pause", State{ID: c.state.ID, Status: "paused", Running: true, Paused: true})
}

func (c *fakeContainer) Remove(_ context.Context, volumes bool) error {
	return c.act(fmt.Sprintf("remove volumes=%t", volumes), State{Status: "removed"})
}

func (c *fakeContainer) CopyIn(_ context.Context, path string, mode int64, _ []byte) error {
	c.did = append(c.did, fmt.Sprintf("copy %s %o", path, mode))
	return c.broken
}

func (c *fakeContainer) Exec(_ context.Context, user string, command ...string) (string, error) {
	c.did = append(c.did, "exec "+user+" "+strings.Join(command, " "))
	return c.says, c.exec()
}

func (c *fakeContainer) Ready(context.Context) (string, error) {
	if !c.state.Running {
		return "", fmt.Errorf("%s is %s", c.part, c.state.Status)
	}
	return "works", nil
}

func (c *fakeContainer) Networks(context.Context) ([]string, error) { return c.networks, c.broken }

func (c *fakeContainer) Disconnect(context.Context) error {
	c.did, c.networks = append(c.did, "disconnect"), nil
	return c.broken
}

func (c *fakeContainer) Received(context.Context) (uint64, error) { return c.received, c.broken }

func (c *fakeContainer) Said(context.Context) (string, error) { return c.said, c.broken }

// fakeConnections has toxics and canaries.
type fakeConnections struct {
	toxics   map[string]string // name → kind, stream and attributes
	canaries []Canary          // one after the other; the last one stays
	cut      bool
}

func (c *fakeConnections) Open() (bool, error) { return !c.cut, nil }

func (c *fakeConnections) SetOpen(open bool) error {
	c.cut = !open
	return nil
}

func (c *fakeConnections) AddToxic(name, kind, stream string, attributes map[string]any) error {
	raw, err := json.Marshal(attributes)
	if err != nil {
		return err
	}
	c.toxics[name] = kind + " " + stream + " " + string(raw)
	return nil
}

func (c *fakeConnections) From(context.Context) (string, error) { return "10.0.0.9", nil }

func (c *fakeConnections) HasToxic(name string) (bool, error) {
	_, has := c.toxics[name]
	return has, nil
}

func (c *fakeConnections) Canary(context.Context) (Canary, error) {
	next := c.canaries[0]
	if len(c.canaries) > 1 {
		c.canaries = c.canaries[1:]
	}
	return next, nil
}
