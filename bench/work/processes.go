package work

import (
	"fmt"

	"github.com/musterfleet/muster/bench/peer"
)

// processes has more and more worker processes sleep, to see how many of them
// are kept busy.
func processes(s Scale) Work {
	const waves = 4 // tasks for each process
	w := Work{
		Name:  "processes",
		Title: "Worker processes kept busy",
		Note: fmt.Sprintf("Sleeping tasks, %d for each worker; busy is the average from the first submit to the last outcome.",
			waves),
		Metrics: []Metric{{
			Name: "busy", Digits: 1, Higher: true,
			of: func(p Point, r peer.Report) float64 {
				return float64(p.Load.Tasks) * float64(p.Load.Sleep) / float64(r.Elapsed)
			},
		}},
		Peers: []string{"muster", "python", "goroutines"},
	}
	for _, n := range s.processes {
		w.Points = append(w.Points, Point{
			Label: fmt.Sprintf("%d workers", n), Setup: peer.Setup{Workers: n, Long: true},
			Load: peer.Load{Mode: peer.Burst, Tasks: waves * n, Sleep: s.long},
		})
	}
	return w
}
