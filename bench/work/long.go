package work

import (
	"math"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// longTasks has tasks of a second: eight on two workers, which take four times
// as long as one if they are spread evenly; and one in the middle of no-ops of
// the same func, which must not wait for it, since the other worker is idle.
func longTasks(s Scale) Work {
	const eight, among = "eight", "among 2,000 no-ops"
	return Work{
		Name:  "long",
		Title: "Tasks of " + s.long.String() + " on two workers",
		Note:  "Eight take four times the length of one at best. The no-ops are of the same func as the one long task in their middle.",
		Metrics: []Metric{
			{Name: "seconds", Digits: 3, of: func(p Point, r peer.Report) float64 {
				if p.Label != eight {
					return math.NaN()
				}
				return r.Elapsed.Seconds()
			}},
			{Name: "ms to the last no-op", Digits: 1, of: func(p Point, r peer.Report) float64 {
				if p.Label != among {
					return math.NaN()
				}
				return float64(r.Rest) / float64(time.Millisecond)
			}},
		},
		Points: []Point{
			{Label: eight, Setup: long, Load: peer.Load{Mode: peer.Burst, Tasks: 8, Sleep: s.long}},
			{Label: among, Setup: long, Load: peer.Load{Mode: peer.Burst, Tasks: 2000, Sleep: s.long, LongEvery: 2000}},
		},
		Peers: []string{"muster", "nats", "jetstream", "python", "asynq", "river"},
	}
}
