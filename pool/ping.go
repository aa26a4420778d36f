package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
)

const (
	pingInterval = 2 * time.Second
	// maxUnanswered is how many pings in a row a process may leave unanswered.
	maxUnanswered = 5
)

// watchProcesses kills worker processes that are there but do nothing any more,
// as one that was stopped, until the supervisor has stopped. Such a process
// would keep what it has in hand, and its slot.
//
// A process that runs a task is spared: the task may leave nothing to answer
// with, and it is for its limit to end it.
func (s *Supervisor) watchProcesses() {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-ticker.C:
		}
		for _, p := range s.readyProcesses() {
			_, runs := s.scheduler.running(p)
			if !p.ping(runs) {
				continue
			}
			s.cfg.Logger.Warn("a worker process without a task does not answer; killing it",
				"pid", p.PID(), "for", maxUnanswered*pingInterval)
			s.end(p, ending{cause: codec.CauseFrozen, why: "since it did not answer"})
		}
	}
}

// ping asks the process for an answer, unless it runs a task, and reports whether it owes
// too many.
func (p *process) ping(runs bool) (silent bool) {
	p.mu.Lock()
	switch {
	case runs:
		p.unanswered = 0
	case p.unanswered == maxUnanswered:
		silent = true
	default:
		p.unanswered++
	}
	p.mu.Unlock()
	if !runs && !silent {
		p.order(order{Ping: true})
	}
	return silent
}

// answered notes a sign of life.
func (p *process) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unanswered = 0
}
