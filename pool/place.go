package pool

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/musterfleet/muster/codec"
	"github.com/musterfleet/muster/consumer"
)

// place keeps one worker process of a host, one after the other:
//
//	dormant ──work──▶ starting ──ready──▶ serving ──quit──▶ draining ──exit──▶ gone
//	   ▲                ▲ │                 │
//	   │                │ └──────died───────┤
//	   │                └─backoff─or─at once┤
//	   └──────────────idle──────────────────┘
type place struct {
	*Supervisor
	number int           // of the place, which no other has; from 0
	quit   chan struct{} // closed when the place is to go
	gone   chan struct{} // closed when it has, and nobody is told of it any more

	// Under Supervisor.mu.
	current  *child // nil between processes
	quitting bool
	died     *codec.ProcessDeath // how the last process ended, if unexpectedly
}

// Delays before a process is started after another that died young, for no reason that
// is known. One death is no pattern, so the first replacements come at once.
const (
	atOnce       = 2
	firstBackoff = 100 * time.Millisecond
	mostBackoff  = 10 * time.Second
	// goodLife is how long a process lives that does not count as dying young.
	goodLife = 10 * time.Second
)

// Bounds of the time until a process is ready.
const (
	// setupTimeout is for what a program does before [Main], such as to read a model.
	setupTimeout = 5 * time.Minute
	// setupWarning is when the log is told that it takes long, and then again after
	// twice as long.
	setupWarning = 10 * time.Second
	// readyTimeout is for the rest, an initializer included.
	readyTimeout = 30 * time.Second
	// aloneTime is how long a host's first process is alone, unless it reaches Main
	// before. So a program that fails before Main, or that does not come there in a
	// worker process and does all its work again, does so once.
	aloneTime = time.Second
)

// awaitTurn waits until the place may start a process, and reports false if the
// place is to go instead.
func (p *place) awaitTurn() bool {
	if p.firstStarts.CompareAndSwap(false, true) {
		time.AfterFunc(aloneTime, p.startOthers)
		return true
	}
	select {
	case <-p.firstReached:
		return true
	case <-p.quit:
		return false
	}
}

// startOthers lets more processes start than the first one.
func (s *Supervisor) startOthers() { s.othersStart.Do(func() { close(s.firstReached) }) }

// keep runs processes until the place is to go. It reports the first process's
// fate to started: nil when it was ready, or why it was not.
func (p *place) keep(started func(error)) {
	once := sync.Once{}
	report := func(err error) { once.Do(func() { started(err) }) }
	defer report(nil)

	dormant := p.cfg.OnDemand
	young := 0 // processes in a row that died young
	for {
		if dormant {
			report(nil)
			if !p.sleep() {
				return
			}
		} else {
			p.scout.expect()
		}
		arrive := sync.OnceFunc(p.scout.arrive)
		if !p.awaitTurn() {
			arrive()
			return
		}
		c, err := p.startChild(p.number)
		young++
		if err != nil {
			arrive()
			p.cfg.Logger.Error("a worker process could not be started", "error", err)
			report(err)
		} else {
			left := p.attend(c, func(err error) { arrive(); report(err) })
			arrive()
			dormant = left == consumer.LeavingIdle
			if c.isExplained() || time.Since(c.born) > goodLife || c.board.Tasks() > 0 {
				young = 0
			}
			// Beside the next process's start: neither shall wait for the other.
			p.burials.Go(func() { report(p.bury(c)) })
		}
		if !p.pause(young) {
			return
		}
	}
}

// sleep waits for work, and reports false if the place is to go instead.
func (p *place) sleep() bool {
	p.scout.enlist()
	defer p.scout.dismiss()
	select {
	case <-p.scout.work:
		return true
	case <-p.quit:
		return false
	}
}

// pause waits before the next process, and reports false if there shall be none.
func (p *place) pause(young int) bool {
	delay := time.Duration(0)
	if young > atOnce {
		delay = min(firstBackoff<<min(young-atOnce-1, 16), mostBackoff)
		delay += rand.N(delay / 4)
		p.cfg.Logger.Warn("worker processes die soon after their start; waiting before the next", "in_a_row", young, "wait", delay)
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-p.quit:
		return false
	case <-timer.C:
	}
	select {
	case <-p.quit:
		return false
	default:
		return true
	}
}

// attend follows a process until it has died, and returns why it left if it did so
// in good order.
func (p *place) attend(c *child, started func(error)) consumer.Leaving {
	p.introduce(p, c)
	go c.read(func(r report) { p.take(c, r, started) })
	p.follow(c)
	if err := c.awaitReports(); err != nil {
		p.cfg.Logger.Debug("reading the last reports", "pid", c.PID(), "error", err)
	}
	p.part(p, c)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left
}

