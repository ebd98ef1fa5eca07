package harness

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seatrial/seatrial/harness/fault"
)

// TestEveryBrokerFaultLives takes what an operator can do to RabbitMQ through
// its life: it bites, heals, and records pass the whole pipeline afterwards.
func TestEveryBrokerFaultLives(t *testing.T) {
	d := newDrill(t)
	const there, taken = `^queue \S+ is there, with 1 bindings$`, `^a connection to vhost \S+ is taken$`
	for _, test := range []struct {
		fault         fault.Fault
		bites, healed string
	}{
		{fault.QueueDeleted(fault.Loader), `^[\d:.]+: the broker knows no queue records$`, there},
		{fault.QueueDeleted(fault.Exporter), `^[\d:.]+: the broker knows no queue records.applied$`, there},
		{fault.BindingDeleted(fault.Loader), `^[\d:.]+: queue records is no longer among those bound to exchange imports with key "record"$`, there},
		{fault.ExchangeDeleted(fault.Loader), `^[\d:.]+: the broker knows no exchange imports$`, there},
		{fault.MemoryAlarm(), `^alarms: memory; a connection that publishes is blocked: low on memory$`, `^rabbitmq has no alarm; a message is confirmed$`},
		{fault.DiskAlarm(), `^alarms: disk space; a connection that publishes is blocked: low on disk$`, `^rabbitmq has no alarm; a message is confirmed$`},
		{fault.PermissionsWithdrawn(), `^a new connection: (403|530) `, taken},
		{fault.ConnectionsClosed(), `^gone from the broker's list: .+`, taken},
	} {
		t.Run(test.fault.Name+"/"+test.fault.Detail, func(t *testing.T) {
			d.lives(t, test.fault, test.bites, test.healed, func(context.Context) {})
			d.passes(t)
		})
	}
	t.Run("messages-purged", func(t *testing.T) {
		// The loader is away, so that messages wait.
		loader, err := d.r.world.Containers(fault.Loader)
		require.NoError(t, err)
		require.NoError(t, loader[0].Kill(t.Context()))
		d.lives(t, fault.MessagesPurged(fault.Loader), `^the broker purged [1-9]\d* messages of queue records; 0 are ready now$`, `^queue records answers passive declare$`, func(ctx context.Context) {
			d.send(ctx, t)
			until(ctx, t, func() error { return d.waits(ctx, "records") })
		})
		require.NoError(t, loader[0].Start(t.Context()))
		d.passes(t)
	})
	t.Run("reset puts back what was left", func(t *testing.T) {
		injection, err := fault.MemoryAlarm().Prepare(t.Context(), d.r.world)
		require.NoError(t, err)
		require.NoError(t, injection.Inject(t.Context()))
		require.NoError(t, d.r.journal.close())
		d.begin(t)
		d.passes(t)
	})
}

// lives takes a fault through its life; what comes before it is injected is
// done after a try of its undo, which must do no harm.
func (d *drill) lives(t *testing.T, f fault.Fault, bites, healed string, before func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	injection, err := f.Prepare(ctx, d.r.world)
	require.NoError(t, err)
	d.undo(ctx, t, injection)
	before(ctx)
	ids, err := d.r.journal.add(injection.Undo)
	require.NoError(t, err)
	begun := time.Now()
	require.NoError(t, injection.Inject(ctx))
	injected := time.Now()
	seen, err := injection.Bites(ctx)
	require.NoError(t, err)
	require.Regexp(t, bites, seen)
	bit := time.Now()
	require.NoError(t, d.r.journal.take(ctx, ids, d.r.world.undo))
	d.undo(ctx, t, injection)
	undone := time.Now()
	well, err := injection.Healed(ctx)
	require.NoError(t, err)
	require.Regexp(t, healed, well)
	t.Logf("%s (%s): injected in %.2f s, bit after %.2f s (%s), undone twice in %.2f s, healed after %.2f s (%s)", f.Name, f.Detail,
		injected.Sub(begun).Seconds(), bit.Sub(injected).Seconds(), seen, undone.Sub(bit).Seconds(), time.Since(undone).Seconds(), well)
}

// waits is an error while no message is ready in a queue.
func (d *drill) waits(ctx context.Context, queue string) error {
	conn, err := d.r.world.Broker().Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	channel, err := conn.Channel()
	if err != nil {
		return err
	}
	state, err := channel.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err == nil && state.Messages == 0 {
		return fmt.Errorf("no message is ready in %s", queue)
	}
	return err
}
