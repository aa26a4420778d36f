package work

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/musterfleet/muster/bench/peer"
)

// startLimit is how long a peer may take to start: a database makes its files.
const startLimit = 2 * time.Minute

// Runner measures peers in turn, so that what else the machine does falls on
// all of them alike.
type Runner struct {
	Peers  []peer.Peer
	Rounds int
	Scale  Scale
	Log    io.Writer // told what is being done
}

// place is a peer under measurement.
type place struct {
	peer.Peer
	running *peer.Setup // nil when stopped
	load    peer.Load   // of the point at hand
}

// Run measures every kind of work. When ctx ends it gives what there is, and the
// context's error. Peers are stopped when it returns.
func (r *Runner) Run(ctx context.Context, works []Work) (Results, error) {
	results := Results{
		Taken: time.Now().UTC().Truncate(time.Second), Machine: machine(), Scale: r.Scale.Name, Rounds: r.Rounds,
	}
	var places []*place
	for _, p := range r.Peers {
		described := Peer{Info: p.Info()}
		if err := p.Missing(); err != nil {
			described.LeftOut = err.Error()
			fmt.Fprintf(r.Log, "%s is left out: %v\n", described.Name, err)
		} else {
			places = append(places, &place{Peer: p})
		}
		results.Peers = append(results.Peers, described)
	}
	defer func() {
		for _, p := range places {
			p.stop()
		}
	}()
	for _, w := range works {
		tables := make([]Table, len(w.Metrics))
		for i, m := range w.Metrics {
			tables[i] = Table{Work: w.Name, Title: w.Title, Note: w.Note, Metric: m}
		}
		for _, point := range w.Points {
			if ctx.Err() != nil {
				break
			}
			fmt.Fprintf(r.Log, "%s, %s\n", w.Name, point.Label)
			r.measure(ctx, w, point, places, tables, &results)
		}
		results.Tables = append(results.Tables, tables...)
	}
	return results, context.Cause(ctx)
}

// measure adds one point to the tables.
func (r *Runner) measure(ctx context.Context, w Work, point Point, places []*place, tables []Table, results *Results) {
	note := func(p *place, err error) {
		if ctx.Err() != nil || errors.Is(err, peer.ErrUnsupported) {
			return
		}
		text := fmt.Sprintf("%s, %s, %s: %v", w.Name, point.Label, p.Info().Name, err)
		results.Notes = append(results.Notes, text)
		fmt.Fprintln(r.Log, "  "+text)
	}
	var taking []*place
	for _, p := range places {
		if !w.has(p.Info().Name) || ctx.Err() != nil {
			continue
		}
		if err := r.prepare(ctx, p, point); err != nil {
			note(p, err)
			continue
		}
		taking = append(taking, p)
	}
	samples := map[*place][][]Sample{}
	for round := range r.Rounds {
		for i := range taking {
			p := taking[(i+round)%len(taking)] // nobody always follows the same
			report, err := r.sample(ctx, p, point, p.load)
			if err != nil {
				note(p, err)
				continue
			}
			if samples[p] == nil {
				samples[p] = make([][]Sample, len(tables))
			}
			measured := point
			measured.Load = p.load
			for m := range tables {
				samples[p][m] = append(samples[p][m], Sample{round, tables[m].Metric.of(measured, report)})
			}
		}
	}
	for m := range tables {
		tables[m].Points = append(tables[m].Points, point.Label)
		for _, p := range taking {
			if samples[p] != nil {
				tables[m].Cells = append(tables[m].Cells, Cell{point.Label, p.Info().Name, p.load.Tasks, samples[p][m]})
			}
		}
	}
}

// prepare warms a peer up, and chooses its number of tasks.
func (r *Runner) prepare(ctx context.Context, p *place, point Point) error {
	load := point.Load
	if !point.Sized && load.Sleep > 0 { // nothing to warm up, and no way to be faster
		p.load = load
		return p.start(ctx, point.Setup)
	}
	trial := load
	trial.Tasks = min(load.Tasks, 100)
	// A slow start makes a short trial a bad guess. What is sized can be trusted
	// to the rounds; what is not would be left out for it.
	enough := r.Scale.Target / 4
	if !point.Sized {
		enough = r.Scale.Target
	}
	var took time.Duration
	for {
		report, err := r.sample(ctx, p, point, trial)
		if err != nil {
			return err
		}
		took = max(report.Elapsed, time.Microsecond)
		if trial.Tasks == load.Tasks || took >= enough {
			break
		}
		trial.Tasks = min(load.Tasks, trial.Tasks*max(2, min(10, int(r.Scale.Target/took))))
	}
	each := took / time.Duration(trial.Tasks)
	if point.Sized {
		if each > 0 {
			load.Tasks = min(load.Tasks, int(r.Scale.Target/each))
		}
		// An odd one or a handful would leave a worker idle at the end.
		step := max(2, point.Step)
		load.Tasks = max(load.Tasks, 4*step, 10*load.Clients, 10)
		load.Tasks -= load.Tasks % step
	} else if expected := each * time.Duration(load.Tasks); expected > r.Scale.Limit/3 {
		return fmt.Errorf("left out: %d tasks would take it about %s", load.Tasks, expected.Round(time.Second))
	}
	p.load = load
	return nil
}

// sample runs a load once. A peer that failed is stopped, and started anew by
// the next sample.
func (r *Runner) sample(ctx context.Context, p *place, point Point, load peer.Load) (peer.Report, error) {
	if err := p.start(ctx, point.Setup); err != nil {
		return peer.Report{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, r.Scale.Limit)
	defer cancel()
	p.hold(false)
	report, err := p.Do(bounded, load)
	switch {
	case err == nil:
		p.hold(true)
	case !errors.Is(err, peer.ErrUnsupported):
		p.stop()
	}
	return report, err
}

// start makes sure that the peer runs with a setup.
func (p *place) start(ctx context.Context, setup peer.Setup) error {
	if !p.Info().ByLength {
		setup.Long = false
	}
	if p.running != nil && *p.running == setup {
		return nil
	}
	p.stop()
	bounded, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := p.Start(bounded, setup); err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	p.running = &setup
	return nil
}

func (p *place) stop() {
	if p.running != nil {
		p.Stop()
		p.running = nil
	}
}

// hold keeps a peer that polls from running while others are measured.
func (p *place) hold(held bool) {
	h, ok := p.Peer.(interface {
		Hold()
		Release()
	})
	switch {
	case !ok || !p.Info().Polls:
	case held:
		h.Hold()
	default:
		h.Release()
	}
}