// follow sets a process up when it has reached [Main], has it drain when the place
// is to go, and returns when it has died.
func (p *place) follow(c *child) {
	overdue := time.NewTimer(setupTimeout)
	defer overdue.Stop()
	wait := setupWarning
	slow := time.NewTimer(wait)
	defer slow.Stop()
	reached, quit := c.reached, p.quit
	for {
		select {
		case <-c.Died():
			return
		case <-reached:
			reached = nil
			slow.Stop()
			overdue.Reset(readyTimeout)
			p.startOthers()
			p.setUp(c)
			go c.write(func(err error) { p.cfg.Logger.Debug("ordering a worker process", "pid", c.PID(), "error", err) })
		case <-slow.C:
			p.cfg.Logger.Warn("a worker process is still in the program's set-up before pool.Main",
				"pid", c.PID(), "for", time.Since(c.born).Round(time.Second), "timeout", setupTimeout)
			wait *= 2
			slow.Reset(wait)
		case <-overdue.C:
			p.giveUp(c)
		case <-quit:
			quit = nil
			if reached == nil {
				c.order(order{Drain: true})
			} else {
				p.dismiss(c)
			}
		}
	}
}

// dismiss kills a process that has not reached [Main], whose place is to go: it has
// nothing to finish, and might take minutes to hear of it.
func (p *place) dismiss(c *child) {
	c.mu.Lock()
	c.left, c.dismissed = consumer.LeavingDrained, true
	c.mu.Unlock()
	if err := c.Kill(); err != nil {
		p.cfg.Logger.Debug("killing a process that is not needed", "pid", c.PID(), "error", err)
	}
}

// giveUp kills a process that is not ready when it should be: it hangs, and would
// keep its place empty.
func (p *place) giveUp(c *child) {
	late := fmt.Sprintf("not within %v", readyTimeout)
	if !c.hasReachedMain() {
		late = fmt.Sprintf("it did not reach pool.Main within %v", setupTimeout)
	}
	c.mu.Lock()
	ready := c.ready
	if !ready {
		c.failed = late
	}
	c.mu.Unlock()
	if ready {
		return
	}
	if err := c.killFor(codec.CauseUnready, "since it was not ready in time"); err != nil {
		p.cfg.Logger.Debug("killing a process that is not ready", "pid", c.PID(), "error", err)
	}
}

// bury sees to the tasks of a process that has died, reports its death and
// frees what belonged to it. Its error says why the process was never ready.
func (p *place) bury(c *child) error {
	// The tasks first: somebody may wait for them, and the process's output may
	// take a moment to end.
	running := p.aftermath(c)
	p.scout.poke() // for what was given back
	<-c.Exited()
	death := newDeath(c, running, p.killing.Load())
	unready := c.stillborn()
	switch {
	case death.Expected:
	case unready != nil:
		p.cfg.Logger.Error("a worker process was never ready", "pid", death.PID, "error", unready)
		if death.Signal != "SIGKILL" || death.OutOfMemory || c.wasKilledFor(codec.CauseUnready) { // else it was somebody else's doing
			p.miscarried(unready)
		}
	default:
		p.tell(c, death)
	}
	p.recordDeath(p, c, death, unready)
	if p.cfg.Listener.Died != nil {
		p.cfg.Listener.Died(death)
	}
	if err := c.dispose(); err != nil {
		p.cfg.Logger.Debug("disposing of a worker process", "pid", death.PID, "error", err)
	}
	return unready
}

// take takes a report of the process's.
func (p *place) take(c *child, r report, started func(error)) {
	if r.Main && !c.hasReachedMain() {
		close(c.reached)
	}
	c.mu.Lock()
	first := r.Ready && !c.ready
	c.ready = c.ready || r.Ready
	c.waits += r.Waits
	if r.Failed != "" {
		c.failed = r.Failed
	}
	if r.Left != "" {
		c.left = r.Left
	}
	c.mu.Unlock()
	if first {
		p.begun(r.Funcs)
		if p.cfg.Listener.Ready != nil {
			p.cfg.Listener.Ready(c.PID())
		}
		started(nil)
	}
	if r.Find != nil {
		go func() { // it asks the fleet
			c.order(order{Found: &found{Number: r.Find.Number, Processes: p.elsewhere(r.Find.Func)}})
		}()
	}
	if r.Pong {
		c.answered()
	}
	if r.WatchAt != 0 {
		p.watchAt(c, time.Unix(0, r.WatchAt))
	}
	if r.Waits != 0 {
		p.waitingChanged(r.Waits)
	}
}
