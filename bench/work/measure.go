package work

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// seat is a place at a point, with the load that it is measured with.
type seat struct {
	*place
	load peer.Load
}

// measure measures a kind of work into the tables from first on.
func (r *run) measure(ctx context.Context, w Work, first int) {
	tables := r.results.Tables[first:]
	all := slices.Collect(legs(w))
	for i, leg := range all {
		rounds := r.leg(ctx, w, leg, r.plan.until(leg, all[i+1:]), tables)
		for t := range tables {
			if i == 0 || rounds < tables[t].Rounds {
				tables[t].Rounds = rounds
			}
		}
	}
}

// leg measures points that need the same setup, until it is time for others,
// and returns how many rounds are complete.
func (r *run) leg(ctx context.Context, w Work, leg []Point, until time.Time, tables []Table) int {
	seats := make([][]seat, len(leg))
	for i, point := range leg {
		r.say("%s, %s: warming up", w.Name, point.Label)
		for _, p := range r.plan.peers {
			if !w.has(p.Info().Name) || ctx.Err() != nil {
				continue
			}
			load, err := r.size(ctx, p, point)
			if err != nil {
				r.note(ctx, w, point, p, err)
				continue
			}
			seats[i] = append(seats[i], seat{p, load})
		}
	}
	for round := range r.Rounds {
		start := time.Now()
		for i, point := range leg {
			if ctx.Err() != nil {
				return round
			}
			r.say("%s, %s: round %d of %d", w.Name, point.Label, round+1, r.Rounds)
			r.round(ctx, w, point, seats[i], round, tables)
		}
		if ctx.Err() != nil {
			return round
		}
		if now := time.Now(); !until.IsZero() && now.Add(now.Sub(start)).After(until) {
			return round + 1
		}
	}
	return r.Rounds
}

// round measures every peer at a point.
func (r *run) round(ctx context.Context, w Work, point Point, seats []seat, round int, tables []Table) {
	for i := range seats {
		s := seats[(i+round)%len(seats)] // nobody always follows the same
		report, err := r.sample(ctx, s, point)
		if err != nil {
			r.note(ctx, w, point, s.place, err)
			continue
		}
		measured := point
		measured.Load = s.load
		for t := range tables {
			if v := tables[t].Metric.of(measured, report); !math.IsNaN(v) {
				tables[t].add(point.Label, s.Info().Name, s.load.Tasks, Sample{round, v})
			}
		}
	}
}

// maxRepeats bounds how often a short load is run for one sample.
const maxRepeats = 20

func (r *run) sample(ctx context.Context, s seat, point Point) (peer.Report, error) {
	report, err := s.run(ctx, point.Setup, s.load, r.plan.scale.Limit)
	times, sum := 1, report.Elapsed
	for err == nil && point.Repeated && times < maxRepeats && sum < r.plan.scale.Target/2 {
		report, err = s.run(ctx, point.Setup, s.load, r.plan.scale.Limit)
		sum += report.Elapsed
		times++
	}
	report.Elapsed = sum / time.Duration(times)
	return report, err
}

// note keeps what went wrong, unless it is that the work was stopped.
func (r *run) note(ctx context.Context, w Work, point Point, p *place, err error) {
	if ctx.Err() != nil || errors.Is(err, peer.ErrUnsupported) {
		return
	}
	text := fmt.Sprintf("%s, %s, %s: %v", w.Name, point.Label, p.Info().Name, err)
	r.results.Notes = append(r.results.Notes, text)
	r.say("  %s", text)
}
