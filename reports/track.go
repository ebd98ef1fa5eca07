package reports

import (
	"math"
	"slices"
	"strconv"
)

// track is a quantity over time: at each moment in at it changed to the value
// beside it. Times do not fall.
type track struct {
	name  string
	at    []float64
	value []float64
	// peaks: where several values fall into one moment the highest is shown,
	// not the last.
	peaks bool
}

func (t *track) named(name string) track {
	t.name = name
	return *t
}

func (t *track) high(name string) track {
	t.name, t.peaks = name, true
	return *t
}

// add notes a value. Nothing is noted of times before the last one.
func (t *track) add(at, value float64) {
	if n := len(t.at); n > 0 && at < t.at[n-1] {
		at = t.at[n-1]
	}
	t.at, t.value = append(t.at, at), append(t.value, value)
}

// count adds n to the last value. What counts within a millisecond is one
// change: there may be millions.
func (t *track) count(at float64, n int) {
	last := len(t.at) - 1
	switch {
	case last < 0:
		t.add(at, float64(n))
	case at <= t.at[last]+0.001:
		t.value[last] += float64(n)
	default:
		t.add(at, t.value[last]+float64(n))
	}
}

// counts counts moments in any order.
func (t *track) counts(at []float64) {
	for _, moment := range slices.Sorted(slices.Values(at)) {
		t.count(moment, 1)
	}
}

// moments returns when any of the tracks changed; where that is more than
// limit, as many moments at equal distances.
func moments(tracks []track, limit int) values {
	var all values
	for _, track := range tracks {
		all = append(all, track.at...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) <= limit {
		return all
	}
	first, last := all[0], all[len(all)-1]
	even := make(values, limit)
	for i := range even {
		even[i] = first + (last-first)*float64(i)/float64(limit-1)
	}
	even[limit-1] = last
	return even
}

// on returns the track's value at each moment, NaN before its first.
func (t track) on(at values) values {
	values := make(values, len(at))
	now, next := math.NaN(), 0
	for i, moment := range at {
		high := math.Inf(-1)
		for ; next < len(t.at) && t.at[next] <= moment; next++ {
			now = t.value[next]
			high = max(high, now)
		}
		values[i] = now
		if t.peaks && !math.IsInf(high, -1) {
			values[i] = high
		}
	}
	return values
}

// thin returns at most limit of the values, at equal distances.
func thin(list []float64, limit int) []float64 {
	if len(list) <= limit {
		return list
	}
	thinned := make([]float64, limit)
	for i := range thinned {
		thinned[i] = list[i*len(list)/limit]
	}
	return thinned
}

// values are numbers that JSON holds short, to the thousandth; NaN is null there.
type values []float64

func (v values) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, 8*len(v)+2), '[')
	for i, value := range v {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			out = append(out, "null"...)
			continue
		}
		out = strconv.AppendFloat(out, math.Round(value*1000)/1000, 'f', -1, 64)
	}
	return append(out, ']'), nil
}
