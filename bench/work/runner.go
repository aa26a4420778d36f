package work

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// errTime says that there is no time for what is left.
var errTime = errors.New("the time is over")

// Runner measures peers in turn, so that what else the machine does falls on
// all of them alike.
type Runner struct {
	Peers  []peer.Peer
	Rounds int // of each kind of work, fewer where For leaves no time for them
	Scale  Scale
	For    time.Duration            // most that all takes, 0: no limit
	Log    io.Writer                // told what is being done
	Done   func(w Work, so Results) // called after each kind of work; may be nil
}

// run is one call of Run.
type run struct {
	*Runner
	plan    plan
	results Results
}

// Run measures every kind of work. When ctx ends it returns what there is, says in
// the notes what is missing, and returns the context's error; when the time is
// over it does the same without an error. Peers are stopped when it returns.
func (r *Runner) Run(ctx context.Context, works []Work) (Results, error) {
	now := &run{Runner: r, results: Results{
		Taken: time.Now().UTC().Truncate(time.Second), Machine: Machine(), Scale: r.Scale.Name, Rounds: r.Rounds,
	}}
	now.plan = plan{scale: r.Scale, peers: now.places(), rounds: r.Rounds, left: works}
	defer func() {
		for _, p := range now.plan.peers {
			p.stop()
		}
	}()
	bounded := ctx
	if r.For > 0 {
		now.plan.end = time.Now().Add(r.For)
		var cancel context.CancelFunc
		bounded, cancel = context.WithDeadlineCause(ctx, now.plan.end, errTime)
		defer cancel()
		now.plan.shrink()
	}
	now.works(bounded)
	return now.results, context.Cause(ctx)
}

// places returns the peers that can run here.
func (r *run) places() []*place {
	var places []*place
	for _, p := range r.Peers {
		described := Peer{Info: p.Info()}
		if err := p.Missing(); err != nil {
			described.LeftOut = err.Error()
			fmt.Fprintf(r.Log, "%s is left out: %v\n", described.Name, err)
		} else {
			places = append(places, &place{Peer: p})
		}
		r.results.Peers = append(r.results.Peers, described)
	}
	return places
}

func (r *run) works(ctx context.Context) {
	for ; len(r.plan.left) > 0; r.plan.left = r.plan.left[1:] {
		w := r.plan.left[0]
		r.plan.began = time.Now()
		first := len(r.results.Tables)
		for _, m := range w.Metrics {
			t := Table{Work: w.Name, Title: w.Title, Note: w.Note, Metric: m}
			for _, point := range w.Points {
				t.Points = append(t.Points, point.Label)
			}
			r.results.Tables = append(r.results.Tables, t)
		}
		if ctx.Err() == nil {
			r.measure(ctx, w, first)
		}
		if ctx.Err() != nil {
			r.results.Notes = append(r.results.Notes, fmt.Sprintf("%s: %d of %d rounds, since %v",
				w.Name, r.results.Tables[first].Rounds, r.Rounds, context.Cause(ctx)))
			continue
		}
		r.plan.took += time.Since(r.plan.began)
		r.plan.expected += r.plan.works(r.plan.left[:1], r.Rounds)
		if r.Done != nil {
			r.Done(w, r.results)
		}
	}
}

// say tells what is being done, and how long all will take.
func (r *run) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(r.Log, "%-50s about %s left\n", text, r.plan.remaining().Round(time.Second))
}
