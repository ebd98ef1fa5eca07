package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/internal/tap"
)

// nameserver is where containers ask for names that are none of the stack's:
// nowhere.
var nameserver = []netip.Addr{loopback}

// Options of a stack.
type Options struct {
	Keep     bool              // outlives its process; `seatrial down` removes it
	Progress func(text string) // what is being done; may be nil
	// Only names the services to start; nil: all of them and the proxy. A stack
	// with less is for measuring.
	Only []string
	// Pins are the services' images and versions, where a pipeline wants its own.
	Pins map[image.Kind]image.Pin
	// Folders of the SFTP user's home, beside those that are always there.
	Folders []string
	// Open lets the pipeline reach what is beyond the stack.
	Open bool
	// Attach names the pipeline of a stack whose taps are published on 127.0.0.1,
	// too, for programs on this machine, and that other processes may attach to
	// while its own lives. Empty: it is neither.
	Attach string

	ports func(n int, reserved map[int]bool) ([]int, error) // draws ports on 127.0.0.1; nil: freePorts
}

// Stack is four services and the proxy, running.
type Stack struct {
	ID     string
	Images map[image.Kind]image.Image // of the services and the proxy
	// Seconds is how long each part took from the moment at which the first was
	// created until it proved ready; "stack" is all of them.
	Seconds map[string]float64

	SFTP, RabbitMQ, Postgres, Elasticsearch, Proxy *Container
	Control                                        *tap.Control

	next      atomic.Pointer[Container] // the broker's successor; nil: not started
	docker    *testcontainers.DockerClient
	prefix    string // of the names of containers and volumes
	front     string // network names
	back      string
	lock      *lock  // nil: another process owns the stack, or nobody does
	owner     string // path of the lock of the process that owns it
	keep      bool
	endpoints Endpoints
	options   Options

	// membership keeps containers from leaving the stack's networks while others
	// join or leave them: Docker before 20.10.27 may then lock itself up for ever
	// (moby/moby, issue 46661). They join side by side and leave one at a time. A
	// process that ends by itself cannot be kept from leaving.
	membership sync.RWMutex
	places     sync.Map // part of a role → *place

	published        map[string]int // port on 127.0.0.1 of each service and of the proxy's control
	tapped           map[string]int // port on 127.0.0.1 of each service's tap; nil: not published
	hostKey          []byte         // private, PEM
	token            string
	postgresPassword string
	mu               sync.Mutex // Seconds, while services start
}

// Up starts a stack. On an error everything it had started is removed again.
// All services are started at once; each is ready when it has answered a
// probe in its own protocol.
func Up(ctx context.Context, options Options) (*Stack, error) {
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	if options.ports == nil {
		options.ports = freePorts
	}
	docker, err := engine(ctx)
	if err != nil {
		return nil, err
	}
	id := strings.ToLower(rand.Text()[:10])
	s := &Stack{ID: id, docker: docker, prefix: "seatrial-" + id + "-", keep: options.Keep, options: options,
		Seconds: map[string]float64{}, Images: map[image.Kind]image.Image{}}
	if s.lock, err = takeLock(id); err != nil {
		return nil, err
	}
	s.owner = s.lock.path
	if err := s.up(ctx); err != nil {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return nil, errors.Join(err, s.Down(clean))
	}
	return s, nil
}

func (s *Stack) up(ctx context.Context) error {
	s.options.Progress("looking for images")
	if err := s.resolve(ctx); err != nil {
		return err
	}
	parts := "sftp, rabbitmq, postgres, elasticsearch and the proxy"
	if s.options.Only != nil {
		parts = strings.Join(s.options.Only, ", ")
	}
	s.options.Progress("starting " + parts)
	return s.startOnFreePorts(ctx)
}

// resolve finds the images of all services and of the proxy, in parallel.
func (s *Stack) resolve(ctx context.Context) error {
	var services map[image.Kind]image.Image
	var proxy image.Image
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		services, err = image.ResolvePinned(gctx, s.options.Pins, s.options.Progress, image.SFTP, image.RabbitMQ, image.Postgres, image.Elasticsearch)
		return err
	})
	group.Go(func() (err error) {
		proxy, err = image.Binary(gctx, "proxy", "github.com/seatrial/seatrial/harness/internal/tap/proxy")
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	for kind, found := range services {
		s.Images[kind] = found
	}
	s.Images["proxy"] = proxy
	return nil
}

func (s *Stack) network(ctx context.Context, part string, options ...network.NetworkCustomizer) (string, error) {
	options = append(options, network.WithLabels(s.labels(part)))
	// Not cut short, for the same reason as the making of a container.
	making, cancel := context.WithTimeout(context.WithoutCancel(ctx), createWithin)
	defer cancel()
	made, err := network.New(making, options...)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return "", fmt.Errorf("create network %s: %w (are Docker's address pools used up? `docker network ls`)", part, err)
	}
	return made.Name, nil
}

// subnet returns the address range of a network.
func (s *Stack) subnet(ctx context.Context, name string) (string, error) {
	inspected, err := s.docker.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	if err != nil {
		return "", fmt.Errorf("inspect network %s: %w", name, err)
	}
	for _, config := range inspected.Network.IPAM.Config {
		return config.Subnet.String(), nil
	}
	return "", fmt.Errorf("network %s has no subnet", name)
}

// Front returns the name of the network that pipelines are attached to.
func (s *Stack) Front() string { return s.front }

// Endpoints returns how the harness itself reaches the services.
func (s *Stack) Endpoints() Endpoints { return s.endpoints }

// RemoveVolume removes a named volume of the stack. One that is gone is no error.
func (s *Stack) RemoveVolume(ctx context.Context, name string) error {
	_, err := s.docker.VolumeRemove(ctx, s.prefix+name, client.VolumeRemoveOptions{Force: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	return nil
}

// Services returns the stack's service containers, in the order of the data's
// way; the broker's successor, once it was started, is the last.
func (s *Stack) Services() []*Container {
	services := []*Container{s.SFTP, s.RabbitMQ, s.Postgres, s.Elasticsearch}
	if next := s.next.Load(); next != nil {
		services = append(services, next)
	}
	return services
}

// Down removes everything that carries the stack's label.
func (s *Stack) Down(ctx context.Context) error {
	err := removeStack(ctx, s.docker, s.ID)
	s.lock.release()
	return errors.Join(err, s.docker.Close())
}
