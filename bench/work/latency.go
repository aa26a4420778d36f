package work

import (
	"slices"

	"github.com/musterfleet/muster/bench/peer"
)

// latency submits one task after the other.
func latency(Scale) Work {
	return Work{
		Name:    "latency",
		Title:   "From submit to result, one task after the other",
		Metrics: []Metric{percentile("median µs", 0.5), percentile("p99 µs", 0.99)},
		Points: []Point{{
			Label: "sequential", Setup: short, Sized: true,
			Load: peer.Load{Mode: peer.Sequence, Tasks: 1_000_000},
		}},
	}
}

func percentile(name string, p float64) Metric {
	return Metric{Name: name, Digits: 1, of: func(_ Point, r peer.Report) float64 {
		if len(r.Each) == 0 {
			return 0
		}
		each := slices.Sorted(slices.Values(r.Each))
		return toMicroseconds(each[int(p*float64(len(each)-1))])
	}}
}
