package work

import (
	"fmt"

	"github.com/musterfleet/muster/bench/peer"
)

// growth submits more and more no-op tasks with no bound on those in flight:
// ten times the tasks should take ten times the time.
func growth(s Scale) Work {
	w := Work{
		Name:    "growth",
		Title:   "Growing numbers of tasks",
		Note:    "All tasks are submitted before the first result is asked for.",
		Metrics: []Metric{microseconds},
	}
	for _, n := range s.counts {
		w.Points = append(w.Points, Point{
			Label: countLabel(n), Setup: short, Repeated: true, Load: peer.Load{Mode: peer.Burst, Tasks: n},
		})
	}
	return w
}

func countLabel(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%d M", n/1_000_000)
	case n >= 1000:
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}
