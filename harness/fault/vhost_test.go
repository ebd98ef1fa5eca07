package fault

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// scripted is a container whose commands answer what a test says, by a part of
// their text.
type scripted struct {
	*fakeContainer
	says map[string]string // "!…": it fails with that
}

func (c scripted) Exec(_ context.Context, _ string, command ...string) (string, error) {
	asked := strings.Join(command, " ")
	for part, answer := range c.says {
		if strings.Contains(asked, part) {
			if failed, ok := strings.CutPrefix(answer, "!"); ok {
				return "", errors.New(failed)
			}
			return answer + "\n", nil
		}
	}
	return "", errors.New("unexpected: " + asked)
}

func (c scripted) Start(context.Context) error {
	c.state = State{ID: c.state.ID, Status: "running", Running: true, StartedAt: time.Unix(2, 0)}
	return nil
}

const vhostPath = "GET /vhosts/v%2F1"

func vhostIs(state string) *fakeBroker {
	return &fakeBroker{answers: map[string]string{vhostPath: `{"cluster_state":{"rabbit@rabbitmq":"` + state + `"}}`}}
}

// A virtual host counts as corrupted only if it stays down whatever is tried.
func TestCorruptedVhostStaysDown(t *testing.T) {
	const inTheWay = "!Reason: {:shutdown, {{:badmatch, {:error, :eexist}}, []}}"
	for name, tc := range map[string]struct {
		open, restart, state string
		seen, refused        string
	}{
		"stays down": {open: "0", restart: inTheWay, state: "stopped",
			seen: "vhost v/1 is down, a connection to it: 403"},
		"connections stay open": {open: "3", restart: inTheWay, state: "stopped", refused: "3 connections to vhost v/1 are open"},
		"vhost is up":           {open: "0", restart: inTheWay, state: "running", refused: "vhost v/1 is up"},
		"restart helps":         {open: "0", restart: "started", state: "stopped", refused: "could be started again: its store was not broken"},
		"another reason":        {open: "0", restart: "!no such user", state: "stopped", refused: "for another reason than its store: no such user"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			broker := vhostIs(tc.state)
			container := scripted{up(RabbitMQ), map[string]string{"length(rabbit_connection_tracking:list(<<\"v/1\">>)).": tc.open, "restart_vhost -p v/1": tc.restart}}
			seen, err := (&corruptedVhost{broker: broker, container: container, open: "4"}).staysDown(ctx)
			if tc.refused != "" {
				require.ErrorContains(t, err, tc.refused)
				return
			}
			require.NoError(t, err)
			require.Contains(t, seen, "vhost v/1 is down, a connection to it: 530 access to vhost refused; its connections are closed (4 before); "+
				"starting it again was tried and failed to start its message store: {:badmatch, {:error, :eexist}}; restarting the broker was tried and did not help: vhost v/1 is down")
			require.Equal(t, []string{"kill"}, container.did)
		})
	}
}

func TestVhostFaultsNeedAVhost(t *testing.T) {
	world := &fakeWorld{parts: map[string][]*fakeContainer{RabbitMQ: {up(RabbitMQ)}}, broker: vhostIs("stopped")}
	_, err := CorruptVhost().Prepare(t.Context(), world)
	require.ErrorContains(t, err, `vhost v/1 is "stopped" before the fault: there is nothing to break`)

	world.broker = &fakeBroker{}
	for _, f := range []Fault{CorruptVhost(), DeleteVhost()} {
		_, err = f.Prepare(t.Context(), world)
		require.ErrorIs(t, err, ErrAbsent)
		require.NotEmpty(t, f.Destroys)
	}
}

func TestDeletedVhostIsSeenGone(t *testing.T) {
	broker := vhostIs("running")
	world := &fakeWorld{parts: map[string][]*fakeContainer{RabbitMQ: {up(RabbitMQ)}}, broker: broker}
	injection, err := DeleteVhost().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, []Undo{{Do: UndoVhost, Target: RabbitMQ}}, injection.Undo)
	require.ErrorIs(t, injection.Inject(t.Context()), ErrAbsent, "what could not be deleted is no success")

	broker.answers["DELETE /vhosts/v%2F1"] = ""
	require.NoError(t, injection.Inject(t.Context()))
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "the management interface still knows vhost v/1")
	delete(broker.answers, vhostPath)
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "the management interface knows no vhost v/1; a connection to it: 530 access to vhost refused", seen)
}

func TestBrokerIsDeletedWithASuccessorOnly(t *testing.T) {
	old, next := up(RabbitMQ), up(Successor)
	world := &fakeWorld{parts: map[string][]*fakeContainer{RabbitMQ: {old}}, broker: vhostIs("running")}
	_, err := DeleteBroker().Prepare(t.Context(), world)
	require.ErrorContains(t, err, "no successor takes its place")

	world.parts[Successor] = []*fakeContainer{next}
	old.acts = map[string]State{"remove volumes=true": {Status: "removed"}}
	injection, err := DeleteBroker().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Empty(t, injection.Undo, "it is gone for good")
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "is still there")
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, []string{"remove volumes=true"}, old.did)
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Contains(t, seen, "its volume is removed")
	healed, err := injection.Healed(t.Context())
	require.NoError(t, err)
	require.Equal(t, "rabbitmq-next: works", healed)
}

// What is declared otherwise goes first, then all is put back.
func TestRedeclaredQueueIsPutBack(t *testing.T) {
	broker := bound()
	injection, err := QueueRedeclared(Loader).Prepare(t.Context(), &fakeWorld{broker: broker})
	require.NoError(t, err)
	last := injection.Undo[len(injection.Undo)-1]
	require.Equal(t, Undo{Do: UndoQueue, Target: RabbitMQ, Args: map[string]string{"queue": "work", "arguments": `{"x-max-length":5}`}}, last)
	require.Len(t, injection.Undo, 5)

	broker.answers["DELETE /queues/v%2F1/work"] = ""
	broker.answers["PUT /queues/v%2F1/work"] = ""
	broker.answers["POST /bindings/v%2F1/e/in/q/work"] = ""
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, []string{"DELETE /queues/v%2F1/work", "PUT /queues/v%2F1/work", "POST /bindings/v%2F1/e/in/q/work"}, broker.did)
	_, err = injection.Bites(t.Context())
	require.ErrorContains(t, err, "is not refused with 406", "a broker that refuses all is no proof")

	broker.answers["GET /queues/v%2F1/work"] = `{"durable":true,"arguments":{"x-max-priority":5}}`
	_, err = QueueRedeclared(Loader).Prepare(t.Context(), &fakeWorld{broker: broker})
	require.ErrorContains(t, err, "has x-max-priority before the fault")
}
