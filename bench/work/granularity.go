package work

import (
	"math"
	"time"
)

// Granularity returns the length of task, in µs, at which a peer has half of the
// ideal, for each round, read off the efficiency curve between its points.
func (r Results) Granularity(peer string) []Sample {
	for _, t := range r.Tables {
		if t.Work == "spin" {
			var found []Sample
			for round := range r.Rounds {
				if at, ok := t.halfAt(peer, round); ok {
					found = append(found, Sample{round, at})
				}
			}
			return found
		}
	}
	return nil
}

// halfAt finds where the curve last comes up through a half. A curve that never
// was below is counted by its first point, which says too much.
func (t Table) halfAt(peer string, round int) (float64, bool) {
	at, ok := 0.0, false
	lastX, lastY := 0.0, 0.0
	for _, label := range t.Points {
		d, err := time.ParseDuration(label)
		if err != nil {
			return 0, false
		}
		for _, s := range t.At(label, peer) {
			if s.Round != round {
				continue
			}
			x, y := math.Log(toMicroseconds(d)), s.Value
			switch {
			case lastY == 0 && y >= 0.5:
				at, ok = math.Exp(x), true
			case lastY != 0 && lastY < 0.5 && y >= 0.5:
				at, ok = math.Exp(lastX+(x-lastX)*(0.5-lastY)/(y-lastY)), true
			case y < 0.5:
				ok = false
			}
			lastX, lastY = x, y
		}
	}
	return at, ok
}
