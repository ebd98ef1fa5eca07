package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// waitingMessages is what goes with a virtual host.
const waitingMessages = "all queues, with the messages that wait in them"

// DeleteVhost deletes the pipeline's virtual host. It bites if the broker
// refuses a connection to it. Recovery creates it anew, with its permissions
// and nothing in it: what is to be declared in it is the pipeline's to declare.
func DeleteVhost() Fault {
	return Fault{Name: "vhost-deleted", Target: RabbitMQ, Disconnects: true, Destroys: waitingMessages, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		broker := world.Broker()
		path := "/vhosts/" + url.PathEscape(broker.Vhost())
		if err := broker.Manage(ctx, http.MethodGet, path, nil, nil); err != nil {
			return Injection{}, fmt.Errorf("look at vhost %s: %w", broker.Vhost(), err)
		}
		return Injection{
			Undo:   []Undo{{Do: UndoVhost, Target: target}},
			Inject: func(ctx context.Context) error { return broker.Manage(ctx, http.MethodDelete, path, nil, nil) },
			Bites: func(ctx context.Context) (string, error) {
				refused, err := refusal(ctx, broker)
				if err != nil {
					return "", err
				}
				if err := broker.Manage(ctx, http.MethodGet, path, nil, nil); !errors.Is(err, ErrAbsent) {
					return "", fmt.Errorf("the management interface still knows vhost %s (%v)", broker.Vhost(), err)
				}
				return fmt.Sprintf("the management interface knows no vhost %s; a connection to it: %s", broker.Vhost(), refused), nil
			},
			Healed: ready(containers),
		}, nil
	}}
}

// CorruptVhost breaks the message store of the pipeline's virtual host on disk
// while the broker runs, and ends the virtual host's processes as a crash
// does. It bites if the virtual host is down, its connections are closed, and
// neither starting it again nor restarting the broker brings it back: both are
// tried. Recovery deletes it and creates it anew, with its permissions and
// nothing in it.
func CorruptVhost() Fault {
	return Fault{Name: "vhost-corrupted", Target: RabbitMQ, Disconnects: true, Destroys: waitingMessages, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		v := &corruptedVhost{broker: world.Broker(), container: containers[0]}
		if state, err := v.state(ctx); err != nil || state != "running" {
			return Injection{}, fmt.Errorf("vhost %s is %q before the fault: %w", v.broker.Vhost(), state, errors.Join(errNothingToBreak, err))
		}
		return Injection{
			Undo:   append([]Undo{{Do: UndoVhost, Target: target}}, undoEach(containers, UndoStart)...),
			Inject: v.corrupt,
			Bites:  v.staysDown,
			Healed: ready(containers),
		}, nil
	}}
}

var errNothingToBreak = errors.New("there is nothing to break")

type corruptedVhost struct {
	broker    Broker
	container Container
	open      string // connections to the virtual host before it was broken
}

// corrupt puts a file in the place of the folder in which the virtual host
// keeps its messages, and kills its supervisor.
func (v *corruptedVhost) corrupt(ctx context.Context) error {
	open, err := v.eval(ctx, `Vhost = `+v.erlang()+`,
		Open = length(rabbit_connection_tracking:list(Vhost)),
		Store = filename:join(rabbit_vhost:msg_store_dir_path(Vhost), "msg_store_persistent"),
		ok = file:rename(Store, Store ++ ".before"),
		ok = file:write_file(Store, <<"corrupted">>),
		{ok, Supervisor} = rabbit_vhost_sup_sup:get_vhost_sup(Vhost),
		exit(Supervisor, kill),
		Open.`)
	v.open = open
	return err
}

// staysDown proves that the virtual host is down, and stays so whatever is
// tried that would save its messages.
func (v *corruptedVhost) staysDown(ctx context.Context) (string, error) {
	if err := v.poll(ctx, func() error {
		if err := v.standUp(ctx); err != nil {
			return err
		}
		open, err := v.eval(ctx, `length(rabbit_connection_tracking:list(`+v.erlang()+`)).`)
		if err == nil && open != "0" {
			err = fmt.Errorf("%s connections to vhost %s are open", open, v.broker.Vhost())
		}
		return err
	}); err != nil {
		return "", err
	}
	down, err := v.down(ctx)
	if err != nil {
		return "", err
	}
	vhost, err := v.restartVhost(ctx)
	if err != nil {
		return "", err
	}
	if err := v.restartBroker(ctx); err != nil {
		return "", err
	}
	still, err := v.down(ctx)
	if err != nil {
		return "", fmt.Errorf("after the broker was restarted: %w", err)
	}
	return fmt.Sprintf("%s; its connections are closed (%s before); starting it again was tried and %s; restarting the broker was tried and did not help: %s", down, v.open, vhost, still), nil
}

