package consumer

import (
	"time"

	"github.com/musterfleet/muster/internal/broker"
)

// urgentPatience is how long a process with work at hand waits for more urgent work
// that should be on its way: the broker has said that there is more, or was given
// some back. The lanes are pulled side by side, and may answer in any order. It is
// lost time where others have taken that work, once.
const urgentPatience = 10 * time.Millisecond

// ask pulls what is wanted from every lane, the most urgent first.
func (w *Worker) ask() {
	for _, p := range w.pullers {
		p.ask()
	}
}

// next gives what an idle process is to run, nil if nothing waits after all.
func (w *Worker) next() *delivery {
	if lane, ok := w.backlog.urgent(); ok {
		w.awaitUrgent(lane)
	}
	return w.backlog.take()
}

// awaitUrgent waits while something more urgent than a lane is on its way, and not
// at hand.
func (w *Worker) awaitUrgent(lane broker.Lane) {
	var late <-chan time.Time
	for {
		if top, ok := w.backlog.urgent(); ok {
			lane = min(lane, top)
		}
		if !w.moreUrgent(lane) {
			return
		}
		if late == nil {
			timer := time.NewTimer(urgentPatience)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-w.backlog.arrived:
		case <-late: // others have taken it
			for _, p := range w.pullers[:lane] {
				p.forget()
			}
			return
		}
	}
}

// yields reports whether the rest of the delivery at work is to wait for something
// more urgent. What was given back while a task took long is asked for again.
func (e *executor) yields() bool {
	d := e.current
	if e.gaveBack.Load() && e.gaveBack.Swap(false) && d.hasMore() {
		e.rest()
		e.ask()
		e.awaitUrgent(d.lane)
		e.began = e.now()
	}
	return e.backlog.hasBefore(d.lane) && d.hasMore()
}

// moreUrgent reports whether a delivery from a lane above this one should be on
// its way.
func (w *Worker) moreUrgent(lane broker.Lane) bool {
	for _, p := range w.pullers[:lane] {
		if p.expects() {
			return true
		}
	}
	return false
}

// expect notes that the lane has something to give.
func (p *puller) expect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind = true
}

// expects reports whether an answer of the lane should be on its way.
func (p *puller) expects() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.behind && p.asked > 0
}

func (p *puller) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind = false
}
