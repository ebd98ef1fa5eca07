package stack

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/internal/tap/hostkey"
)

// Memory limits. Each leaves room above what the service needs and is low
// enough for a kernel OOM kill to come quickly.
const (
	mib               = 1 << 20
	sftpMemory        = 128 * mib
	rabbitMemory      = 768 * mib
	postgresMemory    = 512 * mib
	elasticMemory     = 1024 * mib
	proxyMemory       = 256 * mib
	placeMemory       = 32 * mib
	postgresDisk      = 32 * mib  // of the disk that a fault may fill
	DefaultRoleMemory = 256 * mib // of a pipeline's container that declares none
)

const (
	sftpUser     = "importer"
	database     = "imports"
	postgresUser = "seatrial"
	vhost        = "imports"

	readyWithin = 3 * time.Minute
)

// Service names: as the pipeline resolves them, and as faults name them.
const (
	SFTP          = "sftp"
	RabbitMQ      = "rabbitmq"
	Postgres      = "postgres"
	Elasticsearch = "elasticsearch"
	Proxy         = "proxy"

	management          = "management" // RabbitMQ's second port
	successorManagement = "management-next"
)

// port is where each service listens.
var port = map[string]string{SFTP: "22", RabbitMQ: "5672", Postgres: "5432", Elasticsearch: "9200"}

// published are what has a port on 127.0.0.1 of its own; tapped what has another
// one that leads there through its tap, where a pipeline is to be attached.
var (
	published = []string{SFTP, RabbitMQ, Postgres, Elasticsearch, Proxy, management, Successor, successorManagement}
	tapped    = []string{SFTP, RabbitMQ, Postgres, Elasticsearch, Successor}
)

// portsNeeded is how many ports of 127.0.0.1 the stack has.
func (s *Stack) portsNeeded() int {
	if s.options.Attach == "" {
		return len(published)
	}
	return len(published) + len(tapped)
}

// newHostKey makes a key for the SFTP server. encoded is its private part, PEM.
func newHostKey() (key ssh.Signer, encoded []byte, err error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "seatrial")
	if err != nil {
		return nil, nil, fmt.Errorf("encode a host key: %w", err)
	}
	key, err = ssh.NewSignerFromSigner(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a host key: %w", err)
	}
	return key, pem.EncodeToMemory(block), nil
}

// credentials draws what is secret in this stack and gives out its ports.
func (s *Stack) credentials(ports []int) error {
	s.published, s.tapped = map[string]int{}, map[string]int{}
	for i, name := range published {
		s.published[name] = ports[i]
	}
	for i, port := range ports[len(published):] {
		s.tapped[tapped[i]] = port
	}
	signer, encoded, err := newHostKey()
	if err != nil {
		return err
	}
	second, err := hostkey.ECDSA(signer)
	if err != nil {
		return err
	}
	authorized := func(key ssh.Signer) string {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	}
	s.hostKey = encoded
	s.token = rand.Text()
	address := func(service string) string { return fmt.Sprintf("127.0.0.1:%d", s.published[service]) }
	postgresPassword := rand.Text()
	s.endpoints = Endpoints{
		SFTPAddr: address(SFTP), SFTPUser: sftpUser, SFTPPassword: rand.Text(),
		SFTPHostKey: authorized(signer), SFTPECDSAKey: authorized(second),
		AMQPAddr: address(RabbitMQ), AMQPUser: "seatrial", AMQPPassword: rand.Text(), AMQPVhost: vhost,
		ManagementURL:    "http://" + address(management),
		PostgresURL:      fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", postgresUser, postgresPassword, address(Postgres), database),
		ElasticsearchURL: "http://" + address(Elasticsearch),
	}
	s.postgresPassword = postgresPassword
	return nil
}

