package harness

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/workload"
)

// drill is one stack with the reference pipeline, on which fault after fault
// is taken through its life.
type drill struct {
	h    *Harness
	r    *run
	next int // index of the next file to send
}

// openStack opens a stack for one test, which runs beside others: most of it is
// waiting.
func openStack(t *testing.T) *Harness {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Docker")
	}
	t.Parallel()
	h, err := Open(t.Context(), Options{Out: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close(context.Background())) })
	return h
}

// newDrill returns a drill on a stack of its own, through which records pass.
func newDrill(t *testing.T) *drill {
	t.Helper()
	d := &drill{h: openStack(t)}
	d.begin(t)
	d.passes(t)
	return d
}

// TestEveryFaultLives takes every fault on every target through its life:
// prepare, journal, inject, proof that it bites, undo, proof that it healed;
// and lets records pass through the whole pipeline afterwards.
func TestEveryFaultLives(t *testing.T) {
	d := newDrill(t)

	t.Run("toxics", d.toxics)
	t.Run("lock-table", d.lockTable)
	t.Run("roles", func(t *testing.T) {
		for _, role := range []string{fault.Collector, fault.Loader, fault.Indexer, fault.Exporter} {
			for _, f := range deadly(role) {
				t.Run(role+"/"+f.Name, func(t *testing.T) {
					d.live(t, f)
					d.passes(t)
				})
			}
		}
	})
	t.Run("slow-shard-recovery", d.slowShards)
	t.Run("services", func(t *testing.T) {
		for _, service := range []string{fault.SFTP, fault.Postgres, fault.Elasticsearch, fault.RabbitMQ} {
			for _, f := range deadly(service) {
				if f.Name == "recreate-wiped" {
					continue // the pipeline could not work after it
				}
				t.Run(service+"/"+f.Name, func(t *testing.T) { d.live(t, f) })
			}
			t.Run(service+"/works", d.passes)
		}
	})
	t.Run("wiped", func(t *testing.T) {
		// A pipeline that comes back would fill what is to be found empty.
		require.NoError(t, d.r.pipeline.Stop(t.Context()))
		for _, service := range []string{fault.SFTP, fault.Postgres, fault.Elasticsearch, fault.RabbitMQ} {
			t.Run(service, func(t *testing.T) {
				require.NotZero(t, d.stored(t, service), "nothing is stored that could be lost")
				d.live(t, fault.RecreateWiped(service))
				require.Zero(t, d.stored(t, service), "something outlived the wiping")
			})
		}
	})
	t.Run("as good as new", func(t *testing.T) {
		require.NoError(t, d.r.journal.close())
		d.begin(t)
		d.passes(t)
	})
}

// deadly is every fault that ends, freezes or replaces a container.
func deadly(target string) []fault.Fault {
	return []fault.Fault{
		fault.Kill(target), fault.Stop(target, 2*time.Second), fault.Restart(target, 2*time.Second), fault.Pause(target),
		fault.OOMKill(target), fault.Recreate(target), fault.RecreateWiped(target),
	}
}

// begin makes the stack ready and starts the pipeline on it.
func (d *drill) begin(t *testing.T) {
	t.Helper()
	files := func(c *workload.Config) {
		c.Files, c.RecordsPerFile, c.UpdatePercent, c.DeletePercent = 100, 2, 0, 0
	}
	r, err := d.h.newRun(Scenario{Name: "drill", Hypothesis: "every fault lives", Workload: files}, RunOptions{Seed: 1})
	require.NoError(t, err)
	r.plan = []Step{{Fault: fault.Latency(fault.Postgres, fault.Downstream, 0, 0)}} // for its sake connections pass by where toxics sit
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, r.prepare(ctx, d.h))
	d.r, d.next = r, 0
}

// passes sends a file and waits until its records are visible and confirmed.
func (d *drill) passes(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	begun := time.Now()
	file := d.send(ctx, t)
	until(ctx, t, func() error { return d.arrived(ctx, file) })
	t.Logf("%s passed in %.1f s", file.Name, time.Since(begun).Seconds())
}

