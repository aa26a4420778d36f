package work

import "github.com/musterfleet/muster/bench/peer"

// idle watches worker processes that have nothing to do.
func idle(s Scale) Work {
	const megabyte = 1 << 20
	return Work{
		Name:  "idle",
		Title: "Idle, with two workers",
		Note: "CPU of all processes together, as a share of one core. Memory is what is resident, pages of the program " +
			"that all share included: this program holds every peer, and is larger than any alone. Each peer was started afresh and has run 100 tasks. The server is not counted.",
		Metrics: []Metric{
			{Name: "CPU %", Digits: 2, of: func(_ Point, r peer.Report) float64 { return 100 * r.Usage.CPU }},
			{Name: "MB of the first process", Digits: 1, of: func(_ Point, r peer.Report) float64 {
				return float64(r.Usage.Parent) / megabyte
			}},
			{Name: "MB of the largest below it", Digits: 1, of: func(_ Point, r peer.Report) float64 {
				return float64(r.Usage.Most) / megabyte
			}},
		},
		Points: []Point{{Label: "idle", Setup: short, Load: peer.Load{Mode: peer.Idle, Sleep: s.idle}}},
		Peers:  []string{"muster", "jetstream", "asynq", "river"},
	}
}
