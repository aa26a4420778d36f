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

// checkLimits stops a task that has run into its limit, and has the others looked at
// when they would.
func (s *Supervisor) checkLimits(c *child) {
	c.mu.Lock()
	c.watchAt = time.Time{}
	c.mu.Unlock()
	overdue, limit, again := s.scheduler.limits(c)
	if overdue.run != 0 {
		go s.stopTask(c, verdict{runIndex: overdue, why: codec.CodeTimeLimit, message: fmt.Sprintf("the task ran longer than %v", limit)})
	}
	if !again.IsZero() {
		s.watchAt(c, again)
	}
}

// watchLimits has the limits of a run's tasks looked at when the first of them may pass.
func (s *scheduler) watchLimits(t *turn, w *worker, r *run) {
	if limit := r.shortestLimit(); limit > 0 {
		t.later(func() { s.watchAt(w.child, t.now.Add(limit)) })
	}
}

// shortestLimit returns the shortest limit of the tasks of a run that have no outcome,
// 0 if none has one.
func (r *run) shortestLimit() (shortest time.Duration) {
	for i := r.received; i < r.end; i++ {
		task := r.d.batch.Options(r.from + i)
		if task == nil {
			continue
		}
		if limit := task.Limit; limit > 0 && (shortest == 0 || limit < shortest) {
			shortest = limit
		}
	}
	return shortest
}

// limits returns the task of a process that has run for longer than its limit, if there
// is one, and when to look again at the others.
func (s *scheduler) limits(c *child) (overdue runIndex, limit time.Duration, again time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.work == nil {
		return runIndex{}, 0, time.Time{}
	}
	now := time.Now()
	look := func(at time.Time) {
		if again.IsZero() || at.Before(again) {
			again = at
		}
	}
	running, p, ok := c.work.running()
	if ok {
		if task := running.task(p.Begun - 1); task.Limit > 0 {
			if at := p.Since.Add(task.Limit); now.Before(at) {
				look(at)
			} else {
				overdue, limit = runIndex{running.id, p.Begun - 1}, task.Limit
			}
		}
	}
	for _, r := range c.work.runs {
		if shortest := r.shortestLimit(); shortest > 0 {
			look(now.Add(shortest))
		}
	}
	return overdue, limit, again
}

// stopTask goes up the ladder until a running task has ended, be it with its
// process; so it ends before long, and does not outlive the process.
func (s *Supervisor) stopTask(c *child, v verdict) {
	c.mu.Lock()
	if c.condemned.runIndex == v.runIndex {
		c.mu.Unlock()
		return // on its way already
	}
	c.condemned = v
	c.mu.Unlock()
	for _, step := range ladder {
		if !c.stillRuns(v.runIndex) {
			return
		}
		if step.signal == 0 {
			c.order(order{Stop: &stop{Run: v.run, Index: v.index, Why: v.why}})
		} else if err := c.stopBy(step.signal); err != nil {
			s.cfg.Logger.Debug("stopping a task", "pid", c.PID(), "signal", step.signal, "error", err)
		}
		if c.endsWithin(v.runIndex, step.wait) {
			return
		}
	}
	if c.stillRuns(v.runIndex) {
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
func (c *child) diedForAnother(ran runIndex) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fatal != 0 && c.condemned.runIndex != ran
}

// ladderLook is how often the scoreboard is looked at while a task should end.
const ladderLook = 5 * time.Millisecond

// endsWithin waits for a running task to end, and reports whether it did.
func (c *child) endsWithin(ran runIndex, wait time.Duration) bool {
	ticker := time.NewTicker(ladderLook)
	defer ticker.Stop()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-c.Died():
			return true
		case <-ticker.C:
			if !c.stillRuns(ran) {
				return true
			}
		case <-timer.C:
			return false
		}
	}
}

// stillRuns reports whether a task still runs.
func (c *child) stillRuns(ran runIndex) bool {
	p := c.board.Look(ran.run, scoreboard.MaxTasks)
	return p.Running() && p.Begun-1 == ran.index
}

// verdictOn returns why the process was killed for a task that ran.
func (c *child) verdictOn(ran runIndex) (verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.condemned
	return v, v.why != "" && v.runIndex == ran
}
