package pool

import (
	"time"

	"github.com/musterfleet/muster/codec"
)

const (
	pingEvery = 2 * time.Second
	// mostUnanswered is how many pings in a row a process may leave unanswered.
	mostUnanswered = 5
)

// watchProcesses kills worker processes that are there but do nothing any more,
// as one that was stopped, until the supervisor has stopped. Such a process
// would keep for ever what it has in hand, and its place.
//
// A process that runs a task is spared: the task may leave nothing to answer
// with, and it is for its limit to end it.
func (s *Supervisor) watchProcesses() {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-ticker.C:
		}
		for _, c := range s.children() {
			_, runs := s.scheduler.running(c)
			if !c.ping(runs) {
				continue
			}
			s.cfg.Logger.Warn("a worker process without a task does not answer; killing it",
				"pid", c.PID(), "for", mostUnanswered*pingEvery)
			if err := c.killFor(codec.CauseFrozen, "since it did not answer"); err != nil {
				s.cfg.Logger.Debug("killing a silent process", "pid", c.PID(), "error", err)
			}
		}
	}
}

// ping asks the process for an answer, and reports whether it owes too many.
func (c *child) ping(runs bool) (silent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if runs || !c.ready {
		c.unanswered = 0
		return false
	}
	if c.unanswered == mostUnanswered {
		return true
	}
	c.unanswered++
	c.order(order{Ping: true})
	return false
}

// answered notes a sign of life.
func (c *child) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unanswered = 0
}
