package work

import "github.com/musterfleet/muster/bench/peer"

// noop submits tasks that do nothing, one by one, and waits for their outcomes.
func noop(s Scale) Work {
	return Work{
		Name:    "noop",
		Title:   "No-op tasks, submitted one by one",
		Metrics: []Metric{perSecond},
		Points: []Point{{
			Label: "no-op", Setup: short, Sized: true,
			Load: peer.Load{Mode: peer.Burst, Tasks: 3_000_000, Window: s.inFlight},
		}},
	}
}
