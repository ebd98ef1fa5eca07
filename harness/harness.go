package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/pipeline"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/reports"
)

// ErrInfra is what every error wraps that is the harness's or the machine's
// own: no Docker, no image, no port, no disk. It says nothing of a pipeline.
var ErrInfra = errors.New("infrastructure")

// ErrUsage is what every error wraps that comes from what was asked for:
// nothing was started.
var ErrUsage = errors.New("usage")

// Watcher is told how a run goes on. Its methods are called from several goroutines.
type Watcher interface {
	Begin(scenario, pipeline string, seed uint64, records int)
	Phase(text string)
	Marks(marks history.Marks)
	Fault(name, target, state, evidence string)
	Operation(name, state, evidence string)
	End(run reports.Run)
}

// Options of a Harness.
type Options struct {
	// Out is the folder that run folders are made in; empty: reports/out.
	Out string
	// Keep leaves the stack and the last run's pipeline running at Close.
	Keep bool
	// Pipeline names one whose services the stack is to have: in its versions, with
	// its folders and network. Empty: Reference. What needs no others can be tried
	// on the same stack.
	Pipeline string
	// Attach opens a stack for a pipeline that runs on this machine (Addresses,
	// Environment), and that other processes may use at the same time, by its id.
	// That is so for a Pipeline that is described as attached, too.
	Attach bool
	// Stack is the id of such a stack that stands, to be used instead of one of
	// one's own. It is left standing, and is emptied by nobody: what was there
	// before is told from a run's own by the tag in the keys.
	Stack string
	// Watch is told what happens; nil: nobody.
	Watch Watcher
}

// DefaultOut is where run folders are made unless Options says otherwise.
const DefaultOut = "reports/out"

// Harness is a stack of services that scenarios are run on, one after the other.
type Harness struct {
	options Options
	stack   *stack.Stack
	opened  pipeline.Spec          // whose services the stack has
	made    map[string]image.Image // images of roles, by what they are made of
	dirty   bool                   // a run has used the stack since it was last reset
	last    *pipeline.Running
}

