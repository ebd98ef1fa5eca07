package fault

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/internal/nearest"
)

// Kind is a fault as people name it at the command line.
type Kind struct {
	Name    string
	Does    string   // in a few words
	Targets []string // what it can be aimed at
	// Setting is what it takes where nothing else is said; empty: it has none.
	Setting string
	// Moment: it is over as soon as it was injected. Any other holds until it is
	// taken back.
	Moment bool

	of func(target, setting string) (Fault, error)
}

// Destroys says what of the pipeline's data is gone for good by it; empty: nothing.
func (k Kind) Destroys() string {
	f, err := k.of(k.Targets[0], k.Setting)
	if err != nil {
		return ""
	}
	return f.Destroys
}

// Services returns those of its targets that are services: they are there
// whatever the pipeline is.
func (k Kind) Services() []string {
	return slices.DeleteFunc(slices.Clone(k.Targets), func(target string) bool { return !slices.Contains(services, target) })
}

var (
	services = []string{SFTP, RabbitMQ, Postgres, Elasticsearch}
	anything = slices.Concat(services, []string{Collector, Loader, Indexer, Exporter})
)

// Table returns the faults that can be named: all but those that come with the
// files, that hold a breakpoint, or that need a step before them.
func Table() []Kind {
	return []Kind{
		{Name: "kill", Does: "SIGKILL; started again when it is taken back", Targets: anything, of: aimed(Kill)},
		{Name: "stop", Does: "SIGTERM, after the setting SIGKILL; started again when it is taken back", Targets: anything, Setting: "10s", of: timed(Stop)},
		{Name: "pause", Does: "all processes frozen, connections stay open", Targets: anything, of: aimed(Pause)},
		{Name: "oom-kill", Does: "killed by the kernel for want of memory", Targets: anything, of: aimed(OOMKill)},
		{Name: "restart", Does: "SIGTERM, after the setting SIGKILL, and started again at once", Targets: anything, Setting: "10s", Moment: true, of: timed(Restart)},
		{Name: "restart-storm", Does: "restarted so many times", Targets: anything, Setting: "5", Moment: true, of: counted(RestartStorm)},
		{Name: "recreate", Does: "the container removed with its own disk; volumes stay", Targets: anything, of: aimed(Recreate)},
		{Name: "recreate-wiped", Does: "the container removed with its volumes", Targets: anything, of: aimed(RecreateWiped)},
		{Name: "disconnect", Does: "off its networks", Targets: anything, of: aimed(Disconnect)},
		{Name: "cut", Does: "all connections cut, and none taken", Targets: services, of: aimed(Cut)},
		{Name: "latency", Does: "every answer so much later", Targets: services, Setting: "1s", of: timed(func(service string, d time.Duration) Fault { return Latency(service, Downstream, d, 0) })},
		{Name: "bandwidth", Does: "so many kB/s towards the service", Targets: services, Setting: "10", of: counted(func(service string, rate int) Fault { return Bandwidth(service, Upstream, rate) })},
		{Name: "timeout", Does: "nothing comes back, and after the setting the connection ends (0s: it stays)", Targets: services, Setting: "0s", of: timed(func(service string, d time.Duration) Fault { return Timeout(service, Downstream, d) })},
		{Name: "reset_peer", Does: "connections reset so long after the first bytes", Targets: services, Setting: "0s", of: timed(func(service string, d time.Duration) Fault { return ResetPeer(service, Downstream, d) })},
		{Name: "slow_close", Does: "connections end so much later", Targets: services, Setting: "1s", of: timed(func(service string, d time.Duration) Fault { return SlowClose(service, Downstream, d) })},
		{Name: "slicer", Does: "answers in pieces of so many bytes", Targets: services, Setting: "64", of: counted(func(service string, size int) Fault { return Slicer(service, Downstream, size, time.Millisecond) })},
		{Name: "limit_data", Does: "connections end after so many bytes", Targets: services, Setting: "0", of: counted(func(service string, bytes int) Fault { return LimitData(service, Downstream, bytes) })},
		{Name: "directory-moved", Does: "the inbox under another name", Targets: []string{SFTP}, of: plain(DirectoryMoved)},
		{Name: "permission-denied", Does: "no right to the inbox", Targets: []string{SFTP}, of: plain(PermissionDenied)},
		{Name: "host-key-changed", Does: "the server shows another host key", Targets: []string{SFTP}, of: plain(HostKeyChanged)},
		{Name: "disk-full", Does: "no room is left", Targets: []string{SFTP, Postgres}, of: diskFull},
		{Name: "memory-alarm", Does: "the broker blocks publishers", Targets: []string{RabbitMQ}, of: plain(MemoryAlarm)},
		{Name: "disk-alarm", Does: "the broker blocks publishers", Targets: []string{RabbitMQ}, of: plain(DiskAlarm)},
		{Name: "permissions-withdrawn", Does: "the pipeline's user may do nothing", Targets: []string{RabbitMQ}, of: plain(PermissionsWithdrawn)},
		{Name: "connections-closed", Does: "the broker closes all connections", Targets: []string{RabbitMQ}, Moment: true, of: plain(ConnectionsClosed)},
		{Name: "ack-timeout", Does: "the broker waits no longer than that for an ack", Targets: []string{RabbitMQ}, Setting: "2s", of: timed(func(_ string, d time.Duration) Fault { return AckTimeout(d) })},
		{Name: "vhost-deleted", Does: "the virtual host deleted, and made anew when it is taken back", Targets: []string{RabbitMQ}, of: plain(DeleteVhost)},
		{Name: "backends-killed", Does: "all of the pipeline's sessions ended", Targets: []string{Postgres}, Moment: true, of: plain(BackendsKilled)},
		{Name: "read-only", Does: "every transaction is read-only", Targets: []string{Postgres}, of: plain(ReadOnly)},
		{Name: "lock-table", Does: "the table of the rows locked", Targets: []string{Postgres}, of: plain(LockTable)},
		{Name: "commits-held", Does: "COMMIT is not answered", Targets: []string{Postgres}, of: plain(CommitsHeld)},
		{Name: "crash-recovery", Does: "SIGKILL; it recovers when it is taken back", Targets: []string{Postgres}, of: plain(CrashRecovery)},
		{Name: "read-only-index", Does: "the index takes no writes", Targets: []string{Elasticsearch}, of: plain(ReadOnlyIndex)},
		{Name: "read-only-cluster", Does: "the cluster takes no writes", Targets: []string{Elasticsearch}, of: plain(ReadOnlyCluster)},
		{Name: "refresh-off", Does: "what is written is not shown", Targets: []string{Elasticsearch}, of: plain(RefreshOff)},
		{Name: "index-deleted", Does: "the index deleted; healed once a sync of yours has made it anew", Targets: []string{Elasticsearch}, Moment: true, of: plain(IndexDeleted)},
	}
}

