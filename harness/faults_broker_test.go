package harness

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

// TestBrokerFaultsLive takes the faults that do away with RabbitMQ's virtual
// host, or with all of it, through their lives.
func TestBrokerFaultsLive(t *testing.T) {
	d := newDrill(t)

	again := func(t *testing.T) {
		t.Helper()
		require.NoError(t, d.r.journal.close())
		d.begin(t)
		d.passes(t)
	}
	t.Run("vhost-deleted", func(t *testing.T) {
		d.whole(t, fault.DeleteVhost(), `^the management interface knows no vhost imports; a connection to it: 530 NOT_ALLOWED`, `^rabbitmq: vhost imports answers passive declare$`)
	})
	t.Run("vhost-corrupted", func(t *testing.T) {
		d.whole(t, fault.CorruptVhost(), `^vhost imports is down, a connection to it: 541 .*; its connections are closed \([1-9]\d* before\); `+
			`starting it again was tried and failed to start its message store: .*eexist.*; restarting the broker was tried and did not help: vhost imports is down`,
			`^rabbitmq: vhost imports answers passive declare$`)
	})
	t.Run("queue-redeclared", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		injection, err := fault.QueueRedeclared(fault.Exporter).Prepare(ctx, d.r.world)
		require.NoError(t, err)
		d.undo(ctx, t, injection)
		d.passes(t)
		require.NoError(t, injection.Inject(ctx))
		// What goes into the queue now goes with it.
		file := d.send(ctx, t)
		seen, err := injection.Bites(ctx)
		require.NoError(t, err)
		require.Regexp(t, `^a declare of queue records.applied as it was: 406 PRECONDITION_FAILED - inequivalent arg 'x-max-priority'`, seen)
		d.undo(ctx, t, injection)
		d.undo(ctx, t, injection)
		healed, err := injection.Healed(ctx)
		require.NoError(t, err)
		require.Regexp(t, `^a declare of queue records.applied as it was is taken; queue records.applied is there, with 1 bindings$`, healed)
		d.passes(t)
		_, said, err := d.r.perform(ctx, Operation{Name: "replay"})
		require.NoError(t, err)
		require.Contains(t, said, "published again")
		until(ctx, t, func() error { return d.arrived(ctx, file) })
	})
	t.Run("broker without a successor", func(t *testing.T) {
		_, err := fault.DeleteBroker().Prepare(t.Context(), d.r.world)
		require.ErrorContains(t, err, "no successor takes its place")
	})
	t.Run("broker-deleted", d.movedToSuccessor)
	t.Run("as good as new", func(t *testing.T) {
		again(t)
		require.Len(t, d.h.stack.Brokers(), 1)
		require.Equal(t, stack.RabbitMQ, d.h.stack.Brokers()[0].Part())
	})
	t.Run("what a broker without a volume keeps", func(t *testing.T) {
		require.NoError(t, d.h.stack.DeployBroker(t.Context(), true))
		d.passes(t)
		require.NotZero(t, d.stored(t, fault.RabbitMQ))
		require.NoError(t, d.r.pipeline.Stop(t.Context())) // it would declare its queues anew
		d.live(t, fault.Recreate(fault.RabbitMQ))
		require.Zero(t, d.stored(t, fault.RabbitMQ), "something outlived the container")
		again(t)
	})
}

// movedToSuccessor moves every role to a second broker and deletes the first.
func (d *drill) movedToSuccessor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, operation := range []Operation{{Name: NewBroker}, MoveToBroker(fault.Collector), MoveToBroker(fault.Loader), MoveToBroker(fault.Exporter)} {
		begun := time.Now()
		role, said, err := d.r.perform(ctx, operation)
		require.NoError(t, err)
		t.Logf("%s %s in %.2f s: %s", operation.Name, role, time.Since(begun).Seconds(), said)
	}
	require.Len(t, d.r.brokers(), 2)
	d.passes(t)
	require.Zero(t, d.r.waiting(ctx), "something waits on the old broker")
	d.whole(t, fault.DeleteBroker(), `^rabbitmq: the engine knows no such container any more, its volume is removed; connect to rabbitmq: `, `^rabbitmq-next: vhost imports answers passive declare$`)
	brokers := d.r.brokers()
	require.Len(t, brokers, 1)
	require.Equal(t, stack.Successor, brokers[0].Name)
	_, err := fault.DeleteBroker().Prepare(ctx, d.r.world)
	require.ErrorContains(t, err, "there is nothing to break")
}
