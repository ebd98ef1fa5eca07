package fault

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seatrial/seatrial/harness/workload"
)

// What a fault can be aimed at: a service by its name, or a role by what it
// does, so that a scenario fits any pipeline.
const (
	SFTP          = "sftp"
	RabbitMQ      = "rabbitmq"
	Postgres      = "postgres"
	Elasticsearch = "elasticsearch"

	Successor = "rabbitmq-next" // the second broker, once it was started

	Collector = "collect" // takes files from SFTP
	Loader    = "load"    // writes Postgres
	Indexer   = "index"   // fills Elasticsearch
	Exporter  = "export"  // confirms downstream

	Workload = "workload" // what is sent
)

// Replica names one container of those that do what target names: the first
// is 1. It is a target itself.
func Replica(target string, n int) string { return fmt.Sprintf("%s/%d", target, n) }

// SplitReplica is the reverse of Replica; n is 0 for all containers.
func SplitReplica(target string) (does string, n int) {
	does, number, found := strings.Cut(target, "/")
	if n, err := strconv.Atoi(number); found && err == nil && n > 0 {
		return does, n
	}
	return target, 0
}

// Fault is a value that says what to break. It holds no state of a run: the
// same value can be injected many times.
type Fault struct {
	Name   string // "kill", "oom-kill", …
	Target string // one of the constants above, or a Replica
	Detail string // settings, in words; may be empty
	// Destroys says what of the pipeline's data is gone for good when this is
	// injected; empty where nothing is.
	Destroys string
	// Lasting says that this is a condition that holds for a while, not a
	// moment: it is proved by work that meets it, not by work that was under
	// way when it began.
	Lasting bool
	// Toxic says that this is a toxic on the pipeline's connections. The traffic
	// of a plan without any does not pass Toxiproxy.
	Toxic bool
	// Disconnects says that connections to or from the target end with this.
	Disconnects bool
	// Holds says that this breaks nothing itself: it keeps back for HoldsFor what
	// a breakpoint holds.
	Holds    bool
	HoldsFor time.Duration
	// NeedsTable says that the pipeline must have declared the table that its rows
	// are in, Consumer what the role does whose queue it must have declared; empty:
	// none.
	NeedsTable bool
	Consumer   string
	// Data changes what is sent, where the fault is in that; applied when the
	// run is planned, and left out with the plan.
	Data func(*workload.Config)

	prepare func(ctx context.Context, world World, target string) (Injection, error)
}

// Prepare looks at the target and returns the life of one injection. An error
// means that nothing was done: no match is an error, not a success.
func (f Fault) Prepare(ctx context.Context, world World) (Injection, error) {
	return f.prepare(ctx, world, f.Target)
}

// Held returns the fault as a condition that holds for a while (Lasting): it is
// proved by work that meets it, and need not strike any that is under way.
func (f Fault) Held() Fault {
	f.Lasting = true
	return f
}

// Injection is one life of a fault.
type Injection struct {
	// Undo takes the fault back; to be done last first. Each step is safe to do
	// twice and safe to do when its fault was never injected.
	Undo []Undo
	// Inject breaks.
	Inject func(ctx context.Context) error
	// Bites waits until somebody else confirms that the target is broken in the
	// intended way, and returns what was seen.
	Bites func(ctx context.Context) (string, error)
	// Healed waits until the target works again, and returns what was seen.
	Healed func(ctx context.Context) (string, error)
	// InFlight counts the operations under way when it struck, where the fault
	// travels with them; nil: counted at the target.
	InFlight func() int
}

// Undo is one step that takes something back, as data.
type Undo struct {
	Do     string            `json:"do"` // one of the constants below
	Target string            `json:"target"`
	Args   map[string]string `json:"args,omitempty"`
}

// What an Undo can do.
const (
	UndoStart       = "start"        // start the container (target) if it does not run
	UndoUnpause     = "unpause"      // unpause the container if it is paused
	UndoCreate      = "create"       // create the container anew if there is none
	UndoRemoveToxic = "remove-toxic" // take toxic args[name] off service (target)
	UndoUnlock      = "unlock"       // end Postgres's connections whose application name is args[holder]
	UndoVhost       = "vhost"        // where the pipeline's virtual host on broker (target) is down or gone, delete it and create it anew
	UndoQueue       = "queue"        // delete queue args[queue] where it is declared with other arguments than args[arguments] (JSON)
	UndoSetting     = "setting"      // put Elasticsearch's cluster setting args[name] back to its default
	UndoConfig      = "config"       // put Postgres's setting args[name] back to its default
	UndoDisk        = "disk"         // make room on Postgres's small disk and take away what was put there
	UndoThaw        = "thaw"         // have all stopped processes of the container go on
	UndoConnect     = "connect"      // put the container back on its networks
	UndoRemove      = "remove"       // remove the container, which a fault added
	UndoManage      = "manage"       // send args[method] args[path] args[body] to the management interface of broker (target)
	UndoEval        = "eval"         // evaluate the Erlang expression args[expression] in broker (target)
	UndoAckTimeout  = "ack-timeout"  // have the broker (target) wait for acks for args[consumer_timeout] and look every args[channel_tick_interval], both in ms

	// Put setting args[name] of Elasticsearch's index args[index] back to args[value], or to its default.
	UndoIndexSetting = "index-setting"
)

