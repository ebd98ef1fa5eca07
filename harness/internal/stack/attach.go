package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/internal/tap"
)

// ErrGone is wrapped by the error of attaching to a stack that does not stand.
var ErrGone = errors.New("the stack does not stand any more")

// ErrAlive is wrapped by the error of attaching to a stack whose process lives.
var ErrAlive = errors.New("the stack's process is alive")

// reach is what another process needs to act on a stack as its own process
// does. It stands on the proxy's container, which no fault removes, and holds no
// secret that the containers' environments do not hold as well.
type reach struct {
	Endpoints        Endpoints             `json:"endpoints"`
	Published        map[string]int        `json:"published"`
	Tapped           map[string]int        `json:"tapped,omitempty"`
	HostKey          string                `json:"host_key"` // private, PEM
	Token            string                `json:"token"`
	PostgresPassword string                `json:"postgres_password"`
	Images           map[image.Kind]string `json:"images"` // as docker run gets them
	Folders          []string              `json:"folders,omitempty"`
}

func (s *Stack) reach() (string, error) {
	images := map[image.Kind]string{}
	for kind, found := range s.Images {
		images[kind] = found.Ref
	}
	raw, err := json.Marshal(reach{Endpoints: s.endpoints, Published: s.published, Tapped: s.tapped, HostKey: string(s.hostKey), Token: s.token,
		PostgresPassword: s.postgresPassword, Images: images, Folders: s.options.Folders})
	return string(raw), err
}

// take fills in what credentials and resolve drew and found in the process
// that started the stack.
func (s *Stack) take(label string) error {
	var known reach
	if err := json.Unmarshal([]byte(label), &known); err != nil {
		return fmt.Errorf("read how stack %s is reached: %w", s.ID, err)
	}
	s.endpoints, s.published, s.tapped, s.hostKey = known.Endpoints, known.Published, known.Tapped, []byte(known.HostKey)
	s.token, s.postgresPassword, s.options.Folders = known.Token, known.PostgresPassword, known.Folders
	for kind, ref := range known.Images {
		s.Images[kind] = image.Image{Kind: kind, Ref: ref}
	}
	s.Control = tap.NewControl(fmt.Sprintf("127.0.0.1:%d", s.published[Proxy]), s.token)
	return nil
}

// Attach takes over a stack whose process died, with everything on it, so that
// this process can act on it. It holds the stack's lock until Detach. A stack
// with Options.Attach is shared instead: with its own process, and with others.
// Roles are the containers that are no service's: those of the pipeline. They
// can be acted on, and not made anew.
func Attach(ctx context.Context, id string) (s *Stack, roles []*Container, err error) {
	docker, err := engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	s = &Stack{ID: id, docker: docker, prefix: "seatrial-" + id + "-", Seconds: map[string]float64{}, Images: map[image.Kind]image.Image{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Detach())
		}
	}()
	parts, err := s.standing(ctx)
	if err != nil {
		return s, nil, err
	}
	proxy, ok := parts[Proxy]
	if !ok || proxy[LabelReach] == "" {
		return s, nil, fmt.Errorf("stack %s has no proxy that says how it is reached: it never stood, or an older version started it (seatrial clean removes it)", id)
	}
	s.owner, s.options.Attach = proxy[LabelLock], proxy[LabelAttach]
	if s.options.Attach == "" {
		if held(proxy[LabelLock]) {
			return s, nil, fmt.Errorf("stack %s: %w", id, ErrAlive)
		}
		if s.lock, err = takeLock(id); err != nil {
			return s, nil, err
		}
		s.owner = s.lock.path
	}
	s.keep = proxy[LabelKeep] == "true"
	if err := s.take(proxy[LabelReach]); err != nil {
		return s, nil, err
	}
	if err := s.adoptServices(ctx, parts); err != nil {
		return s, nil, err
	}
	for part := range parts {
		if !slices.Contains([]string{SFTP, RabbitMQ, Successor, Postgres, Elasticsearch, Proxy, sftpMounts}, part) && !strings.HasSuffix(part, placeSuffix) {
			_, placed := parts[part+placeSuffix]
			roles = append(roles, &Container{stack: s, request: Request{Part: part, Placed: placed, Networks: map[string][]string{s.front: {part}}}})
		}
	}
	return s, roles, nil
}

// standing returns the labels of the stack's containers by their parts, and
// learns the names of its networks.
func (s *Stack) standing(ctx context.Context) (map[string]map[string]string, error) {
	containers, err := s.docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ofStack(s.ID)})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	if len(containers.Items) == 0 {
		return nil, fmt.Errorf("stack %s: %w", s.ID, ErrGone)
	}
	parts := map[string]map[string]string{}
	for _, item := range containers.Items {
		parts[item.Labels[LabelPart]] = item.Labels
	}
	networks, err := s.docker.NetworkList(ctx, client.NetworkListOptions{Filters: ofStack(s.ID)})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, item := range networks.Items {
		switch item.Labels[LabelPart] {
		case "front":
			s.front = item.Name
		case "back":
			s.back = item.Name
		}
	}
	return parts, nil
}

// adoptServices makes the services' containers known, also those that a fault
// has removed: what they are made from is known.
func (s *Stack) adoptServices(ctx context.Context, parts map[string]map[string]string) error {
	proxy, err := s.proxy(ctx)
	if err != nil {
		return err
	}
	broker := s.rabbitmq()
	ephemeral, err := s.brokerIsEphemeral(ctx)
	if err != nil {
		return err
	}
	if ephemeral {
		broker = s.ephemeralRabbitMQ()
	}
	adopt := func(request Request) *Container { return &Container{stack: s, request: request} }
	s.SFTP, s.RabbitMQ, s.Postgres, s.Elasticsearch, s.Proxy = adopt(s.sftp()), adopt(broker), adopt(s.postgres()), adopt(s.elasticsearch()), adopt(proxy)
	if _, ok := parts[Successor]; ok {
		s.next.Store(adopt(s.successor()))
		_, first := parts[RabbitMQ]
		s.RabbitMQ.removed.Store(!first)
	}
	return nil
}

// brokerIsEphemeral says whether the broker was deployed with its state on the
// container's own disk: then it has no volume.
func (s *Stack) brokerIsEphemeral(ctx context.Context) (bool, error) {
	for name := range s.rabbitmq().Volumes {
		_, err := s.docker.VolumeInspect(ctx, s.prefix+name, client.VolumeInspectOptions{})
		if errdefs.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("inspect volume %s: %w", name, err)
		}
	}
	return false, nil
}

// Detach lets go of a stack that was attached to, and leaves it standing.
func (s *Stack) Detach() error {
	if s.lock != nil {
		s.lock.release()
	}
	return s.docker.Close()
}
