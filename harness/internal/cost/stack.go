// Package cost measures what seatrial itself costs: starting a stack, and passing
// the tap.
package cost

import (
	"context"
	"fmt"
	"slices"

	"github.com/seatrial/seatrial/harness"
	"github.com/seatrial/seatrial/harness/internal/stack"
)

// Stack says what starting a stack costs: the ratio of the time until
// all services are ready, started at once, to the time that the slowest needs
// alone. Times are medians over the rounds, in seconds.
type Stack struct {
	Ratio   float64            `json:"ratio"`
	Rounds  int                `json:"rounds"`
	Stack   float64            `json:"stack_seconds"`
	Slowest string             `json:"slowest"`
	Alone   map[string]float64 `json:"alone_seconds"` // by service
}

// MeasureStack measures in rounds; in each, every service is started alone and
// then all of them together. Errors wrap harness.ErrInfra.
func MeasureStack(ctx context.Context, rounds int, progress func(string)) (Stack, error) {
	services := []string{stack.RabbitMQ, stack.Elasticsearch, stack.Postgres, stack.SFTP}
	times := map[string][]float64{}
	measure := func(what string, only []string) error {
		s, err := stack.Up(ctx, stack.Options{Only: only})
		if err != nil {
			return fmt.Errorf("%w: start %s: %w", harness.ErrInfra, what, err)
		}
		seconds := s.Seconds["stack"]
		times[what] = append(times[what], seconds)
		progress(fmt.Sprintf("%s: %.2f s", what, seconds))
		return s.Down(context.WithoutCancel(ctx))
	}
	for range rounds {
		for _, service := range services {
			if err := measure(service, []string{service}); err != nil {
				return Stack{}, err
			}
		}
		if err := measure("stack", nil); err != nil {
			return Stack{}, err
		}
	}
	bench := Stack{Rounds: rounds, Stack: median(times["stack"]), Alone: map[string]float64{}}
	for _, service := range services {
		bench.Alone[service] = median(times[service])
		if bench.Slowest == "" || bench.Alone[service] > bench.Alone[bench.Slowest] {
			bench.Slowest = service
		}
	}
	bench.Ratio = bench.Stack / bench.Alone[bench.Slowest]
	return bench, nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
