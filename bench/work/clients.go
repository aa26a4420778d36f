package work

import (
	"fmt"

	"github.com/musterfleet/muster/bench/peer"
)

// clients has several clients, each with a connection of its own, submit at the
// same time.
func clients(s Scale) Work {
	w := Work{
		Name:    "clients",
		Title:   "Clients at the same time",
		Note:    "No-op tasks; all clients are in one process, each with its own connection.",
		Metrics: []Metric{perSecond},
		Peers:   []string{"muster", "nats", "jetstream", "asynq", "river", "goroutines"},
	}
	for _, n := range s.clients {
		w.Points = append(w.Points, Point{
			Label: fmt.Sprintf("%d clients", n), Setup: short, Sized: true,
			Load: peer.Load{Mode: peer.Burst, Tasks: 2_000_000, Clients: n, Window: max(1, s.inFlight/n)},
		})
	}
	return w
}
