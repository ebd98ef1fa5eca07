package fault

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRestartStormIsSeenByTheEngine(t *testing.T) {
	c := up("collector")
	world := &fakeWorld{parts: map[string][]*fakeContainer{Collector: {c}}}
	injection, err := RestartStorm(Collector, 2).Prepare(t.Context(), world)
	require.NoError(t, err)
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, []string{"stop 1s", "start", "stop 1s", "start"}, c.did)
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "restart 2 changed nothing", "the fake's clock stands still")

	_, err = RestartStorm(Collector, 1).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "no storm")
	text, err := storm([]time.Time{time.Unix(1, 0), time.Unix(2, 0)}, 2)
	require.NoError(t, err)
	require.Equal(t, "started 00:00:01.000, 00:00:02.000", text)
	_, err = storm([]time.Time{time.Unix(1, 0)}, 2)
	require.ErrorContains(t, err, "restarted 1 times of 2")
}

func TestDisconnectNeedsANetworkAndACanary(t *testing.T) {
	c := up(Postgres)
	c.networks = []string{"back"}
	canaries := &fakeConnections{canaries: []Canary{{}, {Err: "i/o timeout"}, {}}}
	world := &fakeWorld{parts: map[string][]*fakeContainer{Postgres: {c}}, connections: canaries}
	injection, err := Disconnect(Postgres).Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoConnect, Target: Postgres}}, injection.Undo)
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "is still on back")
	require.NoError(t, injection.Inject(t.Context()))
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "but a canary to postgres answered", "off the network, and yet reached")
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "postgres: on no network; a canary through the proxy: no answer (i/o timeout) after 0s", seen)
	_, err = injection.Healed(t.Context())
	require.ErrorContains(t, err, "before that on back")
	c.networks = []string{"back"}
	healed, err := injection.Healed(t.Context())
	require.NoError(t, err)
	require.Contains(t, healed, "on 1 of its networks; a canary through the proxy: answered")

	c.networks = nil
	_, err = Disconnect(Postgres).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "there is nothing to cut")
}

func TestReplicasDoubledAreProvedByWhatTheyAreSent(t *testing.T) {
	world := &fakeWorld{parts: map[string][]*fakeContainer{Loader: {up("loader")}, Postgres: {up(Postgres)}}, doubles: map[string][]string{Loader: {"loader-2"}}}
	injection, err := ReplicasDoubled(Loader).Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoRemove, Target: "loader-2"}}, injection.Undo)
	require.NoError(t, injection.Inject(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = injection.Bites(ctx)
	require.ErrorContains(t, err, "no work came to loader-2")
	_, err = injection.Healed(t.Context())
	require.ErrorContains(t, err, "loader-2 is still there (running)")

	_, err = ReplicasDoubled(Postgres).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "is no role of the pipeline")
}

func TestCrashRecoveryIsProvedByTheServersLog(t *testing.T) {
	c := up(Postgres)
	c.said = "LOG:  database system was not properly shut down; automatic recovery in progress\n"
	injection, err := CrashRecovery().Prepare(t.Context(), &fakeWorld{parts: map[string][]*fakeContainer{Postgres: {c}}})
	require.NoError(t, err)
	require.NoError(t, injection.Inject(t.Context()))
	require.NoError(t, c.Start(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = injection.Healed(ctx)
	require.ErrorContains(t, err, "the log of postgres has no such line", "what it said before counts for nothing")
	c.said += "LOG:  starting\n" + c.said
	healed, err := injection.Healed(t.Context())
	require.NoError(t, err)
	require.Contains(t, healed, "its log: LOG:  database system was not properly shut down; automatic recovery in progress")
}

func TestPipelineRefusedIsNoCanary(t *testing.T) {
	full := `ERROR:  could not extend file "pg_tblspc/1/PG_15/2/3": No space left on device`
	for _, c := range []struct {
		lines []string
		want  bool
	}{
		{[]string{full, "HINT:  Check free disk space.", "STATEMENT:  ", "\tinsert into people"}, true},
		{[]string{full, "HINT:  Check free disk space.", "STATEMENT:  INSERT INTO seatrial_canary VALUES ('tweet')"}, false},
		{[]string{full}, false},
		{[]string{"LOG:  checkpoint starting", "STATEMENT:  x"}, false},
	} {
		require.Equal(t, c.want, pipelineRefused(c.lines), c.lines)
	}
}

func TestWideEntriesFitWhatIsThere(t *testing.T) {
	require.Len(t, wide(0), 2600)
	require.Len(t, wide(1000), 2600)
	require.Len(t, wide(1_000_000), 8)
	require.Len(t, wide(100_000_000), 1)
	require.Equal(t, wide(10), wide(10))
}

func TestAckTimeoutKeepsWhatWasSet(t *testing.T) {
	c := up(RabbitMQ)
	c.says = "1800000,60000ok\n"
	c.exec = func() error { return nil }
	world := &fakeWorld{parts: map[string][]*fakeContainer{RabbitMQ: {c}}}
	injection, err := AckTimeout(2*time.Second).Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoAckTimeout, Target: RabbitMQ, Args: map[string]string{"consumer_timeout": "1800000", "channel_tick_interval": "60000"}}}, injection.Undo)
	require.NoError(t, injection.Inject(t.Context()))
	require.Contains(t, c.did[1], "{consumer_timeout, 2000}, {channel_tick_interval, 250}")
	c.said = "[warning] <0.1.0> Consumer 8 on channel 1 has timed out waiting for delivery acknowledgement. Timeout used: 2000 ms.\n"
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "timed out")

	c.says = "nonsense"
	_, err = AckTimeout(2*time.Second).Prepare(t.Context(), world)
	require.ErrorContains(t, err, `it says "nonsense"`)
	c.exec = func() error { return errors.New("no such node") }
	_, err = AckTimeout(2*time.Second).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "no such node")
}

func TestPostgresFaultsNeedAServer(t *testing.T) {
	world := &fakeWorld{parts: map[string][]*fakeContainer{Postgres: {up(Postgres)}}, connections: &fakeConnections{}}
	_, err := ReadOnly().Prepare(t.Context(), world)
	require.ErrorContains(t, err, "before the fault")
	_, err = PostgresDiskFull().Prepare(t.Context(), world)
	require.ErrorContains(t, err, "no table declared")
	_, err = TransactionsHeld(1).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "no table declared")
	_, err = TransactionsHeld(0).Prepare(t.Context(), world)
	require.ErrorContains(t, err, "has no effect")
	for _, f := range []Fault{BackendsKilled(), CommitsHeld()} {
		injection, err := f.Prepare(t.Context(), world)
		require.NoError(t, err)
		require.ErrorContains(t, injection.Inject(t.Context()), "connection refused")
	}
}
