package work

import "github.com/musterfleet/muster/bench/peer"

// integers maps over integers, with the chunk size that the peer chooses, or
// that is recommended for it.
func integers(Scale) Work {
	items := perSecond
	items.Name = "items/s"
	return Work{
		Name:    "map",
		Title:   "Map over integers",
		Note:    "Muster chooses its chunk size itself; ProcessPoolExecutor.map has chunksize 1,000.",
		Metrics: []Metric{items},
		Points: []Point{{
			Label: "map", Setup: short, Sized: true,
			Load: peer.Load{Mode: peer.Map, Tasks: 10_000_000},
		}},
		Peers: []string{"muster", "local", "python", "goroutines"},
	}
}
