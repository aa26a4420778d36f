package consumer

import (
	"time"

	"github.com/musterfleet/muster/internal/broker"
)

// urgentPatience is how long an idle process with work at hand waits for more
// urgent work that the broker has said there is. The lanes are pulled side by
// side, and may answer in any order. It is lost time where others have taken that
// work, once.
const urgentPatience = 10 * time.Millisecond

// ask pulls what is wanted from every lane, the most urgent first.
func (w *Worker) ask() {
	for _, p := range w.pullers {
		p.ask()
	}
}

// next gives what an idle process is to run, nil if nothing waits after all.
func (w *Worker) next() *delivery {
	var late <-chan time.Time
	for {
		lane, ok := w.backlog.urgent()
		if !ok || !w.moreUrgent(lane) {
			return w.backlog.take()
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
			return w.backlog.take()
		}
	}
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

// expects reports whether the lane has an answer to give, by what the broker said
// with the last.
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
