package fault

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// ackTick is how often the broker looks for acks that are late.
const ackTick = 250 * time.Millisecond

// ackSettings prints the broker's patience with acks and how often it looks.
const ackSettings = `io:format("~p,~p", [element(2, application:get_env(rabbit, K)) || K <- [consumer_timeout, channel_tick_interval]])`

// AckTimeout has the broker wait for a consumer's ack for d only (half an hour
// by default), and then close its channel and deliver again. Connections are
// closed once, so that new ones have it. It bites when the broker's log says
// that it closed a channel for that reason: something must hold the work up.
func AckTimeout(d time.Duration) Fault {
	return Fault{Name: "ack-timeout", Target: RabbitMQ, Detail: d.String(), Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		broker := containers[0]
		before, err := broker.Exec(ctx, "root", "rabbitmqctl", "--silent", "eval", ackSettings+".")
		if err != nil {
			return Injection{}, err
		}
		patience, tick, found := strings.Cut(strings.TrimSuffix(strings.TrimSpace(before), "ok"), ",")
		if !found {
			return Injection{}, fmt.Errorf("ask %s how long it waits for acks: it says %q", broker.Part(), before)
		}
		log, err := logOf(ctx, broker)
		if err != nil {
			return Injection{}, err
		}
		return Injection{
			Undo: []Undo{{Do: UndoAckTimeout, Target: broker.Part(), Args: map[string]string{"consumer_timeout": strings.TrimSpace(patience), "channel_tick_interval": strings.TrimSpace(tick)}}},
			Inject: func(ctx context.Context) error {
				return SetAckTimeout(ctx, broker, fmt.Sprint(d.Milliseconds()), fmt.Sprint(ackTick.Milliseconds()))
			},
			Bites: func(ctx context.Context) (string, error) {
				return log.says(ctx, func(lines []string) bool {
					return strings.Contains(lines[0], "timed out waiting") && strings.Contains(lines[0], "ack")
				})
			},
			Healed: ready(containers),
		}, nil
	}}
}

// SetAckTimeout sets how long a broker waits for acks and how often it looks,
// in milliseconds, and closes its connections, so that new ones have it. Where
// it is set so already nothing is done.
func SetAckTimeout(ctx context.Context, broker Container, patience, tick string) error {
	_, err := broker.Exec(ctx, "root", "rabbitmqctl", "--silent", "eval", fmt.Sprintf(`
		Wanted = [{consumer_timeout, %s}, {channel_tick_interval, %s}],
		case [K || {K, V} <- Wanted, application:get_env(rabbit, K) =/= {ok, V}] of
			[] -> ok;
			_ ->
				[application:set_env(rabbit, K, V) || {K, V} <- Wanted],
				[rabbit_networking:close_connection(C, "how long acks are waited for was changed") || C <- rabbit_networking:connections()]
		end.`, patience, tick))
	return err
}
