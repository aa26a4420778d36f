package work

import (
	"github.com/musterfleet/muster/bench/peer"
)

// eight has eight long tasks on two workers: four at a time are no better than
// two, so it takes four times as long as one.
func eight(s Scale) Work {
	const tasks = 8
	return Work{
		Name:  "long",
		Title: "Eight tasks of " + s.long.String() + " on two workers",
		Note:  "The ideal is four times the length of a task.",
		Metrics: []Metric{{
			Name: "seconds", Digits: 3, of: func(_ Point, r peer.Report) float64 { return r.Elapsed.Seconds() },
		}},
		Points: []Point{{
			Label: "eight", Setup: long, Load: peer.Load{Mode: peer.Burst, Tasks: tasks, Sleep: s.long},
		}},
	}
}
