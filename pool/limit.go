package pool

import (
	"fmt"
	"syscall"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/internal/scoreboard"
)

// Steps of the ladder by which a task is stopped, and how long each may take to
// help. The handler's context ends first; after the last step the process is
// killed, with all that it has started.
var ladder = []struct {
	signal syscall.Signal // 0: the handler's context
	wait   time.Duration
}{
	{0, 500 * time.Millisecond},
	{syscall.SIGTERM, 250 * time.Millisecond},
	{syscall.SIGQUIT, 250 * time.Millisecond}, // a Go process dumps its stacks
}

// watchAt has the limits of a process's running tasks looked at then.
func (s *Supervisor) watchAt(c *child, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.watch == nil:
		c.watch = time.AfterFunc(time.Until(at), func() { s.checkLimits(c) })
	case c.watchAt.IsZero() || at.Before(c.watchAt):
		c.watch.Reset(time.Until(at))
	default:
		return
	}
	c.watchAt = at
}

// checkLimits stops tasks that have run into their limit, and has the others
// looked at when they would.
func (s *Supervisor) checkLimits(c *child) {
	c.mu.Lock()
	c.watchAt = time.Time{}
	c.mu.Unlock()
	now := time.Now()
	for _, d := range c.board.Deliveries() {
		switch {
		case d.LimitAt.IsZero():
		case now.Before(d.LimitAt):
			s.watchAt(c, d.LimitAt)
		default:
			limit := d.LimitAt.Sub(d.StartedAt)
			go s.stopTask(c, d, verdict{why: codec.CodeTimeLimit, message: fmt.Sprintf("the task ran longer than %v", limit)})
		}
	}
}

// stopTask goes up the ladder until a running task has ended, be it with its
// process; so it ends before long, and does not outlive the process.
func (s *Supervisor) stopTask(c *child, d scoreboard.Delivery, v verdict) {
	v.ack, v.started = d.Ack, d.Started
	c.mu.Lock()
	if c.condemned.ack == v.ack && c.condemned.started == v.started {
		c.mu.Unlock()
		return // on its way already
	}
	c.condemned = v
	c.mu.Unlock()
	for _, step := range ladder {
		if !c.stillRuns(d) {
			return
		}
		if step.signal == 0 {
			c.order(order{Stop: &stop{Client: d.Client, Task: d.Task, Why: v.why}})
		} else if err := c.stopBy(step.signal); err != nil {
			s.cfg.Logger.Debug("stopping a task", "pid", c.PID(), "signal", step.signal, "error", err)
		}
		if c.endsWithin(d, step.wait) {
			return
		}
	}
	if c.stillRuns(d) {
		if err := c.stopBy(syscall.SIGKILL); err != nil {
			s.cfg.Logger.Debug("stopping a task", "pid", c.PID(), "error", err)
		}
	}
}

// stopBy sends a signal to stop a task: SIGKILL to all that the process has started,
// too.
func (c *child) stopBy(sig syscall.Signal) error {
	if sig == syscall.SIGTERM {
		return c.Signal(sig)
	}
	c.mu.Lock()
	c.fatal = sig
	c.mu.Unlock()
	if sig == syscall.SIGKILL {
		return c.Kill()
	}
	c.quitting.Store(true)
	return c.Signal(sig)
}

// diedForAnother reports whether the process was killed to stop a task that had ended
// by then, so that the one which ran instead is not to be charged.
func (c *child) diedForAnother(d scoreboard.Delivery) bool {
	if _, sentenced := c.verdictOn(d); sentenced {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.Running() && c.fatal != 0
}

// ladderLook is how often the scoreboard is looked at while a task should end.
const ladderLook = 5 * time.Millisecond

// endsWithin waits for a running task to end, and reports whether it did.
func (c *child) endsWithin(d scoreboard.Delivery, wait time.Duration) bool {
	ticker := time.NewTicker(ladderLook)
	defer ticker.Stop()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-c.Died():
			return true
		case <-ticker.C:
			if !c.stillRuns(d) {
				return true
			}
		case <-timer.C:
			return false
		}
	}
}

// stillRuns reports whether the task still runs that ran when d was read.
func (c *child) stillRuns(d scoreboard.Delivery) bool {
	for _, now := range c.board.Deliveries() {
		if now.Ack == d.Ack {
			return now.Running() && now.Started == d.Started
		}
	}
	return false
}

// verdictOn gives why the process was killed for the task that d was running.
func (c *child) verdictOn(d scoreboard.Delivery) (verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.condemned
	return v, d.Running() && v.why != "" && v.ack == d.Ack && v.started == d.Started
}
