package work

import (
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// mixed has one task in a hundred that is a thousand times as long as the
// others: tasks that wait behind it while a worker is idle cost efficiency.
func mixed(s Scale) Work {
	const (
		short = 20 * time.Microsecond
		every = 100
	)
	return Work{
		Name:    "mixed",
		Title:   "Mixed lengths: tasks of 20 µs, every hundredth of 20 ms",
		Metrics: []Metric{efficiency},
		Points: []Point{{
			Label: "mixed", Setup: long, Sized: true, Step: every,
			Load: peer.Load{
				Mode: peer.Burst, Tasks: 1000 * every, Window: s.inFlight,
				Spin: short, LongEvery: every, LongTimes: 1000,
			},
		}},
	}
}
