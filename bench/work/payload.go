package work

import (
	"fmt"

	"github.com/musterfleet/muster/bench/peer"
)

// payload has tasks with an argument of some size.
func payload(s Scale) Work {
	w := Work{
		Name:    "payload",
		Title:   "Payloads",
		Note:    "An argument of that size each, a small result; at most 16 MB in flight.",
		Metrics: []Metric{perSecond},
	}
	const inFlight = 16_000_000 // bytes: a server drops a client that is 64 MB behind
	for _, size := range s.sizes {
		w.Points = append(w.Points, Point{
			Label: bytesLabel(size), Setup: short, Sized: true,
			Load: peer.Load{Mode: peer.Burst, Tasks: 1_000_000, Data: size, Window: min(s.inFlight, inFlight/size)},
		})
	}
	return w
}

func bytesLabel(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	case n >= 1000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d B", n)
}
