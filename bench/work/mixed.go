package work

import (
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// mixed has one task in a hundred that is a thousand times as long as the
// others: tasks that wait behind it while a worker is idle cost efficiency.
func mixed(s Scale) Work {
	const short = 20 * time.Microsecond
	return Work{
		Name:    "mixed",
		Title:   "Mixed lengths: tasks of 20 µs, every hundredth of 20 ms",
		Metrics: []Metric{efficiency},
		Points: []Point{{
			Label: "mixed", Setup: long,
			Load: peer.Load{
				Mode: peer.Burst, Tasks: mixedTasks(s), Window: s.inFlight,
				Spin: short, LongEvery: 100, LongTimes: 1000,
			},
		}},
	}
}

// mixedTasks is for about twice the target on two workers, in hundreds.
func mixedTasks(s Scale) int {
	const hundred = 22 * time.Millisecond / workers
	return 100 * max(4, int(2*s.Target/hundred))
}