// startServices starts all containers at once and waits for all of them. The
// slowest, RabbitMQ, comes first and has the greater weight while the
// processors are contended.
func (s *Stack) startServices(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	proxy, err := s.proxy(ctx)
	if err != nil {
		return err
	}
	parts := []struct {
		into    **Container
		request Request
	}{
		{&s.RabbitMQ, s.rabbitmq()},
		{&s.Elasticsearch, s.elasticsearch()},
		{&s.Postgres, s.postgres()},
		{&s.SFTP, s.sftp()},
		{&s.Proxy, proxy},
	}
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		if s.options.Only != nil && !slices.Contains(s.options.Only, part.request.Part) {
			continue
		}
		group.Go(func() (err error) {
			*part.into, err = s.Start(ctx, part.request)
			if err != nil {
				return err
			}
			if _, err := (*part.into).Ready(ctx); err != nil {
				return err
			}
			s.took(part.request.Part, begun)
			s.options.Progress(part.request.Part + " is ready")
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.took("stack", begun)
	return nil
}

func (s *Stack) took(part string, begun time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Seconds[part] = time.Since(begun).Seconds()
}

// behind is the name by which the proxy finds a service on the back network.
func behind(service string) string { return service + ".back" }

func (s *Stack) service(name string, kind image.Kind) Request {
	return Request{
		Part:      name,
		Image:     s.Images[kind].Ref,
		Networks:  map[string][]string{s.back: {behind(name)}},
		Published: map[string]int{port[name] + "/tcp": s.published[name]},
		Probe:     s.probe(name),
		CPUShares: 512,
	}
}

func (s *Stack) sftp() Request {
	request := s.service(SFTP, image.SFTP)
	request.Command = []string{fmt.Sprintf("%s:%s:1001:100:%s", sftpUser, s.endpoints.SFTPPassword, strings.Join(s.folders(), ","))}
	request.Files = []testcontainers.ContainerFile{{
		Reader: strings.NewReader(string(s.hostKey)), ContainerFilePath: "/etc/ssh/ssh_host_ed25519_key", FileMode: 0o600,
	}}
	request.MemoryBytes = sftpMemory
	return request
}

func (s *Stack) postgres() Request {
	request := s.service(Postgres, image.Postgres)
	request.Command = []string{"postgres", "-c", "max_connections=200"}
	request.Env = map[string]string{"POSTGRES_USER": postgresUser, "POSTGRES_PASSWORD": s.postgresPassword, "POSTGRES_DB": database}
	request.Volumes = map[string]string{"postgres-data": "/var/lib/postgresql/data"}
	request.Tmpfs = map[string]int64{fault.PostgresDisk: postgresDisk}
	request.MemoryBytes = postgresMemory
	return request
}

func (s *Stack) elasticsearch() Request {
	request := s.service(Elasticsearch, image.Elasticsearch)
	request.Env = map[string]string{
		"discovery.type":         "single-node",
		"xpack.security.enabled": "false",
		"ES_JAVA_OPTS":           "-Xms256m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
	}
	request.Volumes = map[string]string{"elasticsearch-data": "/usr/share/elasticsearch/data"}
	request.MemoryBytes = elasticMemory
	return request
}

func (s *Stack) proxy(ctx context.Context) (Request, error) {
	subnet, err := s.subnet(ctx, s.back)
	if err != nil {
		return Request{}, err
	}
	// Upstreams are looked up whenever somebody connects: the successor may not be there yet.
	upstream := map[string]string{Successor: port[RabbitMQ]}
	maps.Copy(upstream, port)
	ports := map[string]int{tap.ControlPort + "/tcp": s.published[Proxy]}
	var routes []string
	for _, name := range tapped {
		route := fmt.Sprintf("%s=:%s=%s:%s", name, tapPort(name), behind(name), upstream[name])
		if at, ok := s.tapped[name]; ok { // the same number inside: nobody else listens in that container
			route += fmt.Sprintf("=:%d", at)
			ports[fmt.Sprintf("%d/tcp", at)] = at
		}
		routes = append(routes, route)
	}
	s.Control = tap.NewControl(fmt.Sprintf("127.0.0.1:%d", s.published[Proxy]), s.token)
	reached, err := s.reach()
	if err != nil {
		return Request{}, fmt.Errorf("say how the stack is reached: %w", err)
	}
	return Request{
		Part:   Proxy,
		Image:  s.Images["proxy"].Ref,
		Labels: map[string]string{LabelReach: reached, LabelAttach: s.options.Attach},
		Env: map[string]string{"SEATRIAL_TOKEN": s.token, "SEATRIAL_CONTROL": subnet, "SEATRIAL_ROUTES": strings.Join(routes, ","),
			"SEATRIAL_PREFIX": s.prefix,
			// The tap shows the server's own host key: clients that pin it need not know of the tap.
			"SEATRIAL_SFTP_HOST_KEY": string(s.hostKey)},
		Networks:    map[string][]string{s.back: nil, s.front: {SFTP, RabbitMQ, Successor, Postgres, Elasticsearch}},
		Published:   ports,
		MemoryBytes: proxyMemory,
		Probe: func(ctx context.Context) (string, error) {
			return "control interface answers", s.Control.Ready(ctx)
		},
	}, nil
}

// tapPort is where the tap of a service listens on the network of pipelines.
func tapPort(service string) string {
	if service == Successor {
		return successorPort
	}
	return port[service]
}

// PipelineVariables are the names that a pipeline's description may use for what
// PipelineEnv returns.
var PipelineVariables = func() []string {
	return slices.Sorted(maps.Keys((&Stack{}).PipelineEnv()))
}()

// PipelineEnv returns what a pipeline needs to reach the services, through
// the proxy, by the names that a pipeline's description may use.
func (s *Stack) PipelineEnv() map[string]string {
	return s.env(func(service string) (host, port string) { return service, tapPort(service) })
}

// AttachedEnv returns the same for a pipeline on this machine; nil where the taps
// are not published.
func (s *Stack) AttachedEnv() map[string]string {
	if len(s.tapped) == 0 {
		return nil
	}
	return s.env(func(service string) (host, port string) { return "127.0.0.1", strconv.Itoa(s.tapped[service]) })
}

func (s *Stack) env(reached func(service string) (host, port string)) map[string]string {
	env := map[string]string{
		"SFTP_USER": sftpUser, "SFTP_PASSWORD": s.endpoints.SFTPPassword, "SFTP_HOST_KEY": s.endpoints.SFTPHostKey, "SFTP_HOST_KEY_ECDSA": s.endpoints.SFTPECDSAKey,
		"AMQP_USER": s.endpoints.AMQPUser, "AMQP_PASSWORD": s.endpoints.AMQPPassword, "AMQP_VHOST": vhost,
		"POSTGRES_USER": postgresUser, "POSTGRES_PASSWORD": s.postgresPassword, "POSTGRES_DATABASE": database,
	}
	at := map[string]string{}
	for name, service := range map[string]string{"SFTP": SFTP, "AMQP": RabbitMQ, "NEXT_AMQP": Successor, "POSTGRES": Postgres, "ELASTICSEARCH": Elasticsearch} {
		host, port := reached(service)
		env[name+"_HOST"], env[name+"_PORT"], at[name] = host, port, host+":"+port
	}
	env["SFTP_ADDR"] = at["SFTP"]
	for _, name := range []string{"AMQP", "NEXT_AMQP"} {
		env[name+"_URL"] = fmt.Sprintf("amqp://%s:%s@%s/%s", s.endpoints.AMQPUser, s.endpoints.AMQPPassword, at[name], vhost)
	}
	env["POSTGRES_URL"] = fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", postgresUser, s.postgresPassword, at["POSTGRES"], database)
	env["ELASTICSEARCH_URL"] = "http://" + at["ELASTICSEARCH"]
	return env
}

// AttachedPipeline returns the pipeline that the stack was started for, where
// other processes may attach to it; empty: they may not.
func (s *Stack) AttachedPipeline() string { return s.options.Attach }