// World is what faults act on.
type World interface {
	// Containers returns the containers of a service, or those whose role does
	// what target names; an error if there are none.
	Containers(target string) ([]Container, error)
	// Connections returns the pipeline's connections to a service.
	Connections(service string) (Connections, error)
	// Broker returns the RabbitMQ that the pipeline began with.
	Broker() Broker
	// Elastic sends one JSON request to Elasticsearch.
	Elastic(ctx context.Context, method, path string, body, answer any) error
	// Documents returns where the pipeline's readers search.
	Documents() (Documents, error)
	// Postgres opens a connection of that application name, past the proxy.
	Postgres(ctx context.Context, application string) (*pgx.Conn, error)
	// Table returns the table in which the pipeline keeps its rows.
	Table() (string, error)
	// Double starts another container beside each of a role's, and returns them.
	// They are named beforehand by Doubles, and removed by an Undo.
	Double(ctx context.Context, role string) ([]Container, error)
	// Doubles returns what Double will call its containers.
	Doubles(role string) []string
	// Files returns the SFTP server.
	Files() FileServer
	// Hog returns a static Linux program that takes memory (see OOMKill).
	Hog(ctx context.Context) ([]byte, error)
	// Uploads returns what the harness sends.
	Uploads() Uploads
}

// Uploads are the drops of the trial's files on SFTP.
type Uploads interface {
	// Carrying returns how many operations the drops with a trait hold (those of
	// the whole trial where they hold none); an error if no drop carries it.
	Carrying(trait workload.Trait) (operations int, err error)
	// First waits until the server has acknowledged a drop that carries a trait
	// (of one to be broken off: until it was), and returns what was sent and said.
	First(ctx context.Context, trait workload.Trait) (string, error)
	// All waits until every drop that carries a trait was dealt with.
	All(ctx context.Context, trait workload.Trait) (string, error)
}

// Container is one container of a service or role.
type Container interface {
	Part() string
	State(ctx context.Context) (State, error)
	Kill(ctx context.Context) error
	Stop(ctx context.Context, grace time.Duration) error
	Start(ctx context.Context) error
	Pause(ctx context.Context) error
	// StayDown has the engine not start it again by itself when it ends, until Start.
	StayDown(ctx context.Context) error
	// Remove removes the container with its own disk and, if volumes is true,
	// its named volumes; it is made anew by an Undo.
	Remove(ctx context.Context, volumes bool) error
	// Networks returns the names of the networks it is on.
	Networks(ctx context.Context) ([]string, error)
	// Disconnect takes it off all of them; it is put back by an Undo.
	Disconnect(ctx context.Context) error
	// Received counts the bytes that came to it since it was started.
	Received(ctx context.Context) (uint64, error)
	// Said returns what it has printed since it was made.
	Said(ctx context.Context) (string, error)
	MemoryLimit() int64 // bytes; 0: none
	CopyIn(ctx context.Context, path string, mode int64, content []byte) error
	Exec(ctx context.Context, user string, command ...string) (string, error)
	// Ready waits for the proof, in its own protocol where it has one, that it works.
	Ready(ctx context.Context) (string, error)
}

// State is what the engine says of a container.
type State struct {
	ID        string
	Status    string // running, paused, exited, removed
	Running   bool
	Paused    bool
	OOMKilled bool
	ExitCode  int
	StartedAt time.Time
}

// Connections are the pipeline's connections to one service, all of them.
type Connections interface {
	AddToxic(name, kind, stream string, attributes map[string]any) error
	HasToxic(name string) (bool, error)
	// From returns the address that the service sees them come from.
	From(ctx context.Context) (string, error)
	// Open reports whether connections are taken; SetOpen(false) closes all of
	// them at once and takes no more.
	Open() (bool, error)
	SetOpen(open bool) error
	// Canary opens a connection of its own through the proxy, as the pipeline
	// would, and waits for the service's answer.
	Canary(ctx context.Context) (Canary, error)
}

// Canary is how one small exchange through the proxy went.
type Canary struct {
	Took time.Duration
	Err  string // empty: the service answered
	// GaveUp says that no answer and no end came for as long as a canary waits.
	GaveUp bool
}

func (c Canary) String() string {
	if c.Err != "" {
		return fmt.Sprintf("no answer (%s) after %s", c.Err, c.Took.Round(time.Millisecond))
	}
	return "answered after " + c.Took.Round(time.Millisecond).String()
}
