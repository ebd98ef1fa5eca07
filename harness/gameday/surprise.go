package gameday

import (
	"hash/fnv"
	"strconv"
	"time"

	"github.com/seatrial/seatrial/harness/fault"
)

// Surprise is a fault that may be chosen for a game day in surprise mode. None
// of them destroys anything, and each can be taken back by another process.
type Surprise struct {
	Fault fault.Fault
	Go    string // the expression that makes it, for a regression scenario
}

// surprises are all of them; those of a role only fit pipelines that have it.
var surprises = []Surprise{
	{fault.Kill(fault.Collector), "fault.Kill(fault.Collector)"},
	{fault.Kill(fault.Loader), "fault.Kill(fault.Loader)"},
	{fault.Kill(fault.Indexer), "fault.Kill(fault.Indexer)"},
	{fault.Kill(fault.Exporter), "fault.Kill(fault.Exporter)"},
	{fault.Pause(fault.Loader), "fault.Pause(fault.Loader)"},
	{fault.Pause(fault.Indexer), "fault.Pause(fault.Indexer)"},
	{fault.Kill(fault.RabbitMQ), "fault.Kill(fault.RabbitMQ)"},
	{fault.Pause(fault.RabbitMQ), "fault.Pause(fault.RabbitMQ)"},
	{fault.Kill(fault.Postgres), "fault.Kill(fault.Postgres)"},
	{fault.Pause(fault.Postgres), "fault.Pause(fault.Postgres)"},
	{fault.Kill(fault.Elasticsearch), "fault.Kill(fault.Elasticsearch)"},
	{fault.Pause(fault.Elasticsearch), "fault.Pause(fault.Elasticsearch)"},
	{fault.Pause(fault.SFTP), "fault.Pause(fault.SFTP)"},
	{fault.LockTable(), "fault.LockTable()"},
	{fault.ReadOnly(), "fault.ReadOnly()"},
	{fault.RefreshOff(), "fault.RefreshOff()"},
	{fault.ReadOnlyIndex(), "fault.ReadOnlyIndex()"},
	{fault.MemoryAlarm(), "fault.MemoryAlarm()"},
	{fault.Cut(fault.Elasticsearch), "fault.Cut(fault.Elasticsearch)"},
	{fault.Latency(fault.Postgres, fault.Downstream, 2*time.Second, 0), "fault.Latency(fault.Postgres, fault.Downstream, 2*time.Second, 0)"},
	{fault.Latency(fault.Elasticsearch, fault.Downstream, 2*time.Second, 0), "fault.Latency(fault.Elasticsearch, fault.Downstream, 2*time.Second, 0)"},
	{fault.Timeout(fault.RabbitMQ, fault.Upstream, 0), "fault.Timeout(fault.RabbitMQ, fault.Upstream, 0)"},
}

// Surprises returns those that fit a pipeline whose roles do what is named.
func Surprises(does []string) []Surprise {
	has := map[string]bool{fault.SFTP: true, fault.RabbitMQ: true, fault.Postgres: true, fault.Elasticsearch: true}
	for _, what := range does {
		has[what] = true
	}
	var fit []Surprise
	for _, each := range surprises {
		if has[each.Fault.Target] {
			fit = append(fit, each)
		}
	}
	return fit
}

// Choose returns one of them, by seed. Seeds that follow each other choose what
// has nothing to do with each other.
func Choose(fit []Surprise, seed uint64) Surprise {
	sum := fnv.New64a()
	sum.Write([]byte("surprise " + strconv.FormatUint(seed, 10)))
	return fit[sum.Sum64()%uint64(len(fit))]
}

// expression returns the Go expression of a surprise by what a run's report says
// of its fault; empty: it is none.
func expression(name, target string) string {
	for _, each := range surprises {
		if each.Fault.Name == name && each.Fault.Target == target {
			return each.Go
		}
	}
	return ""
}
