package fault

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PermissionsWithdrawn takes every account its permissions in the pipeline's
// vhost. Connections that are open stay open; a new one is refused, which is
// the proof. Recovery gives the permissions back.
func PermissionsWithdrawn() Fault {
	return Fault{Name: "permissions-withdrawn", Target: RabbitMQ, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		broker := world.Broker()
		vhost := url.PathEscape(broker.Vhost())
		var before []struct {
			User      string `json:"user"`
			Configure string `json:"configure"`
			Write     string `json:"write"`
			Read      string `json:"read"`
		}
		if err := broker.Manage(ctx, http.MethodGet, "/vhosts/"+vhost+"/permissions", nil, &before); err != nil {
			return Injection{}, err
		}
		if len(before) == 0 {
			return Injection{}, fmt.Errorf("nobody has permissions in vhost %s: %w", broker.Vhost(), errNothingToBreak)
		}
		var undo []Undo
		for _, p := range before {
			undo = append(undo, managed(target, http.MethodPut, "/permissions/"+vhost+"/"+url.PathEscape(p.User),
				map[string]string{"configure": p.Configure, "write": p.Write, "read": p.Read}))
		}
		return Injection{
			Undo: undo,
			Inject: func(ctx context.Context) error {
				for _, step := range undo {
					if err := broker.Manage(ctx, http.MethodDelete, step.Args["path"], nil, nil); err != nil {
						return err
					}
				}
				return nil
			},
			Bites: func(ctx context.Context) (string, error) {
				refused, err := refusal(ctx, broker)
				return "a new connection: " + refused, err
			},
			Healed: takesConnections(broker),
		}, nil
	}}
}

// ConnectionsClosed has the broker close every connection of the pipeline, as
// an operator does. It is proved by their names being gone from the management
// interface's list. There is nothing to take back: it is healed when the
// broker takes connections. None there is an error.
func ConnectionsClosed() Fault {
	return Fault{Name: "connections-closed", Target: RabbitMQ, Disconnects: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		broker := world.Broker()
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		proxied, err := world.Connections(target)
		if err != nil {
			return Injection{}, err
		}
		from, err := proxied.From(ctx)
		if err != nil {
			return Injection{}, err
		}
		names, err := connections(ctx, broker, from)
		if err != nil {
			return Injection{}, err
		}
		if len(names) == 0 {
			return Injection{}, fmt.Errorf("the pipeline has no connection to vhost %s: %w", broker.Vhost(), errNothingToBreak)
		}
		return Injection{
			Inject: func(ctx context.Context) error { return closeAll(ctx, containers[0], names) },
			Bites:  func(ctx context.Context) (string, error) { return allGone(ctx, broker, from, names) },
			Healed: takesConnections(broker),
		}, nil
	}}
}

// connections returns the names of the connections to the pipeline's vhost
// that come from an address. Without statistics, which lag by seconds, the
// broker itself is asked.
func connections(ctx context.Context, broker Broker, from string) (names []string, err error) {
	var open []struct {
		Name  string `json:"name"` // "10.0.0.9:40142 -> 10.0.0.2:5672"
		Vhost string `json:"vhost"`
	}
	if err := broker.Manage(ctx, http.MethodGet, "/connections?disable_stats=true", nil, &open); err != nil {
		return nil, err
	}
	for _, c := range open {
		if c.Vhost == broker.Vhost() && strings.HasPrefix(c.Name, from+":") {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// closeAll closes connections by name. The management interface could too, but
// not one that is too young for its statistics.
func closeAll(ctx context.Context, broker Container, names []string) error {
	var wanted []string
	for _, name := range names {
		wanted = append(wanted, fmt.Sprintf(`<<"%s">>`, name))
	}
	closed, err := broker.Exec(ctx, "root", "rabbitmqctl", "eval", `[begin rabbit_networking:close_connection(Connection, "closed by an operator"), Name end ||
		Connection <- rabbit_networking:connections(), [{name, Name}] <- [catch rabbit_networking:connection_info(Connection, [name])],
		lists:member(Name, [`+strings.Join(wanted, ", ")+`])].`)
	if err == nil && !strings.Contains(closed, "<<") {
		err = fmt.Errorf("all %d connections had ended before they could be closed", len(names))
	}
	return err
}

// allGone waits until none of the names is in the broker's list any more.
func allGone(ctx context.Context, broker Broker, from string, names []string) (string, error) {
	return await(ctx, func(ctx context.Context) (string, error) {
		open, err := connections(ctx, broker, from)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			for _, still := range open {
				if still == name {
					return "", fmt.Errorf("connection %s is still open", name)
				}
			}
		}
		return fmt.Sprintf("gone from the broker's list: %s", strings.Join(names, ", ")), nil
	})
}

// takesConnections waits until a connection to the pipeline's vhost is taken.
func takesConnections(broker Broker) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		return await(ctx, func(ctx context.Context) (string, error) {
			conn, err := broker.Dial(ctx)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("a connection to vhost %s is taken", broker.Vhost()), conn.CloseDeadline(time.Now().Add(time.Second))
		})
	}
}
