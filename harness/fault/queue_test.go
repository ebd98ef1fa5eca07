package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
)

// fakeBroker answers requests of its management interface from a table:
// "GET /path" → JSON, or nothing; what begins with ! is unhealthy. What is not
// in it is absent.
type fakeBroker struct {
	answers map[string]string
	did     []string
}

func (b *fakeBroker) Manage(_ context.Context, method, path string, body, answer any) error {
	if method != http.MethodGet {
		b.did = append(b.did, method+" "+path)
	}
	said, known := b.answers[method+" "+path]
	switch {
	case !known:
		return fmt.Errorf("%w: %s %s", ErrAbsent, method, path)
	case strings.HasPrefix(said, "!"):
		return fmt.Errorf("%w: %s", ErrUnhealthy, said)
	case answer == nil:
		return nil
	}
	return json.Unmarshal([]byte(said), answer)
}

func (b *fakeBroker) Dial(context.Context) (*amqp.Connection, error) {
	return nil, &amqp.Error{Code: amqp.NotAllowed, Reason: "access to vhost refused"}
}

func (b *fakeBroker) Vhost() string { return "v/1" }

func (b *fakeBroker) Queues() ([]string, error) { return []string{"work"}, nil }

func (b *fakeBroker) Queue(does string) (string, error) {
	if does != Loader {
		return "", errors.New("no role " + does)
	}
	return "work", nil
}

// bound is a broker with a queue that is bound to an exchange with two queues.
func bound() *fakeBroker {
	const (
		implied = `{"source":"","destination":"work","destination_type":"queue","routing_key":"work","properties_key":"work"}`
		work    = `{"source":"in","destination":"work","destination_type":"queue","routing_key":"a","properties_key":"a","arguments":{}}`
		other   = `{"source":"in","destination":"other","destination_type":"queue","routing_key":"b","properties_key":"b","arguments":{}}`
	)
	return &fakeBroker{answers: map[string]string{
		"GET /queues/v%2F1/work":                  `{"durable":true,"auto_delete":false,"arguments":{"x-max-length":5}}`,
		"GET /queues/v%2F1/work/bindings":         "[" + implied + "," + work + "]",
		"GET /exchanges/v%2F1/in":                 `{"type":"direct","durable":true}`,
		"GET /exchanges/v%2F1/in/bindings/source": "[" + work + "," + other + "]",
	}}
}

// Recovery is known, as data, before anything is deleted: exchange, queue,
// bindings, in that order from the last step to the first.
func TestRemovalsKnowHowAllWas(t *testing.T) {
	for _, f := range []Fault{QueueDeleted(Loader), BindingDeleted(Loader), ExchangeDeleted(Loader)} {
		broker := bound()
		injection, err := f.Prepare(t.Context(), &fakeWorld{broker: broker})
		require.NoError(t, err)
		require.Empty(t, broker.did)
		var undo []string
		for i := len(injection.Undo) - 1; i >= 0; i-- {
			step := injection.Undo[i]
			require.Equal(t, UndoManage, step.Do)
			undo = append(undo, step.Args["method"]+" "+step.Args["path"]+" "+step.Args["body"])
		}
		require.Equal(t, []string{
			`PUT /exchanges/v%2F1/in {"type":"direct","durable":true,"auto_delete":false,"internal":false,"arguments":null}`,
			`PUT /queues/v%2F1/work {"durable":true,"auto_delete":false,"arguments":{"x-max-length":5}}`,
			`POST /bindings/v%2F1/e/in/q/other {"arguments":{},"routing_key":"b"}`,
			`POST /bindings/v%2F1/e/in/q/work {"arguments":{},"routing_key":"a"}`,
		}, undo)
	}
}

