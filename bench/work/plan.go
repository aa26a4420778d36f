package work

import (
	"slices"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// A plan says how long what is left will take, and how long each kind of work
// may take when the time for all is limited.
type plan struct {
	scale  Scale
	peers  []*place
	rounds int
	end    time.Time // the zero time: no limit
	left   []Work    // the current one first
	began  time.Time // the current one
	// What was expected of the work done so far, and what it took.
	expected, took time.Duration
}

// Guesses of what goes with measuring.
const (
	startCost  = 1500 * time.Millisecond // to start a peer
	sampleCost = 150 * time.Millisecond
	parkCost   = 4 * time.Microsecond // for a future
)

// sample guesses how long a peer is measured at a point.
func (p *plan) sample(point Point) time.Duration {
	load := point.Load
	guess := sampleCost + time.Duration(load.Parked)*parkCost
	switch {
	case load.Mode == peer.Idle:
		return guess + load.Sleep + time.Second
	case load.Sleep > 0 && load.LongEvery == 0:
		return guess + load.Sleep*time.Duration((load.Tasks+point.Setup.Workers-1)/point.Setup.Workers)
	case load.Sleep > 0:
		return guess + load.Sleep
	case load.LongEvery > 0: // a few that are long take more than what was wanted
		return guess + 2*p.scale.Target
	}
	return guess + p.scale.Target
}

// points guesses how long rounds of such points take, their preparation included.
func (p *plan) points(w Work, points []Point, rounds int) time.Duration {
	peers := 0
	for _, peer := range p.peers {
		if w.has(peer.Info().Name) {
			peers++
		}
	}
	guess := startCost
	for _, point := range points {
		guess += p.scale.Target + time.Duration(rounds)*p.sample(point)
	}
	return guess * time.Duration(peers)
}

func (p *plan) works(works []Work, rounds int) (sum time.Duration) {
	for _, w := range works {
		for leg := range legs(w) {
			sum += p.points(w, leg, rounds)
		}
	}
	return sum
}

// shrink makes measurements short enough for one round of everything, if the
// time for more is not there.
func (p *plan) shrink() {
	const least = 50 * time.Millisecond
	within := time.Until(p.end) * 8 / 10
	for p.scale.Target > least && p.works(p.left, 1) > within {
		p.scale.Target = max(least, p.scale.Target*3/4)
	}
}

// remaining guesses how long all that is left takes, learning from what was.
func (p *plan) remaining() time.Duration {
	off := 1.0
	if p.expected > 0 {
		off = max(0.3, min(3, float64(p.took)/float64(p.expected)))
	}
	guesses := func(works []Work) time.Duration { return time.Duration(off * float64(p.works(works, p.rounds))) }
	guess := max(0, guesses(p.left[:1])-time.Since(p.began)) + guesses(p.left[1:])
	if !p.end.IsZero() {
		guess = min(guess, time.Until(p.end))
	}
	return guess
}

// until returns when measuring the next leg must be over, for the others to have
// their share: the zero time if there is no limit.
func (p *plan) until(leg []Point, later [][]Point) time.Time {
	if p.end.IsZero() {
		return p.end
	}
	w := p.left[0]
	this := p.points(w, leg, p.rounds)
	all := this + p.works(p.left[1:], p.rounds)
	for _, l := range later {
		all += p.points(w, l, p.rounds)
	}
	return time.Now().Add(time.Duration(float64(time.Until(p.end)) * float64(this) / float64(all)))
}

// legs returns the points of a kind of work that need the same setup together.
func legs(w Work) func(func([]Point) bool) {
	return func(yield func([]Point) bool) {
		points := w.Points
		for len(points) > 0 {
			n := slices.IndexFunc(points, func(p Point) bool { return p.Setup != points[0].Setup })
			if n < 0 {
				n = len(points)
			}
			if !yield(points[:n]) {
				return
			}
			points = points[n:]
		}
	}
}
