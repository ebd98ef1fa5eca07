package observe

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/history"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// The benchmarks say what a light read of 5000 records costs: time, the
// observer's memory, and the processor time of the service that is asked.

func BenchmarkLightRows(b *testing.B) {
	tr := newTrial(b, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent = 0, 0 })
	tr.rows(numbers(5000), first1, false)
	r := &rows{spec: *tr.spec.Rows, wl: tr.wl, db: database{url: tr.stack.Endpoints().PostgresURL}}
	defer r.close()
	benchmark(b, tr, tr.stack.Postgres, r.look)
}

func BenchmarkLightDocuments(b *testing.B) {
	for name, mapping := range map[string]string{"columns": columns, "source": `"enabled":false`} {
		b.Run(name, func(b *testing.B) {
			tr := newTrial(b, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent = 0, 0 })
			tr.index("people-1", mapping)
			tr.documents("people-1", numbers(5000), first1)
			d := &documents{spec: *tr.spec.Documents, wl: tr.wl, es: newElastic(tr.stack.Endpoints().ElasticsearchURL)}
			defer d.close()
			benchmark(b, tr, tr.stack.Elasticsearch, d.look)
		})
	}
}

// What it costs to store a light read that differs from the one before.
func BenchmarkStore(b *testing.B) {
	wl := people(b, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent = 0, 0 })
	w, err := history.Create(b.TempDir(), history.Header{})
	require.NoError(b, err)
	s := newSight(wl.Records())
	for _, n := range rand.Perm(5000) {
		s.add(n, 1, false, nil, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		reading, err := w.Observe(history.Rows, false)
		require.NoError(b, err)
		require.NoError(b, reading.Entries(s.entries(), nil))
	}
}

// What all places together cost while 5000 records stand still, per second.
func BenchmarkLive(b *testing.B) {
	tr := newTrial(b, func(c *workload.Config) { c.UpdatePercent, c.DeletePercent = 0, 0 })
	tr.index("people-1", columns)
	tr.finish("people-1")
	o := tr.observer()
	tr.watch(o, 400*time.Millisecond, nil)
	for _, file := range tr.wl.Files {
		o.Acknowledged(file, history.OK)
	}
	eventually(b, func() bool { done, _ := o.Accounted(); return done }, "everything is accounted for")
	s := tr.stack
	services := map[string]*stack.Container{"elasticsearch": s.Elasticsearch, "postgres": s.Postgres, "rabbitmq": s.RabbitMQ, "sftp": s.SFTP}
	before, own := map[string]float64{}, ownCPU(b)
	for name, c := range services {
		before[name] = cpu(b, c)
	}
	start := time.Now()
	for b.Loop() {
		<-time.After(100 * time.Millisecond)
	}
	seconds := time.Since(start).Seconds()
	for name, c := range services {
		b.ReportMetric((cpu(b, c)-before[name])/seconds, name+"-ms/s")
	}
	b.ReportMetric((ownCPU(b)-own)/seconds, "observer-ms/s")
}

func benchmark(b *testing.B, tr *trial, asked *stack.Container, look func(context.Context, *sight) error) {
	into := newSight(tr.wl.Records())
	for range 30 { // the server's own compiler
		require.NoError(b, look(b.Context(), into))
	}
	before, own := cpu(b, asked), ownCPU(b)
	b.ReportAllocs()
	count := 0
	for b.Loop() {
		require.NoError(b, look(b.Context(), into))
		count++
	}
	b.ReportMetric((ownCPU(b)-own)/float64(count), "observer-cpu-ms/op")
	b.ReportMetric((cpu(b, asked)-before)/float64(count), "server-cpu-ms/op")
	b.ReportMetric(float64(len(into.items)), "records")
}

// cpu returns the processor time that a container used so far, in milliseconds.
func cpu(b *testing.B, c *stack.Container) float64 {
	for _, file := range []string{"/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu.stat"} {
		out, err := c.Exec(b.Context(), "", "cat", file)
		if err != nil {
			continue
		}
		if rest, ok := strings.CutPrefix(out, "usage_usec "); ok {
			used, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			require.NoError(b, err)
			return used / 1e3
		}
		used, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
		require.NoError(b, err)
		return used / 1e6
	}
	return 0
}

// ownCPU returns the processor time of this process, in milliseconds.
func ownCPU(b *testing.B) float64 {
	stat, err := os.ReadFile("/proc/self/stat")
	require.NoError(b, err)
	fields := strings.Fields(string(stat))
	user, err := strconv.ParseFloat(fields[13], 64)
	require.NoError(b, err)
	system, err := strconv.ParseFloat(fields[14], 64)
	require.NoError(b, err)
	return (user + system) * 10
}
