package harness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/workload"
)

// whole takes a fault that needs work to meet it, or that has nothing to take
// back, through its life: a file is sent once it is injected, and has arrived
// once it is healed.
func (d *drill) whole(t *testing.T, f fault.Fault, bitten, healed string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	injection, err := f.Prepare(ctx, d.r.world)
	require.NoError(t, err)
	d.undo(ctx, t, injection) // does nothing
	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	begun := time.Now()
	require.NoError(t, injection.Inject(ctx))
	injected := time.Now()
	var files []workload.File
	if f.Target != fault.SFTP {
		files = append(files, d.send(ctx, t), d.send(ctx, t))
	}
	seen, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, bitten, seen)
	bit := time.Now()
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	back, err := injection.Healed(ctx)
	require.NoError(t, err)
	require.Regexp(t, healed, back)
	t.Logf("%s on %s: injected in %.2f s, bit after %.2f s (%s), healed after %.2f s (%s)", f.Name, f.Target,
		injected.Sub(begun).Seconds(), bit.Sub(injected).Seconds(), seen, time.Since(bit).Seconds(), back)
	for _, file := range files {
		until(ctx, t, func() error { return d.arrived(ctx, file) })
	}
	d.passes(t)
}

// TestPostgresFaultsLive takes every fault of Postgres's own through its life.
func TestPostgresFaultsLive(t *testing.T) {
	d := newDrill(t)

	for _, c := range []struct {
		fault          fault.Fault
		bitten, healed string
	}{
		{fault.BackendsKilled(), `^\d+ backends of the pipeline were told to end, and postgres knows none of them any more$`, `^the pipeline has \d+ new backends$`},
		{fault.ReadOnly(), `read-only transaction \(25006\)$`, `^postgres accepts a canary's write$`},
		{fault.CommitsHeld(), `^\d+ commits of the pipeline wait for a standby$`, `^no commit waits for a standby any more$`},
		{fault.PostgresDiskFull(), `No space left on device \(53100\); one of the pipeline: .*could not extend file`, `^postgres accepts a canary's write$`},
		{fault.CrashRecovery(), `^postgres: exited, exit code 137$`, `SELECT answers, not in recovery; its log: .*automatic recovery in progress$`},
	} {
		t.Run(c.fault.Name, func(t *testing.T) { d.whole(t, c.fault, c.bitten, c.healed) })
	}
	t.Run("transactions-held", d.transactionsHeld)
	t.Run("ack-timeout", d.ackTimeout)
	t.Run("left behind", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, f := range []fault.Fault{fault.ReadOnly(), fault.PostgresDiskFull(), fault.CommitsHeld()} {
			injection, err := f.Prepare(ctx, d.r.world)
			require.NoError(t, err)
			if err := injection.Inject(ctx); f.Name != "disk-full" { // a read-only server has no tablespace made
				require.NoError(t, err)
			}
		}
		require.NoError(t, d.r.journal.close())
		d.begin(t) // the stack's reset puts all of it back
		d.passes(t)
		for _, f := range []fault.Fault{fault.ReadOnly(), fault.CommitsHeld()} {
			injection, err := f.Prepare(ctx, d.r.world)
			require.NoError(t, err)
			_, err = injection.Healed(ctx)
			require.NoError(t, err)
		}
	})
}

// transactionsHeld needs transactions that are under way while it is injected.
func (d *drill) transactionsHeld(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	slow, err := fault.Latency(fault.Postgres, fault.Downstream, 300*time.Millisecond, 0).Prepare(ctx, d.r.world)
	require.NoError(t, err)
	require.NoError(t, slow.Inject(ctx))
	defer d.undo(ctx, t, slow)
	injection, err := fault.TransactionsHeld(1).Prepare(ctx, d.r.world)
	require.NoError(t, err)
	d.undo(ctx, t, injection)
	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	injected := make(chan error, 1)
	go func() { injected <- injection.Inject(ctx) }()
	for held := false; !held; {
		d.send(ctx, t)
		select {
		case err := <-injected:
			require.NoError(t, err)
			held = true
		case <-time.After(500 * time.Millisecond): // its transactions were missed: another file
		}
	}
	seen, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Equal(t, "1 backends are stopped in the middle of a transaction", seen)
	t.Logf("%d files until a transaction was held", d.next)
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	_, err = injection.Healed(ctx)
	require.NoError(t, err)
	d.passes(t)
}

// ackTimeout needs something that holds work up.
func (d *drill) ackTimeout(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	injection, err := fault.AckTimeout(2*time.Second).Prepare(ctx, d.r.world)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"consumer_timeout": "1800000", "channel_tick_interval": "60000"}, injection.Undo[0].Args)
	d.undo(ctx, t, injection)
	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(ctx))
	lock, err := fault.LockTable().Prepare(ctx, d.r.world)
	require.NoError(t, err)
	require.NoError(t, lock.Inject(ctx))
	file := d.send(ctx, t)
	seen, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, `timed out waiting.* Timeout used: 2000 ms`, seen)
	d.undo(ctx, t, lock)
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	_, err = injection.Healed(ctx)
	require.NoError(t, err)
	until(ctx, t, func() error { return d.arrived(ctx, file) })
}

// TestContainerFaultsLive takes the faults of containers that TestEveryFaultLives
// does not through their lives, on every role and service.
func TestContainerFaultsLive(t *testing.T) {
	d := newDrill(t)

	for _, target := range []string{fault.Collector, fault.Loader, fault.Indexer, fault.Exporter, fault.SFTP, fault.Postgres, fault.Elasticsearch, fault.RabbitMQ} {
		t.Run(target+"/restart-storm", func(t *testing.T) {
			d.whole(t, fault.RestartStorm(target, 3), `^\S+: started [\d:.]+, [\d:.]+, [\d:.]+$`, works[target])
		})
		cut := `^\S+: on no network$`
		if isService(target) {
			cut = `^\S+: on no network; a canary through the proxy: no answer`
		}
		t.Run(target+"/disconnect", func(t *testing.T) { d.disconnected(t, target, cut) })
	}
	for _, role := range []string{fault.Collector, fault.Loader, fault.Indexer, fault.Exporter} {
		t.Run(role+"/replicas-doubled", func(t *testing.T) {
			d.whole(t, fault.ReplicasDoubled(role), `^\S+-2: runs since [\d:.]+ and has been sent \d+ kB$`, works[role]+`.*; the engine knows no second one any more$`)
		})
	}
	t.Run("no service is doubled", func(t *testing.T) {
		_, err := fault.ReplicasDoubled(fault.Postgres).Prepare(t.Context(), d.r.world)
		require.ErrorContains(t, err, "is no role of the pipeline")
	})
}

// disconnected: nothing is sent to a service that is cut off.
func (d *drill) disconnected(t *testing.T, target, cut string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	injection, err := fault.Disconnect(target).Prepare(ctx, d.r.world)
	require.NoError(t, err)
	before := d.states(ctx, t, target)
	d.undo(ctx, t, injection)
	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(ctx))
	seen, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, cut, seen)
	_, err = fault.Disconnect(target).Prepare(ctx, d.r.world)
	require.ErrorContains(t, err, "is on no network before the fault")
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	healed, err := injection.Healed(ctx)
	require.NoError(t, err)
	require.Regexp(t, works[target], healed)
	after := d.states(ctx, t, target)
	require.Equal(t, before[0].StartedAt, after[0].StartedAt, "it is the same process")
	t.Logf("disconnect on %s: %s; %s", target, seen, healed)
	d.passes(t)
}