func TestBindingDeletedIsSeenGone(t *testing.T) {
	broker := bound()
	injection, err := BindingDeleted(Loader).Prepare(t.Context(), &fakeWorld{broker: broker})
	require.NoError(t, err)

	require.ErrorContains(t, injection.Inject(t.Context()), "there is no such thing", "what was never deleted is not gone")
	broker.answers["DELETE /bindings/v%2F1/e/in/q/work/a"] = ""
	broker.answers["GET /exchanges/v%2F1/in/bindings/source"] = "[]"
	require.NoError(t, injection.Inject(t.Context()))
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^[\d:.]+: queue work is no longer among those bound to exchange in with key "a"$`, seen)
	healed, err := injection.Healed(t.Context())
	require.NoError(t, err)
	require.Equal(t, "queue work is there, with 1 bindings", healed)
}

func TestRemovalsFindSomethingToRemove(t *testing.T) {
	broker := bound()
	broker.answers["GET /queues/v%2F1/work/bindings"] = "[]"
	for _, f := range []Fault{BindingDeleted(Loader), ExchangeDeleted(Loader)} {
		_, err := f.Prepare(t.Context(), &fakeWorld{broker: broker})
		require.ErrorContains(t, err, "queue work is bound to no exchange")
	}
	delete(broker.answers, "GET /queues/v%2F1/work")
	_, err := QueueDeleted(Loader).Prepare(t.Context(), &fakeWorld{broker: broker})
	require.ErrorIs(t, err, ErrAbsent)
	_, err = QueueDeleted(Indexer).Prepare(t.Context(), &fakeWorld{broker: broker})
	require.ErrorContains(t, err, "no role index")
}

func TestConnectionsClosed(t *testing.T) {
	const list = "GET /connections?disable_stats=true"
	broker := &fakeBroker{answers: map[string]string{list: `[{"name":"10.0.0.9:1 -> b","vhost":"v/1"},
		{"name":"10.0.0.99:1 -> b","vhost":"v/1"},{"name":"10.0.0.9:2 -> b","vhost":"other"}]`}}
	container := up(RabbitMQ)
	world := &fakeWorld{broker: broker, connections: &fakeConnections{}, parts: map[string][]*fakeContainer{RabbitMQ: {container}}}
	container.exec = func() error { return nil }
	injection, err := ConnectionsClosed().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.ErrorContains(t, injection.Inject(t.Context()), "all 1 connections had ended before")
	require.Contains(t, container.did[0], `lists:member(Name, [<<"10.0.0.9:1 -> b">>])`, "the harness's own and those of other vhosts stay")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = injection.Bites(ctx)
	require.ErrorContains(t, err, "connection 10.0.0.9:1 -> b is still open")
	broker.answers[list] = "[]"
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "gone from the broker's list: 10.0.0.9:1 -> b", seen)
	_, err = ConnectionsClosed().Prepare(t.Context(), world)
	require.ErrorIs(t, err, errNothingToBreak)
}

func TestPermissionsWithdrawn(t *testing.T) {
	broker := &fakeBroker{answers: map[string]string{
		"GET /vhosts/v%2F1/permissions":  `[{"configure":"x","write":".*","read":"","user":"user"}]`,
		"DELETE /permissions/v%2F1/user": "",
	}}
	injection, err := PermissionsWithdrawn().Prepare(t.Context(), &fakeWorld{broker: broker})
	require.NoError(t, err)
	require.Equal(t, "/permissions/v%2F1/user", injection.Undo[0].Args["path"])
	require.JSONEq(t, `{"configure":"x","write":".*","read":""}`, injection.Undo[0].Args["body"])
	require.NoError(t, injection.Inject(t.Context()))
	seen, err := injection.Bites(t.Context())
	require.NoError(t, err)
	require.Equal(t, "a new connection: 530 access to vhost refused", seen)
}

func TestAlarms(t *testing.T) {
	broker := &fakeBroker{answers: map[string]string{"GET /health/checks/alarms": "{}"}}
	container := up(RabbitMQ)
	container.exec = func() error { return nil }
	world := &fakeWorld{broker: broker, parts: map[string][]*fakeContainer{RabbitMQ: {container}}}
	injection, err := DiskAlarm().Prepare(t.Context(), world)
	require.NoError(t, err)
	require.Equal(t, UndoEval, injection.Undo[0].Do)
	require.NoError(t, injection.Inject(t.Context()))
	require.Equal(t, "exec root rabbitmqctl eval rabbit_disk_monitor:set_disk_free_limit(1000000000000000000).", container.did[1])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = injection.Bites(ctx)
	require.ErrorContains(t, err, "rabbitmq has no alarm")
	broker.answers["GET /health/checks/alarms"] = `!{"status":"failed","reason":"alarms","alarms":[{"node":"n","resource":"disk"}]}`
	_, err = injection.Healed(ctx)
	require.ErrorContains(t, err, "rabbitmq has alarms still: disk")
	_, err = MemoryAlarm().Prepare(t.Context(), world)
	require.ErrorIs(t, err, errNothingToBreak)
}
