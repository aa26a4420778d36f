// Package work has the kinds of work that peers are measured with, one in each
// file, and the runner that measures them in turn.
package work

import (
	"slices"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// Work is one kind of work, at one or more points.
type Work struct {
	Name    string // as flags have it
	Title   string
	Note    string // what a reader must know
	Metrics []Metric
	Points  []Point
	Peers   []string // those that it makes sense for; nil: all
}

// Point is one measurement of a kind of work.
type Point struct {
	Label string
	Setup peer.Setup
	Load  peer.Load
	// Sized has Load.Tasks lowered, for each peer by itself, to what takes it the
	// target time.
	Sized bool
	// Repeated has a load that is over soon run several times for one sample, of
	// which the mean counts.
	Repeated bool
	// Step is what a sized number of tasks is a multiple of, and at least four
	// times of; 0 means an even number of 10 or more.
	Step int
}

// Metric is a figure taken from a report.
type Metric struct {
	Name   string                           `json:"name"` // with its unit
	Digits int                              `json:"digits"`
	Higher bool                             `json:"higher"` // is better
	of     func(Point, peer.Report) float64 // NaN: says nothing at this point
}

// workers is the same for every peer: the machine has two cores.
const workers = 2

var short = peer.Setup{Workers: workers}

var long = peer.Setup{Workers: workers, Long: true}

// All returns every kind of work, those with marks to reach first.
func All(s Scale) []Work {
	return []Work{
		noop(s), latency(s), integers(s), spinning(s), growth(s), pending(s), idle(s),
		payload(s), clients(s), mixed(s), longTasks(s), processes(s),
	}
}

// Names returns the names of all kinds of work.
func Names() []string {
	var names []string
	for _, w := range All(Full) {
		names = append(names, w.Name)
	}
	return names
}

func (w Work) has(name string) bool { return w.Peers == nil || slices.Contains(w.Peers, name) }

var perSecond = Metric{Name: "tasks/s", Higher: true, of: func(p Point, r peer.Report) float64 {
	return float64(p.Load.Tasks) / r.Elapsed.Seconds()
}}

var microseconds = Metric{Name: "µs per task", Digits: 3, of: func(p Point, r peer.Report) float64 {
	return toMicroseconds(r.Elapsed) / float64(p.Load.Tasks)
}}

var efficiency = Metric{Name: "efficiency", Digits: 3, Higher: true, of: func(_ Point, r peer.Report) float64 {
	return float64(r.Ideal) / float64(r.Elapsed)
}}

func toMicroseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