// send drops the next file. A session that a fault has cut costs a file.
func (d *drill) send(ctx context.Context, t *testing.T) workload.File {
	t.Helper()
	for range 3 {
		require.Less(t, d.next, len(d.r.workload.Files), "every file of the drill was sent")
		file := d.r.workload.Files[d.next]
		d.next++
		acked, err := d.r.sender.Send(ctx, d.r.workload, file)
		if acked {
			return file
		}
		t.Logf("%s was not acknowledged: %v", file.Name, err)
	}
	require.Fail(t, "no file was acknowledged")
	return workload.File{}
}

// arrived says what of a file's records is not visible and confirmed.
func (d *drill) arrived(ctx context.Context, file workload.File) error {
	conn, err := d.r.world.Postgres(ctx, "seatrial-test")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var state string
	if err := conn.QueryRow(ctx, "SELECT state FROM imports WHERE file = $1", file.Name).Scan(&state); err != nil {
		return fmt.Errorf("state of %s: %w", file.Name, err)
	}
	if state != "completed" {
		return fmt.Errorf("%s is %s", file.Name, state)
	}
	for _, op := range file.Ops {
		key := d.r.workload.Key(int(op.Number))
		found, err := d.r.stack.SFTP.Exec(ctx, "root", "sh", "-c", "cat /home/*/confirmations/confirm-*.csv | grep -c "+key+" || true")
		if err != nil {
			return err
		}
		if strings.TrimSpace(found) != "1" {
			return fmt.Errorf("%s is confirmed %s times", key, strings.TrimSpace(found))
		}
	}
	return nil
}

// stored counts what a service holds of the pipeline's.
func (d *drill) stored(t *testing.T, service string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var count int
	switch service {
	case fault.SFTP:
		found, err := d.r.stack.SFTP.Exec(ctx, "root", "sh", "-c", "find /home -type f -name '*.csv' | wc -l")
		require.NoError(t, err)
		_, err = fmt.Sscan(found, &count)
		require.NoError(t, err)
	case fault.RabbitMQ:
		var queues []any
		require.NoError(t, d.r.stack.Manage(ctx, http.MethodGet, "/queues/"+d.r.stack.Endpoints().AMQPVhost, nil, &queues))
		count = len(queues)
	case fault.Postgres:
		conn, err := d.r.world.Postgres(ctx, "seatrial-test")
		require.NoError(t, err)
		defer conn.Close(ctx)
		require.NoError(t, conn.QueryRow(ctx, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&count))
	case fault.Elasticsearch:
		var indices map[string]any
		require.NoError(t, d.r.stack.Elastic(ctx, http.MethodGet, "/_all/_alias", nil, &indices))
		count = len(indices)
	}
	return count
}

// What evidence must say, by fault and by what healed.
var (
	bitten = map[string]string{
		"kill":           `^\S+: exited, exit code 137$`,
		"stop":           `^\S+: exited, exit code \d+$`,
		"restart":        `^\S+: started [\d:.]+, before that [\d:.]+$`,
		"pause":          `^\S+: paused$`,
		"oom-kill":       `^\S+: OOMKilled=true, exit code 137$`,
		"recreate":       `^\S+: the engine knows no such container any more`,
		"recreate-wiped": `^\S+: the engine knows no such container any more`,
		"latency":        `a canary through it: answered after`,
		"bandwidth":      `a canary through it: answered after`,
		"slow_close":     `a canary through it: answered after`,
		"slicer":         `a canary through it: answered after`,
		"limit_data":     `a canary through it: (answered|no answer)`,
		"timeout":        `a canary through it: no answer`,
		"reset_peer":     `a canary through it: no answer`,
	}
	works = map[string]string{
		fault.SFTP:          `listing of / has 3 entries`,
		fault.RabbitMQ:      `answers passive declare`,
		fault.Postgres:      `SELECT answers, not in recovery`,
		fault.Elasticsearch: `cluster health is`,
		fault.Collector:     `^collector: container runs since`,
		fault.Loader:        `^loader: container runs since`,
		fault.Indexer:       `^indexer: container runs since`,
		fault.Exporter:      `^exporter: container runs since`,
	}
	again = map[string]string{
		"recreate":       `container \w{12} in place of \w{12}$`,
		"recreate-wiped": `container \w{12} in place of \w{12}$`,
	}
)

