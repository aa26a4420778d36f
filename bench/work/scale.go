package work

import (
	"fmt"
	"time"
)

// Scale is how much is measured.
type Scale struct {
	Name   string
	Rounds int
	Target time.Duration // of one measurement, where the work can be sized
	Afford time.Duration // most for one that cannot: a peer that would take longer is left out
	Limit  time.Duration // of one measurement, in any case

	inFlight  int
	sizes     []int // bytes
	counts    []int // tasks
	parked    []int // futures
	clients   []int
	spins     []time.Duration
	long      time.Duration
	idle      time.Duration
	processes []int
}

var (
	// Full is what figures are taken from.
	Full = Scale{
		Name: "full", Rounds: 5, Target: 750 * time.Millisecond, Afford: 4 * time.Second, Limit: time.Minute,
		inFlight: 100_000,
		sizes:    []int{100, 10_000, 1_000_000},
		counts:   []int{10_000, 100_000, 1_000_000},
		parked:   []int{10_000, 1_000_000},
		clients:  []int{1, 2, 8},
		spins: []time.Duration{
			time.Microsecond, 10 * time.Microsecond, 100 * time.Microsecond,
			time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond,
		},
		long:      time.Second,
		idle:      5 * time.Second,
		processes: []int{20, 200},
	}
	// Small only shows that everything works.
	Small = Scale{
		Name: "small", Rounds: 2, Target: 20 * time.Millisecond, Afford: 5 * time.Second, Limit: 30 * time.Second,
		inFlight:  10_000,
		sizes:     []int{100, 100_000},
		counts:    []int{100, 1000},
		parked:    []int{100, 1000},
		clients:   []int{1, 2},
		spins:     []time.Duration{10 * time.Microsecond, time.Millisecond},
		long:      20 * time.Millisecond,
		idle:      200 * time.Millisecond,
		processes: []int{2, 4},
	}
)

// ParseScale returns the scale of a name.
func ParseScale(name string) (Scale, error) {
	for _, s := range []Scale{Full, Small} {
		if s.Name == name {
			return s, nil
		}
	}
	return Scale{}, fmt.Errorf("no such scale: %q; there are full and small", name)
}