// Named returns the fault that a text names, as in "kill" or "latency=500ms", on
// a target; empty: the only one that it can have. The error says what there is.
func Named(text, target string) (Fault, error) {
	name, setting, given := strings.Cut(text, "=")
	var names []string
	for _, kind := range Table() {
		if names = append(names, kind.Name); kind.Name == name {
			return kind.named(setting, given, target)
		}
	}
	if near := nearest.Of(name, names); near != "" {
		return Fault{}, fmt.Errorf("there is no fault %q: did you mean %q?", name, near)
	}
	return Fault{}, fmt.Errorf("there is no fault %q", name)
}

func (k Kind) named(setting string, given bool, target string) (Fault, error) {
	does, _ := SplitReplica(target)
	switch {
	case target == "" && len(k.Targets) > 1:
		return Fault{}, fmt.Errorf("%s needs a target: %s", k.Name, strings.Join(k.Targets, ", "))
	case target == "":
		target = k.Targets[0]
	case !slices.Contains(k.Targets, does):
		if near := nearest.Of(does, k.Targets); near != "" {
			return Fault{}, fmt.Errorf("%s cannot be aimed at %q: did you mean %q?", k.Name, target, near)
		}
		return Fault{}, fmt.Errorf("%s cannot be aimed at %q, only at %s", k.Name, target, strings.Join(k.Targets, ", "))
	}
	if given && k.Setting == "" {
		return Fault{}, fmt.Errorf("%s has no setting", k.Name)
	}
	if !given {
		setting = k.Setting
	}
	f, err := k.of(target, setting)
	if err != nil {
		return Fault{}, fmt.Errorf("%s=%s: %w", k.Name, setting, err)
	}
	if !k.Moment {
		f = f.Held()
	}
	return f, nil
}

func plain(of func() Fault) func(string, string) (Fault, error) {
	return func(string, string) (Fault, error) { return of(), nil }
}

func aimed(of func(target string) Fault) func(string, string) (Fault, error) {
	return func(target, _ string) (Fault, error) { return of(target), nil }
}

func timed(of func(target string, d time.Duration) Fault) func(string, string) (Fault, error) {
	return func(target, setting string) (Fault, error) {
		d, err := time.ParseDuration(setting)
		if err != nil || d < 0 {
			return Fault{}, errors.New("want a time such as 500ms or 2s")
		}
		return of(target, d), nil
	}
}

func counted(of func(target string, n int) Fault) func(string, string) (Fault, error) {
	return func(target, setting string) (Fault, error) {
		n, err := strconv.Atoi(setting)
		if err != nil || n < 0 {
			return Fault{}, errors.New("want a whole number")
		}
		return of(target, n), nil
	}
}

func diskFull(target, _ string) (Fault, error) {
	if target == Postgres {
		return PostgresDiskFull(), nil
	}
	return SFTPDiskFull(), nil
}
