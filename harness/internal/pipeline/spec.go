package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/internal/stack/image"
	"github.com/seatrial/seatrial/harness/internal/tap"
	"github.com/seatrial/seatrial/harness/workload"
)

// What a role does. Scenarios and faults name these, so that they work on any
// pipeline; one container may do several.
const (
	Collect = "collect" // takes files from SFTP and publishes their records
	Load    = "load"    // consumes records and writes Postgres
	Index   = "index"   // brings rows into Elasticsearch
	Export  = "export"  // confirms records downstream
)

// Spec is what a pipeline declares of itself: its roles, and where its effects
// can be seen. What is left empty is not judged.
type Spec struct {
	Name    string
	Defects []string
	Roles   []Role
	Volumes []string // names of volumes that several roles or several lives of one role share
	// Attached: the pipeline runs on this machine, started by whoever works on it,
	// and is no container: it has no roles that anything could be done to.
	Attached bool

	// Extra are containers that are no part of what is tried, and that it needs:
	// a cache, a mock. They are started first.
	Extra []Role

	// Where files are dropped, below the SFTP user's home: "inbox".
	Inbox string
	// Folders are what else the pipeline needs in that home.
	Folders []string
	// Records say what files look like; nil: the workload's reference layout.
	Records *workload.Format
	// Keys is the shape of keys; empty: what the scenario says.
	Keys string
	// InPlace: files are written under their final names.
	InPlace bool
	// Setup is done once services are empty, before any role starts.
	Setup Setup
	// Services are those that the pipeline wants in an image or a version of its own.
	Services map[image.Kind]image.Pin
	// OpenFront lets the pipeline reach what is beyond the stack.
	OpenFront bool
	// EphemeralBroker: the pipeline is deployed with a broker that keeps its
	// state on its container's own disk, under a hostname that is made up anew
	// for every container.
	EphemeralBroker bool
	// Staging is where taken files wait before their records are handed on; nil:
	// not declared, and what waits there at the end counts as lost.
	Staging *Staging

	Rows          *Rows
	Documents     *Documents
	Confirmations *Confirmations
	Queues        []string // queues that carry records to be processed
	DeadLetters   []string // queues that keep records which were given up
	Rejects       *Rejects
	Status        *Status

	// Deadline is how long after the sentinel everything must be in its place,
	// where the scenario does not give more; 0: as the scenario says.
	Deadline time.Duration

	// Operations are what people do with the pipeline by hand, by name:
	// "replay", "sync".
	Operations map[string]Operation

	// Probes count, by name, what of the pipeline's state a trigger may wait
	// for: each is a query to Postgres for one number.
	Probes map[string]string

	// LongestInterval is the longest poll, retry or sync interval of the
	// pipeline: twice this without any change is quiet.
	LongestInterval time.Duration
	// Patience is the longest time for which any part of the pipeline waits for
	// an answer before it tries again. A system in which nothing at all moved
	// for so long will not move any more.
	Patience time.Duration
}

// Attach returns the same pipeline as one that runs on this machine: without
// containers, and without what needs them.
func (s Spec) Attach() Spec {
	s.Attached = true
	s.Roles, s.Extra, s.Volumes, s.Staging, s.EphemeralBroker = nil, nil, nil, nil, false
	operations := map[string]Operation{}
	for name, operation := range s.Operations {
		if operation.Drop != nil {
			operations[name] = operation
		}
	}
	s.Operations = operations
	return s
}

// Named returns the name of the one role that does what is named, or has that
// name itself. All connections of an attached pipeline are those of one.
func (s Spec) Named(what string) (string, error) {
	if s.Attached && slices.Contains([]string{Collect, Load, Index, Export, tap.Attached}, what) {
		return tap.Attached, nil
	}
	var names, all []string
	for _, role := range s.Roles {
		if role.Is(what) {
			names = append(names, role.Name)
		}
		all = append(all, role.Name)
	}
	if len(names) != 1 {
		return "", fmt.Errorf("pipeline %s has %d roles that do %q: name one of %s", s.Name, len(names), what, strings.Join(all, ", "))
	}
	return names[0], nil
}

// Operation is a command in the container of a role, a new configuration of one,
// an HTTP request to one, or a file dropped on SFTP. In all its texts ${name} is
// filled in from the arguments of the step, and from what the stack fills in
// elsewhere.
type Operation struct {
	Role    string   // its name, or what it does
	Command []string // in the first replica, or that of the step's argument "replica" (1, 2, …)
	// Env is instead of a command: this much of the role's environment changes,
	// and its containers are stopped and made anew, one after the other. The
	// stack fills in what it fills in elsewhere; NEXT_AMQP_URL is the address of
	// the broker's successor.
	Env  map[string]string
	HTTP *Request
	Drop *Drop
}

