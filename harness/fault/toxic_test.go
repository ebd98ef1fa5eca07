package fault

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	quick  = Canary{Took: 2 * time.Millisecond}
	slow   = Canary{Took: 300 * time.Millisecond}
	failed = Canary{Took: 2 * time.Millisecond, Err: "EOF"}
	gaveUp = Canary{Took: 5 * time.Second, Err: "i/o timeout", GaveUp: true}
)

func TestToxics(t *testing.T) {
	for _, tc := range []struct {
		fault    Fault
		toxic    string
		name     string
		shows    Canary
		shown    string
		conceals []Canary // what does not show it
	}{
		{Latency(RabbitMQ, Upstream, 300*time.Millisecond, 100*time.Millisecond), `latency upstream {"jitter":100,"latency":300}`, "seatrial-latency-upstream", slow, "answered after 300ms", []Canary{quick, failed}},
		{Latency(RabbitMQ, Downstream, 8*time.Second, 0), `latency downstream {"jitter":0,"latency":8000}`, "seatrial-latency-downstream", gaveUp, "no answer (i/o timeout) after 5s", []Canary{slow, failed}},
		{Timeout(RabbitMQ, Upstream, 0), `timeout upstream {"timeout":0}`, "seatrial-timeout-upstream", gaveUp, "no answer", []Canary{quick}},
		{ResetPeer(RabbitMQ, Downstream, time.Second), `reset_peer downstream {"timeout":1000}`, "seatrial-reset_peer-downstream", failed, "no answer (EOF)", []Canary{quick}},
		{LimitData(RabbitMQ, Downstream, 0), `limit_data downstream {"bytes":0}`, "seatrial-limit_data-downstream", failed, "no answer (EOF)", []Canary{quick}},
		{LimitData(RabbitMQ, Downstream, 64), `limit_data downstream {"bytes":64}`, "seatrial-limit_data-downstream", quick, "answered after 2ms", nil},
		{Bandwidth(RabbitMQ, Upstream, 10), `bandwidth upstream {"rate":10}`, "seatrial-bandwidth-upstream", quick, "answered after 2ms", nil},
		{SlowClose(RabbitMQ, Upstream, time.Second), `slow_close upstream {"delay":1000}`, "seatrial-slow_close-upstream", quick, "answered after 2ms", nil},
		{Slicer(RabbitMQ, Upstream, 10, time.Millisecond), `slicer upstream {"average_size":10,"delay":1000,"size_variation":5}`, "seatrial-slicer-upstream", quick, "answered after 2ms", nil},
	} {
		t.Run(tc.fault.Name+" "+tc.fault.Detail, func(t *testing.T) {
			require.True(t, tc.fault.Lasting)
			connections := &fakeConnections{toxics: map[string]string{}, canaries: []Canary{quick}}
			injection, err := tc.fault.Prepare(t.Context(), &fakeWorld{connections: connections})
			require.NoError(t, err)
			require.Equal(t, []Undo{{Do: UndoRemoveToxic, Target: RabbitMQ, Args: map[string]string{"name": tc.name}}}, injection.Undo)
			require.Empty(t, connections.toxics, "preparing does nothing")
			connections.canaries = []Canary{tc.shows}
			_, err = injection.Bites(t.Context())
			require.ErrorContains(t, err, "the proxy knows no toxic "+tc.name)
			require.NoError(t, injection.Inject(t.Context()))
			require.Equal(t, map[string]string{tc.name: tc.toxic}, connections.toxics)
			seen, err := injection.Bites(t.Context())
			require.NoError(t, err)
			require.Contains(t, seen, tc.shown)
			for _, canary := range tc.conceals {
				connections.canaries = []Canary{canary}
				_, err := injection.Bites(t.Context())
				require.ErrorContains(t, err, "a canary through the proxy", "%s", canary)
			}
			_, err = injection.Healed(t.Context())
			require.ErrorContains(t, err, "is still on rabbitmq")
			_, err = tc.fault.Prepare(t.Context(), &fakeWorld{connections: connections})
			require.ErrorContains(t, err, "is on rabbitmq already")
			delete(connections.toxics, tc.name)
			connections.canaries = []Canary{failed, quick}
			seen, err = injection.Healed(t.Context())
			require.NoError(t, err)
			require.Contains(t, seen, "answered after 2ms")
		})
	}
}

// What is wrong already is not taken for the effect of a toxic.
func TestToxicThatCouldNotBeTold(t *testing.T) {
	for _, tc := range []struct {
		fault  Fault
		before Canary
	}{
		{Latency(RabbitMQ, Upstream, 200*time.Millisecond, 0), slow},
		{Latency(RabbitMQ, Upstream, 200*time.Millisecond, 0), failed},
		{Timeout(RabbitMQ, Upstream, 0), gaveUp},
		{ResetPeer(RabbitMQ, Upstream, 0), failed},
	} {
		_, err := tc.fault.Prepare(t.Context(), &fakeWorld{connections: &fakeConnections{canaries: []Canary{tc.before}}})
		require.ErrorContains(t, err, "could not be told from that", "%s", tc.fault.Name)
	}
}

func TestToxicWithoutEffectIsRefused(t *testing.T) {
	for _, f := range []Fault{
		Latency(RabbitMQ, Upstream, 0, 0), Latency(RabbitMQ, Upstream, 500*time.Microsecond, 0), Latency(RabbitMQ, Upstream, time.Second, time.Second),
		Latency(RabbitMQ, Upstream, time.Second, -1), Latency(RabbitMQ, "sideways", time.Second, 0),
		Bandwidth(RabbitMQ, Upstream, 0), SlowClose(RabbitMQ, Upstream, 0), Timeout(RabbitMQ, Upstream, -1), ResetPeer(RabbitMQ, Upstream, -1),
		Slicer(RabbitMQ, Upstream, 0, 0), LimitData(RabbitMQ, Upstream, -1),
	} {
		_, err := f.Prepare(t.Context(), &fakeWorld{connections: &fakeConnections{canaries: []Canary{quick}}})
		require.ErrorContains(t, err, "would have no effect", "%s %s", f.Name, f.Detail)
	}
}

func TestToxicIsNotHealedWhileNobodyAnswers(t *testing.T) {
	connections := &fakeConnections{toxics: map[string]string{}, canaries: []Canary{quick, failed}}
	injection, err := Timeout(RabbitMQ, Upstream, 0).Prepare(t.Context(), &fakeWorld{connections: connections})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = injection.Healed(ctx)
	require.ErrorContains(t, err, "a canary to rabbitmq is not answered: no answer (EOF)")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
