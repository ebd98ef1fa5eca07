package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"
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

	// Where files are dropped, below the SFTP user's home: "inbox".
	Inbox string
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
	Status        *Status

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

// Named returns the name of the one role that does what is named, or has that
// name itself.
func (s Spec) Named(what string) (string, error) {
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

// Operation is a command in the container of a role, or a new configuration
// of one. In all its texts ${name} is filled in from the arguments of the step.
type Operation struct {
	Role    string   // its name, or what it does
	Command []string // in the first replica, or that of the step's argument "replica" (1, 2, …)
	// Env is instead of a command: this much of the role's environment changes,
	// and its containers are stopped and made anew, one after the other. The
	// stack fills in what it fills in elsewhere; NEXT_AMQP_URL is the address of
	// the broker's successor.
	Env map[string]string
}

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
	Command     []string
	Env         map[string]string // ${SFTP_USER} and the like are filled in by the stack
	Mounts      map[string]string // volume name → path in the container
	MemoryBytes int64             // limit; 0: the stack's default
	Replicas    int               // 0 counts as 1
	Consumes    []string          // queues that it takes its work from
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
	Table string // that the rows are kept in
	Query string
	// Light is the same without content: key, version, deleted, where; read
	// often while the run goes on.
	Light string
}

// Documents says where readers search.
type Documents struct {
	Alias   string // index or alias that readers use
	Key     string // field of _source with the key
	Version string // field of _source with the version; empty: told from content
	// Fields maps the workload's field names to fields of _source; nil: the same names.
	Fields map[string]string
}

// Confirmations says where confirmations appear on SFTP: CSV files with a header.
type Confirmations struct {
	Dir     string // below the user's home
	Pattern string // file names, as in path.Match
	Key     string // column
	Version string // column
}

// Status says how the import reports on files. Query returns file, state,
// completed (boolean), rows, applied, superseded, rejected; NULL: not said.
type Status struct{ Query string }
