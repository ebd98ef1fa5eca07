package fault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// MemoryAlarm has RabbitMQ believe that it uses more memory than it may:
// whoever publishes is blocked, consumers go on. It is proved by the alarm and
// by a connection that the broker says is blocked. Recovery puts the limit
// back to what it was.
func MemoryAlarm() Fault {
	return alarm("memory-alarm", "vm_memory_monitor:get_vm_memory_high_watermark()", "vm_memory_monitor:set_vm_memory_high_watermark(%s)", "0.000001")
}

// DiskAlarm has RabbitMQ believe that its disk is full: as MemoryAlarm.
func DiskAlarm() Fault {
	const exabyte = "1000000000000000000"
	return alarm("disk-alarm", "rabbit_disk_monitor:get_disk_free_limit()", "rabbit_disk_monitor:set_disk_free_limit(%s)", exabyte)
}

func alarm(name, get, set, limit string) Fault {
	return Fault{Name: name, Target: RabbitMQ, Lasting: true, prepare: func(ctx context.Context, world World, target string) (Injection, error) {
		broker := world.Broker()
		containers, err := running(ctx, world, target)
		if err != nil {
			return Injection{}, err
		}
		eval := func(ctx context.Context, expression string) (string, error) {
			said, err := containers[0].Exec(ctx, "root", "rabbitmqctl", "eval", expression)
			return strings.TrimSpace(said), err
		}
		if alarms, err := raised(ctx, broker); err != nil {
			return Injection{}, err
		} else if alarms != "" {
			return Injection{}, fmt.Errorf("rabbitmq has alarms before the fault (%s): %w", alarms, errNothingToBreak)
		}
		before, err := eval(ctx, get+".")
		if err != nil {
			return Injection{}, err
		}
		return Injection{
			Undo: []Undo{{Do: UndoEval, Target: target, Args: map[string]string{"expression": fmt.Sprintf(set, before) + "."}}},
			Inject: func(ctx context.Context) error {
				_, err := eval(ctx, fmt.Sprintf(set, limit)+".")
				return err
			},
			Bites: func(ctx context.Context) (string, error) {
				alarms, err := await(ctx, func(ctx context.Context) (string, error) {
					alarms, err := raised(ctx, broker)
					if err == nil && alarms == "" {
						err = errors.New("rabbitmq has no alarm")
					}
					return alarms, err
				})
				if err != nil {
					return "", err
				}
				reason, err := blocked(ctx, broker)
				return fmt.Sprintf("alarms: %s; a connection that publishes is blocked: %s", alarms, reason), err
			},
			Healed: func(ctx context.Context) (string, error) {
				return await(ctx, func(ctx context.Context) (string, error) {
					alarms, err := raised(ctx, broker)
					if err == nil && alarms != "" {
						err = fmt.Errorf("rabbitmq has alarms still: %s", alarms)
					}
					return "rabbitmq has no alarm; a message is confirmed", errors.Join(err, confirmed(ctx, broker))
				})
			},
		}, nil
	}}
}

// raised returns the alarms in force, in the broker's words; empty: none.
func raised(ctx context.Context, broker Broker) (string, error) {
	err := broker.Manage(ctx, http.MethodGet, "/health/checks/alarms", nil, nil)
	if !errors.Is(err, ErrUnhealthy) {
		return "", err
	}
	var resources []string
	for _, found := range alarming.FindAllStringSubmatch(err.Error(), -1) {
		resources = append(resources, found[1])
	}
	if len(resources) == 0 {
		return err.Error(), nil
	}
	return strings.Join(resources, ", "), nil
}

var alarming = regexp.MustCompile(`"resource":"([^"]*)"`)

// nowhere is a routing key of the default exchange under which no queue is:
// what is published with it is dropped.
const nowhere = "seatrial-nowhere"

// blocked publishes on a connection of its own and waits until the broker says
// that it is blocked, and why.
func blocked(ctx context.Context, broker Broker) (reason string, err error) {
	conn, err := broker.Dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.CloseDeadline(time.Now().Add(200 * time.Millisecond)) // a blocked one answers late
	told := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
	channel, err := conn.Channel()
	if err != nil {
		return "", fmt.Errorf("open a channel to rabbitmq: %w", err)
	}
	if err := channel.PublishWithContext(ctx, "", nowhere, false, false, amqp.Publishing{}); err != nil {
		return "", fmt.Errorf("publish: %w", err)
	}
	select {
	case b := <-told:
		if b.Active {
			return b.Reason, nil
		}
		return "", errors.New("the connection ended before the broker said that it is blocked")
	case <-ctx.Done():
		return "", fmt.Errorf("the broker did not say that a connection which publishes is blocked: %w", ctx.Err())
	}
}

// confirmed publishes on a connection of its own and waits for the confirm.
func confirmed(ctx context.Context, broker Broker) error {
	return onChannel(ctx, broker, func(channel *amqp.Channel) error {
		if err := channel.Confirm(false); err != nil {
			return fmt.Errorf("switch confirms on: %w", err)
		}
		confirm, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", nowhere, false, false, amqp.Publishing{})
		if err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if done, err := confirm.WaitContext(ctx); err != nil || !done {
			return errors.Join(errors.New("a message is not confirmed"), err)
		}
		return nil
	})
}