// standUp starts a broker again that fell together with the virtual host, which
// happens now and then: the host does not come up with it.
func (v *corruptedVhost) standUp(ctx context.Context) error {
	state, err := v.container.State(ctx)
	if err != nil || state.Running {
		return err
	}
	return v.container.Start(ctx)
}

// down says how the virtual host is down, by the management interface and by
// a connection to it.
func (v *corruptedVhost) down(ctx context.Context) (string, error) {
	err := v.poll(ctx, func() error {
		state, err := v.state(ctx)
		if err == nil && state == "running" {
			err = fmt.Errorf("vhost %s is up", v.broker.Vhost())
		}
		return err
	})
	if err != nil {
		return "", err
	}
	refused, err := refusal(ctx, v.broker)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("vhost %s is down, a connection to it: %s", v.broker.Vhost(), refused), nil
}

// fileInTheWay is what a message store says that finds a file in the place of
// its folder.
const fileInTheWay = "{:badmatch, {:error, :eexist}}"

// restartVhost tries to and returns how the broker fails.
func (v *corruptedVhost) restartVhost(ctx context.Context) (failed string, err error) {
	_, err = v.container.Exec(ctx, "root", "rabbitmqctl", "restart_vhost", "-p", v.broker.Vhost())
	switch {
	case err == nil:
		return "", fmt.Errorf("vhost %s could be started again: its store was not broken", v.broker.Vhost())
	case !strings.Contains(err.Error(), fileInTheWay):
		return "", fmt.Errorf("vhost %s could not be started again, but for another reason than its store: %w", v.broker.Vhost(), err)
	}
	return "failed to start its message store: " + fileInTheWay, nil
}

func (v *corruptedVhost) restartBroker(ctx context.Context) error {
	before, err := v.container.State(ctx)
	if err != nil {
		return err
	}
	if err := v.container.Kill(ctx); err != nil {
		return err
	}
	if err := v.container.Start(ctx); err != nil {
		return err
	}
	after, err := v.container.State(ctx)
	if err == nil && !after.StartedAt.After(before.StartedAt) {
		err = fmt.Errorf("%s runs since %s, as before", v.container.Part(), after.StartedAt)
	}
	return err
}

// state returns what the management interface says of the virtual host.
func (v *corruptedVhost) state(ctx context.Context) (string, error) {
	var vhost struct {
		State map[string]string `json:"cluster_state"`
	}
	if err := v.broker.Manage(ctx, http.MethodGet, "/vhosts/"+url.PathEscape(v.broker.Vhost()), nil, &vhost); err != nil {
		return "", err
	}
	for _, state := range vhost.State {
		return state, nil // of the one node
	}
	return "nowhere", nil
}

func (v *corruptedVhost) erlang() string { return `<<"` + v.broker.Vhost() + `">>` }

func (v *corruptedVhost) eval(ctx context.Context, expression string) (string, error) {
	output, err := v.container.Exec(ctx, "root", "rabbitmqctl", "eval", expression)
	return strings.TrimSpace(output), err
}

// poll asks until there is no error; a broker may just be coming back.
func (v *corruptedVhost) poll(ctx context.Context, ask func() error) error {
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// refusal returns how the broker refuses a connection to the virtual host:
// after it took the client's credentials. A broker that is just starting does
// not come that far.
func refusal(ctx context.Context, broker Broker) (string, error) {
	for {
		conn, err := broker.Dial(ctx)
		if err == nil {
			conn.Close()
			return "", fmt.Errorf("vhost %s takes connections", broker.Vhost())
		}
		var refused *amqp.Error
		if errors.As(err, &refused) && (refused.Code == amqp.NotAllowed || refused.Code == amqp.InternalError) {
			return fmt.Sprintf("%d %s", refused.Code, refused.Reason), nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the broker does not say that it refuses vhost %s: %w: %w", broker.Vhost(), err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
