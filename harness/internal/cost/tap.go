package cost

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/stack"
	"github.com/seatrial/seatrial/harness/internal/tap/bench"
)

// Tap says what the tap costs: the rates at which two kinds of work are
// done through it, and their ratios to plain Toxiproxy's. Rates of inserts are
// rows per second, those of publishes confirmed messages per second.
type Tap struct {
	Rounds    int              `json:"rounds"`
	Inserts   bench.Comparison `json:"inserts"`   // by way
	Publishes bench.Comparison `json:"publishes"` // by way
}

// MeasureTap measures in rounds (at least 1), on a Postgres and a RabbitMQ of its
// own that are removed after, however it ends. Errors wrap harness.ErrInfra.
func MeasureTap(ctx context.Context, rounds int, progress func(string)) (result Tap, err error) {
	services, err := stack.Up(ctx, stack.Options{Only: []string{stack.Postgres, stack.RabbitMQ}, Progress: progress})
	if err != nil {
		return Tap{}, fmt.Errorf("%w: start postgres and rabbitmq: %w", harness.ErrInfra, err)
	}
	defer func() {
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if down := services.Down(clean); down != nil {
			err = errors.Join(err, fmt.Errorf("%w: remove the stack: %w (seatrial clean tries again)", harness.ErrInfra, down))
		}
	}()
	at := services.Endpoints()
	broker := url.URL{Scheme: "amqp", User: url.UserPassword(at.AMQPUser, at.AMQPPassword), Host: at.AMQPAddr, Path: "/" + at.AMQPVhost}
	result.Rounds = rounds
	for _, measured := range []struct {
		work bench.Work
		into *bench.Comparison
	}{
		{bench.Work{Name: "inserts", Service: stack.Postgres, URL: at.PostgresURL, Rate: bench.Inserts}, &result.Inserts},
		{bench.Work{Name: "publishes", Service: stack.RabbitMQ, URL: broker.String(), Rate: bench.Publishes}, &result.Publishes},
	} {
		if *measured.into, err = bench.Compare(ctx, measured.work, rounds, progress); err != nil {
			return Tap{}, fmt.Errorf("%w: %w", harness.ErrInfra, err)
		}
	}
	return result, nil
}
