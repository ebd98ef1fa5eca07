package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seatrial/seatrial/harness/history"
)

// listQueues asks a broker that is well for the queues of virtual host $1. Its
// own rabbitmqctl, which does the same, takes three times the processor for
// getting started; whatever is not as it should be here is left to that.
const listQueues = `export ERL_CRASH_DUMP_SECONDS=0; cookie=$(cat /var/lib/rabbitmq/.erlang.cookie) && exec erl -noinput -hidden -sname "seatrial-$$" -setcookie "$cookie" -eval '
[Vhost] = [list_to_binary(A) || A <- init:get_plain_arguments()],
{ok, Host} = inet:gethostname(),
Call = fun(Module, Function, Args) -> rpc:call(list_to_atom("rabbit@" ++ Host), Module, Function, Args, 10000) end,
true = Call(rabbit_vhost, exists, [Vhost]),
true = Call(rabbit_vhost_sup_sup, is_vhost_alive, [Vhost]),
Queues = Call(rabbit_amqqueue, info_all, [Vhost, [name, messages_ready, messages_unacknowledged]]),
Count = fun(Queue, Of) -> case proplists:get_value(Of, Queue) of N when is_integer(N) -> integer_to_list(N); _ -> "null" end end,
Lines = [["{\"raw_name\":\"", base64:encode(element(4, proplists:get_value(name, Queue))),
	"\",\"messages_ready\":", Count(Queue, messages_ready),
	",\"messages_unacknowledged\":", Count(Queue, messages_unacknowledged), "}"] || Queue <- Queues],
io:format("[~s]~n", [lists:join(",", Lines)]),
halt(0).' -extra "$1"`

// depths returns ready and unacknowledged messages of all queues of the vhost,
// from the broker itself: what its management interface says lags.
func (b *broker) depths(ctx context.Context) ([]history.QueueDepth, error) {
	vhost := b.endpoints.AMQPVhost
	out, err := b.Exec(ctx, "sh", "-c", listQueues, "sh", vhost)
	depths, unclear := parseDepths(out)
	if err != nil || unclear != nil {
		out, err = b.Exec(ctx, "rabbitmqctl", "list_queues", "--quiet", "-p", vhost, "--formatter", "json", "name", "messages_ready", "messages_unacknowledged")
		if err != nil {
			return nil, fmt.Errorf("count the messages in the queues: %w", err)
		}
		depths, err = parseDepths(out)
	}
	if b.Next {
		for i := range depths {
			depths[i].Broker = b.Name
		}
	}
	return depths, err
}

func parseDepths(out string) ([]history.QueueDepth, error) {
	start := strings.IndexByte(out, '[') // warnings may stand before it
	if start < 0 {
		return nil, fmt.Errorf("count the messages in the queues: the broker printed no list: %.200q", out)
	}
	var listed []struct {
		Name    string `json:"name"`
		RawName []byte `json:"raw_name"` // instead of it
		Ready   *int   `json:"messages_ready"`
		Unacked *int   `json:"messages_unacknowledged"`
	}
	if err := json.NewDecoder(strings.NewReader(out[start:])).Decode(&listed); err != nil {
		return nil, fmt.Errorf("count the messages in the queues: the broker printed %.200q: %w", out[start:], err)
	}
	depths := make([]history.QueueDepth, 0, len(listed))
	var err error
	for _, q := range listed {
		name := q.Name + string(q.RawName)
		if q.Ready == nil || q.Unacked == nil {
			err = fmt.Errorf("count the messages in the queues: queue %s does not say (is it down?)", name)
			continue
		}
		depths = append(depths, history.QueueDepth{Queue: name, Ready: *q.Ready, Unacked: *q.Unacked})
	}
	return depths, err
}
