package work

import (
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// spinning has tasks that compute for longer and longer. What a peer costs shows
// in how much of the ideal is left.
func spinning(s Scale) Work {
	w := Work{
		Name:  "spin",
		Title: "Efficiency over the length of tasks",
		Note: "Ideal is the same computation on two bare goroutines (for Python, in two bare processes), " +
			"measured just before and after.",
		Metrics: []Metric{efficiency},
	}
	for _, d := range s.spins {
		setup := short
		if d > 100*time.Microsecond {
			setup = long
		}
		w.Points = append(w.Points, Point{
			Label: d.String(), Setup: setup, Sized: true,
			Load: peer.Load{Mode: peer.Burst, Tasks: 1_000_000, Spin: d, Window: s.inFlight},
		})
	}
	return w
}
