package work

import "github.com/musterfleet/muster/bench/peer"

// pending runs no-op tasks while the same client holds more and more futures
// whose tasks nobody runs.
func pending(s Scale) Work {
	w := Work{
		Name:  "pending",
		Title: "Beside futures that stay pending",
		Note: "No-op tasks of a client that also holds so many futures whose tasks nobody runs, " +
			"and the memory that each of those takes.",
		Metrics: []Metric{microseconds, {
			Name: "bytes per pending future",
			of:   func(_ Point, r peer.Report) float64 { return r.Parked },
		}},
		Peers: []string{"muster", "goroutines"},
	}
	for _, n := range s.parked {
		w.Points = append(w.Points, Point{
			Label: countLabel(n), Setup: short, Sized: true,
			Load: peer.Load{Mode: peer.Burst, Tasks: 3_000_000, Window: s.inFlight, Parked: n},
		})
	}
	return w
}