// live takes a fault through its life, and tries its undo where it does
// nothing: before the injection and a second time.
func (d *drill) live(t *testing.T, f fault.Fault) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	injection, err := f.Prepare(ctx, d.r.world)
	require.NoError(t, err)
	require.NotEmpty(t, injection.Undo)
	before := d.states(ctx, t, f.Target)
	d.undo(ctx, t, injection)
	require.Equal(t, before, d.states(ctx, t, f.Target), "undo without the injection changed something")

	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	begun := time.Now()
	require.NoError(t, injection.Inject(ctx))
	injected := time.Now()
	bites, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, bitten[f.Name], bites)
	bit := time.Now()
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	undone := time.Now()
	healed, err := injection.Healed(ctx)
	require.NoError(t, err)
	if f.Lasting {
		require.Contains(t, healed, "the proxy has no such toxic any more; a canary to "+f.Target+": answered")
	} else {
		require.Regexp(t, works[f.Target], healed)
		require.Regexp(t, again[f.Name], healed)
	}
	t.Logf("%s on %s (%s): injected in %.2f s, bit after %.2f s (%s), undone in %.2f s, healed after %.2f s (%s)", f.Name, f.Target, f.Detail,
		injected.Sub(begun).Seconds(), bit.Sub(injected).Seconds(), bites, undone.Sub(bit).Seconds(), time.Since(undone).Seconds(), healed)
}

// undo takes an injection's steps back past the journal, last first.
func (d *drill) undo(ctx context.Context, t *testing.T, injection fault.Injection) {
	t.Helper()
	for i := len(injection.Undo) - 1; i >= 0; i-- {
		require.NoError(t, d.r.world.undo(ctx, injection.Undo[i]))
	}
}

func (d *drill) states(ctx context.Context, t *testing.T, target string) []fault.State {
	t.Helper()
	containers, err := d.r.world.Containers(target)
	require.NoError(t, err)
	var states []fault.State
	for _, c := range containers {
		state, err := c.State(ctx)
		require.NoError(t, err)
		states = append(states, state)
	}
	return states
}

// toxics tries every toxic; what one small exchange shows is tried on every
// service in both directions.
func (d *drill) toxics(t *testing.T) {
	const delay = 150 * time.Millisecond
	var faults []fault.Fault
	for _, service := range []string{fault.SFTP, fault.RabbitMQ, fault.Postgres, fault.Elasticsearch} {
		for _, stream := range []string{fault.Upstream, fault.Downstream} {
			faults = append(faults,
				fault.Latency(service, stream, delay, 0), fault.Timeout(service, stream, delay), fault.ResetPeer(service, stream, 0))
		}
	}
	faults = append(faults,
		fault.Timeout(fault.RabbitMQ, fault.Upstream, 0),
		fault.Latency(fault.Postgres, fault.Downstream, delay, delay/2),
		fault.Bandwidth(fault.Postgres, fault.Upstream, 10), fault.Bandwidth(fault.Elasticsearch, fault.Downstream, 10),
		fault.SlowClose(fault.Elasticsearch, fault.Upstream, delay), fault.SlowClose(fault.SFTP, fault.Downstream, delay),
		fault.Slicer(fault.SFTP, fault.Upstream, 1, time.Millisecond), fault.Slicer(fault.Elasticsearch, fault.Downstream, 64, time.Millisecond),
		fault.LimitData(fault.Postgres, fault.Upstream, 0), fault.LimitData(fault.RabbitMQ, fault.Downstream, 0), fault.LimitData(fault.SFTP, fault.Downstream, 1<<20),
	)
	for _, f := range faults {
		t.Run(f.Name+"/"+f.Target+"/"+f.Detail, func(t *testing.T) { d.live(t, f) })
	}
	t.Run("taken off while a connection dies", func(t *testing.T) {
		// Rarely, and the more so the busier the machine is, the connection of
		// a canary dies just then (see the proxy's toxics); 20 tries do not
		// make sure of it. The proxy's own tests do.
		for range 20 {
			d.live(t, fault.Slicer(fault.Elasticsearch, fault.Downstream, 16, time.Millisecond))
		}
	})
	t.Run("no effect", d.toxicTakenAway)
	t.Run("pipeline works", d.passes)
}