// Open starts a stack. Errors wrap ErrInfra, or ErrUsage for a pipeline that does
// not exist. The caller must Close it.
func Open(ctx context.Context, options Options) (*Harness, error) {
	if options.Out == "" {
		options.Out = DefaultOut
	}
	if options.Watch == nil {
		options.Watch = nobody{}
	}
	if options.Stack != "" {
		return join(ctx, options)
	}
	options.Pipeline = cmp.Or(options.Pipeline, Reference)
	of, err := FindPipeline(options.Pipeline)
	if err != nil {
		return nil, err
	}
	attach := ""
	if options.Attach = options.Attach || of.Attached(); options.Attach {
		of = of.Attach()
		if attach, err = of.lasting(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(options.Out, 0o700); err != nil {
		return nil, fmt.Errorf("%w: make folder for runs: %w", ErrInfra, err)
	}
	if err := stack.CheckEngine(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	h := &Harness{options: options, opened: of.spec(Deployment{}, 1), made: map[string]image.Image{}}
	// The first that fails ends the other: one cause is told, not its echoes.
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.build(gctx) })
	group.Go(func() (err error) {
		h.stack, err = stack.Up(gctx, stack.Options{Keep: options.Keep, Progress: options.Watch.Phase,
			Pins: h.opened.Services, Folders: h.opened.Folders, Open: h.opened.OpenFront, Attach: attach})
		return err
	})
	err = group.Wait()
	if err == nil && options.Attach {
		err = pipeline.Prepare(ctx, h.stack, h.opened.Setup)
	}
	if err != nil {
		if h.stack != nil {
			err = errors.Join(err, h.stack.Down(context.WithoutCancel(ctx)))
		}
		return nil, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	return h, nil
}

// build makes what runs in containers beside the services, while these start.
func (h *Harness) build(ctx context.Context) error {
	if err := h.provide(ctx, &h.opened); err != nil {
		return err
	}
	_, err := image.Build(ctx, hogProgram)
	return err
}

// Close removes the stack and everything on it, unless it is to be kept.
func (h *Harness) Close(ctx context.Context) error {
	if h.options.Stack != "" {
		return h.stack.Detach()
	}
	if h.options.Keep {
		h.options.Watch.Phase("kept: stack " + h.stack.ID + " (seatrial down removes it)")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := h.stack.Down(ctx); err != nil {
		return fmt.Errorf("%w: remove the stack: %w (seatrial clean tries again)", ErrInfra, err)
	}
	return nil
}

// Address is where one service of the stack is reached from this machine.
type Address struct {
	Service string `json:"service"`
	URL     string `json:"url"` // past the tap, to look at what is there
	// Tapped is for a pipeline on this machine: behind it faults and breakpoints
	// act. Empty where the stack was not opened with Attach.
	Tapped string            `json:"tapped,omitempty"`
	More   map[string]string `json:"more,omitempty"`
}

// Environment returns what a pipeline on this machine needs to reach the
// services through the taps, credentials included, by the names that a
// seatrial.yaml may use; nil where the stack was not opened with Attach.
func (h *Harness) Environment() map[string]string { return h.stack.AttachedEnv() }

// Addresses returns where the services are reached, credentials included.
func (h *Harness) Addresses() []Address {
	list := h.direct()
	if env := h.Environment(); env != nil {
		for i, url := range []string{"sftp://" + env["SFTP_USER"] + ":" + env["SFTP_PASSWORD"] + "@" + env["SFTP_ADDR"], env["AMQP_URL"], env["POSTGRES_URL"], env["ELASTICSEARCH_URL"]} {
			list[i].Tapped = url
		}
	}
	return list
}

func (h *Harness) direct() []Address {
	e := h.stack.Endpoints()
	return []Address{
		{Service: stack.SFTP, URL: "sftp://" + e.SFTPUser + ":" + e.SFTPPassword + "@" + e.SFTPAddr, More: map[string]string{"host_key": e.SFTPHostKey}},
		{Service: stack.RabbitMQ, URL: "amqp://" + e.AMQPUser + ":" + e.AMQPPassword + "@" + e.AMQPAddr + "/" + e.AMQPVhost, More: map[string]string{"management": e.ManagementURL}},
		{Service: stack.Postgres, URL: e.PostgresURL},
		{Service: stack.Elasticsearch, URL: e.ElasticsearchURL},
	}
}

// StackID returns the id that all containers of the stack carry as a label.
func (h *Harness) StackID() string { return h.stack.ID }

// Found is a stack on the engine, alive or left behind.
type Found = stack.Found

// Stacks lists all stacks on the engine.
func Stacks(ctx context.Context) ([]Found, error) {
	found, err := stack.Find(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInfra, err)
	}
	return found, nil
}

// Clean removes a stack: containers, networks, volumes.
func Clean(ctx context.Context, id string) error {
	if err := stack.Remove(ctx, id); err != nil {
		return fmt.Errorf("%w: %w", ErrInfra, err)
	}
	return nil
}

// folder makes the folder of a new run: time, scenario and tag.
func (h *Harness) folder(scenario, tag string) (string, error) {
	name := fmt.Sprintf("%s-%s-%s", time.Now().UTC().Format("20060102-150405"), scenario, tag)
	dir := filepath.Join(h.options.Out, name)
	err := os.MkdirAll(h.options.Out, 0o700)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	for n := 2; errors.Is(err, fs.ErrExist); n++ { // the same tag was asked for within a second
		dir = filepath.Join(h.options.Out, fmt.Sprintf("%s-%d", name, n))
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "logs"), 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("%w: make run folder: %w", ErrInfra, err)
	}
	return dir, nil
}

// ready makes the stack as good as new for the next run: the last pipeline
// gone, every service answering, everything empty.
func (h *Harness) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, resetWithin)
	defer cancel()
	if h.last != nil {
		if err := h.last.Stop(ctx); err != nil {
			return err
		}
		h.last = nil
	}
	if !h.dirty && h.options.Stack == "" {
		return nil
	}
	if h.dirty {
		if err := h.stack.PutBack(ctx); err != nil {
			return err
		}
	}
	for _, service := range h.stack.Services() {
		if _, err := service.Ready(ctx); err != nil {
			return err
		}
	}
	if h.options.Attach {
		return nil // the pipeline runs, and would find its tables and queues gone
	}
	return h.stack.Reset(ctx)
}

// images returns what really runs of a pipeline and under it.
func (h *Harness) images(spec pipeline.Spec) []reports.Image {
	var list []reports.Image
	for _, kind := range []image.Kind{image.SFTP, image.RabbitMQ, image.Postgres, image.Elasticsearch, "proxy"} {
		list = append(list, reportImage(h.stack.Images[kind]))
	}
	for _, role := range slices.Concat(spec.Roles, spec.Extra) {
		made := h.made[madeOf(role)]
		if role.Build != nil && role.Build.Go != "" { // several roles are one program
			made.Kind = image.Kind(programName(role.Build))
		} else {
			made.Kind = image.Kind(role.Name)
		}
		if own := reportImage(made); made.Ref != "" && !slices.Contains(list, own) {
			list = append(list, own)
		}
	}
	return list
}

func reportImage(i image.Image) reports.Image {
	return reports.Image{Kind: string(i.Kind), Ref: i.Ref, Origin: i.Origin, Version: i.Version, Digest: i.Digest}
}

type nobody struct{}

func (nobody) Begin(string, string, uint64, int)    {}
func (nobody) Phase(string)                         {}
func (nobody) Marks(history.Marks)                  {}
func (nobody) Fault(string, string, string, string) {}
func (nobody) Operation(string, string, string)     {}
func (nobody) End(reports.Run)                      {}