// Request is an HTTP request to a role's first container, or to that of the
// step's argument "replica".
type Request struct {
	Method  string
	Port    int
	Path    string
	Headers map[string]string
	Body    string
	Status  int // that means success; 0: any 2xx
}

// Drop is a file that is written to SFTP, under a temporary name, and renamed.
type Drop struct {
	Folder  string // below the user's home
	Name    string
	Content string
}

// Setup is what the services hold before a pipeline starts.
type Setup struct {
	SQL         []Script // in this order, each in one transaction
	Definitions *Script  // of RabbitMQ's virtual host, as its management interface imports them
	Elastic     []Script // requests as one sees them in Elasticsearch's manual: a line "PUT /index", then JSON
}

// Script is the content of a file.
type Script struct{ Name, Content string }

// Staging is a folder in the containers of a role, on a volume or on their own
// disks. A file waits there while one whose name contains its name does; names
// that begin with a dot are not looked at.
type Staging struct {
	Role string // name
	Path string // folders below it count too
}

// Role is one container of the pipeline.
type Role struct {
	Name        string   // of the container: "collector"
	Does        []string // Collect, Load, Index, Export
	Image       string
	Build       *Build // instead of Image
	Entrypoint  []string
	Command     []string
	Env         map[string]string // ${SFTP_USER} and the like are filled in by the stack
	Files       map[string]Script // path in the container → what is copied there
	Mounts      map[string]string // volume name → path in the container
	User        string            // empty: the image's
	WorkingDir  string            // empty: the image's
	Aliases     []string          // names by which others reach it, beside its own
	After       []string          // extra containers, or roles, that are ready before this one starts
	Restart     string            // by the engine, when it ends by itself: "always", "on-failure", "unless-stopped"; empty: never
	Ready       *Ready            // nil: it is ready when it runs
	MemoryBytes int64             // limit; 0: the stack's default
	Replicas    int               // 0 counts as 1
	Consumes    []string          // queues that it takes its work from
}

// Build says how a role's image is made.
type Build struct {
	image.Recipe
	Go string // main package of the module in Context, instead of a Dockerfile
}

// Ready says how a role proves that it does its work; one of the first four.
type Ready struct {
	Command []string // that ends with 0 in its container
	Log     string   // regular expression of a line that it prints after every start
	HTTP    *Request
	Exits   bool          // it is a job, which ends with 0
	Within  time.Duration // of its start
}

// Is says whether the role does what is named (Collect, Load, Index, Export), or
// has that name.
func (r Role) Is(what string) bool { return r.Name == what || slices.Contains(r.Does, what) }

// Part returns what the container of a replica (0, 1, …) is called in its stack.
func (r Role) Part(replica int) string {
	if replica == 0 {
		return r.Name
	}
	return fmt.Sprintf("%s-%d", r.Name, replica+1)
}

// Rows says how the pipeline's rows are read. Query returns one row per
// stored row: key, version (or NULL), deleted (boolean), where (text that
// identifies the row, as evidence), then the content columns, all as text, by
// the names of the workload's fields.
type Rows struct {
	Table string // that the rows are kept in; empty: several, or a view
	// Fields are the content fields that it shows; nil: all that the records have.
	Fields []string
	Query  string
	// Light is the same without content: key, version, deleted, where; read
	// often while the run goes on.
	Light string
}

// Documents says where readers search.
type Documents struct {
	Alias   string // index or alias that readers use
	Key     string // field of _source with the key
	Version string // field of _source with the version; empty: told from content
	// Filter is the query that readers search with, as JSON; empty: everything.
	Filter string
	// Fields maps the workload's field names to fields of _source; nil: the same names.
	Fields map[string]string
}

// Field finds a field of a document's _source by its name, or by its path where
// the name has dots; nil: it is not there.
func Field(source map[string]json.RawMessage, name string) json.RawMessage {
	if value, ok := source[name]; ok || name == "" {
		return value
	}
	parent, rest, nested := strings.Cut(name, ".")
	if !nested {
		return nil
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(source[parent], &inner) != nil {
		return nil
	}
	return Field(inner, rest)
}

// Confirmations says where confirmations appear on SFTP: CSV files with a header.
type Confirmations struct {
	Dir     string // below the user's home
	Pattern string // file names, as in path.Match
	Key     string // column
	Version string // column; empty: they name the key only
	// Operation is the column that says what was confirmed, Deletion its word for a
	// deletion. Empty: "op" and "delete"
	Operation, Deletion string
}

// Rejects says where rows are kept that were rejected. Query returns key, version
// (or NULL) and where (text, as evidence).
type Rejects struct{ Query string }

// Status says how the import reports on files. Query returns file, state,
// completed (boolean), rows, applied, superseded, rejected; NULL: not said.
type Status struct{ Query string }
