// Package bench measures what the tap costs: the same work is done along
// several ways to a service, in turn, and its rates are compared.
//
//	direct         client ─────────────────────────────── service
//	toxiproxy      client ──────────── Toxiproxy ──────── service
//	tap_toxiproxy  client ──── tap ─── Toxiproxy's links ─ service   what every run has
//	tap            client ──── tap ────────────────────── service
//
// There is no toxic. As in a run, the tap's events are streamed to a reader.
// Clients, tap, Toxiproxy and reader are one process: each way has the same
// settings and the same processors, so that ratios are fair; rates are lower
// than with a process for each.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/seatrial/seatrial/harness/internal/tap/relay"
)

// Way is a way to a service.
type Way string

// The ways, as JSON names them.
const (
	Direct       Way = "direct"
	Toxiproxy    Way = "toxiproxy"
	TapToxiproxy Way = "tap_toxiproxy"
	Tap          Way = "tap"
)

// Ways are all ways, in the order in which they are printed.
var Ways = []Way{Direct, Toxiproxy, TapToxiproxy, Tap}

// Work is what is done along each way.
type Work struct {
	Name    string // for progress and errors
	Service string // decides the protocol that the tap reads, as in a stack
	URL     string // of the service itself, credentials included
	// Rate does the work for a moment at url, which is URL with the host and port
	// of a way, and returns how much was done per second.
	Rate func(ctx context.Context, url string) (perSecond float64, err error)
}

// Figures are what was measured along one way. A ratio is of the rates of one
// round, to plain Toxiproxy's.
type Figures struct {
	Ratio     float64 `json:"ratio"`                // median over the rounds
	Lower     float64 `json:"ratio_lower_quartile"` // between the two lies half of the rounds
	Upper     float64 `json:"ratio_upper_quartile"`
	PerSecond float64 `json:"per_second"` // median over the rounds
}

// Comparison has the figures of all ways.
type Comparison map[Way]Figures

// Compare does work along every way, in each of the rounds (at least 1), each
// way first in turn. It says to progress which round it is in. On an error
// there is no comparison: of the work, of a way to it, or ctx's.
func Compare(ctx context.Context, work Work, rounds int, progress func(string)) (Comparison, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(relay.GarbagePercent))
	course, err := open(ctx, work)
	if err != nil {
		return nil, err
	}
	rates, err := measure(course, work, rounds, progress)
	if err := errors.Join(err, course.close()); err != nil {
		return nil, err
	}
	return compare(rates), nil
}

// measure returns the rates per second along each way, by round.
func measure(course *course, work Work, rounds int, progress func(string)) (map[Way][]float64, error) {
	rates := map[Way][]float64{}
	for round := range rounds {
		progress(fmt.Sprintf("%s, round %d of %d", work.Name, round+1, rounds))
		for i := range Ways {
			way := Ways[(round+i)%len(Ways)]
			rate, err := work.Rate(course.ctx, course.urls[way])
			if err == nil && rate <= 0 {
				err = errors.New("nothing was done in the time measured")
			}
			if err != nil {
				return nil, fmt.Errorf("measure %s (%s): %w", work.Name, way, err)
			}
			rates[way] = append(rates[way], rate)
		}
	}
	return rates, nil
}

// compare makes figures of rates by round, of which no way has more or fewer.
func compare(rates map[Way][]float64) Comparison {
	comparison := Comparison{}
	for way, list := range rates {
		ratios := make([]float64, len(list))
		for round, rate := range list {
			ratios[round] = rate / rates[Toxiproxy][round]
		}
		comparison[way] = Figures{
			Ratio: quantile(ratios, 0.5), Lower: quantile(ratios, 0.25), Upper: quantile(ratios, 0.75),
			PerSecond: quantile(list, 0.5),
		}
	}
	return comparison
}

// quantile returns what the part q (0 to 1) of the values, of which there must
// be one, does not exceed; between two values it interpolates.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below == len(sorted)-1 {
		return sorted[below]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}