// toxicTakenAway is a toxic that somebody took off before it was proved.
func (d *drill) toxicTakenAway(t *testing.T) {
	f := fault.Timeout(fault.Postgres, fault.Upstream, 0)
	injection, err := f.Prepare(t.Context(), d.r.world)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(t.Context()))
	_, err = f.Prepare(t.Context(), d.r.world)
	require.ErrorContains(t, err, "is on postgres already")
	d.undo(t.Context(), t, injection)
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "knows no toxic")
}

// lockTable needs work that meets the lock.
func (d *drill) lockTable(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	injection, err := fault.LockTable().Prepare(ctx, d.r.world)
	require.NoError(t, err)
	d.undo(ctx, t, injection)
	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(ctx))
	// The lock must not hang on a connection that the collector of garbage closes.
	runtime.GC()
	runtime.GC()
	bitesNot(ctx, t, injection, "nobody waits for the lock", "while nobody writes")
	file := d.send(ctx, t)
	bites, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, `^\d+ backends wait for the lock on people$`, bites)
	require.Error(t, d.arrived(ctx, file), "a file passed a locked table")
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	healed, err := injection.Healed(ctx)
	require.NoError(t, err)
	require.Equal(t, "nobody holds the lock on people any more", healed)
	until(ctx, t, func() error { return d.arrived(ctx, file) })
}

// slowShards comes with a restart; without one it is not claimed to bite.
func (d *drill) slowShards(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	slow, err := fault.SlowShardRecovery().Prepare(ctx, d.r.world)
	require.NoError(t, err)
	d.undo(ctx, t, slow)
	slowIDs, err := d.r.journal.add(slow.Undo)
	require.NoError(t, err)
	require.NoError(t, slow.Inject(ctx))
	bitesNot(ctx, t, slow, "cluster health is", "before the restart")

	kill, err := fault.Kill(fault.Elasticsearch).Prepare(ctx, d.r.world)
	require.NoError(t, err)
	killIDs, err := d.r.journal.add(kill.Undo)
	require.NoError(t, err)
	require.NoError(t, kill.Inject(ctx))
	_, err = kill.Bites(ctx)
	require.NoError(t, err)
	require.NoError(t, d.r.journal.take(ctx, killIDs, d.r.world.undo))
	_, err = kill.Healed(ctx)
	require.NoError(t, err, "the server answers, its shards or not")
	bites, err := slow.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, `^cluster health is red, [1-9]\d* shards unassigned$`, bites)
	_, err = fault.SlowShardRecovery().Prepare(ctx, d.r.world)
	require.ErrorContains(t, err, "nothing to break")
	require.NoError(t, d.r.journal.take(ctx, slowIDs, d.r.world.undo))
	d.undo(ctx, t, slow)
	healed, err := slow.Healed(ctx)
	require.NoError(t, err)
	require.Regexp(t, `^cluster health is (green|yellow)`, healed)
	d.passes(t)
}

// bitesNot waits until the service has answered, however busy the machine is,
// that an injected fault does not bite yet, in words that hold says.
func bitesNot(ctx context.Context, t *testing.T, injection fault.Injection, says, when string) {
	t.Helper()
	until(ctx, t, func() error {
		soon, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		bites, err := injection.Bites(soon)
		require.Error(t, err, "it is claimed to bite %s: %s", when, bites)
		if !strings.Contains(err.Error(), says) {
			return err
		}
		return nil
	})
}

// until waits until try has no error.
func until(ctx context.Context, t *testing.T, try func() error) {
	t.Helper()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.NoError(t, err, ctx.Err().Error())
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TestWorldNamesWhatIsMissing: no match is an error, not a success.
func TestWorldNamesWhatIsMissing(t *testing.T) {
	require.True(t, isService(stack.SFTP))
	_, err := world{}.Connections("redis")
	require.ErrorContains(t, err, `no connections to "redis" pass the proxy`)
}
